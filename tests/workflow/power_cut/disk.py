"""What a disk may hold after a power cut: what was synced, and of the rest whatever chance has brought there.

The content of a file is certain up to its last sync; of what was written since, there may be nothing, a part, zeros in its
place, or all. Names that were given, changed or deleted since the last sync of their folder may be as before or as after.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.workflow.power_cut.recording import Operation, Recording

# How names that are not certain turn out: in their order up to a moment (a journal), each by itself, all, or none.
NAMES: tuple[Literal["ordered", "each", "all", "none"], ...] = ("ordered", "each", "all", "none")
# How contents that are not certain turn out.
CONTENTS: tuple[Literal["old", "empty", "prefix", "zeros", "torn", "whole"], ...] = (
    *("old", "empty", "prefix"),
    *("zeros", "torn", "whole"),
)
_PAGE = 512


@dataclass(eq=False)
class Node:
    """A file, a folder or a link. certain, latest: contents on the disk and in memory (None: empty); size: of the latest."""

    kind: Literal["file", "folder", "link"]
    certain: Path | None = None
    latest: Path | None = None
    size: int = 0
    time: int = 0
    target: str = ""
    synced: bool = True
    names: dict[str, Node] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """Names that change together: folder, name, and what it names then (None: it is gone)."""

    edits: tuple[tuple[Node, str, Node | None], ...]

    def apply(self, names: dict[Node, dict[str, Node]]) -> None:
        for folder, name, node in self.edits:
            known = names.setdefault(folder, dict(folder.names))
            if node is None:
                known.pop(name, None)
            else:
                known[name] = node


class Disk:
    """A disk and its memory of what is not yet on it, from a folder as it was before a recording.

    before: a copy of the folder as it was; inodes: those of the folder then, by path.
    """

    def __init__(self, recording: Recording, before: Path, inodes: Mapping[Path, int]) -> None:
        self._recording, self._inodes = recording, inodes
        self._nodes: dict[int, Node] = {}
        self.pending: list[Change] = []
        self.root = self._read(recording.root, before)

    def _read(self, path: Path, before: Path) -> Node:
        if before.is_symlink():
            node = Node("link", target=str(before.readlink()))
        elif before.is_dir():
            node = Node("folder")
            node.names = {child.name: self._read(path / child.name, child) for child in before.iterdir()}
        else:
            state = before.stat()
            node = Node("file", before, before, state.st_size, state.st_mtime_ns)
        self._nodes[self._inodes[path]] = node
        return node

    def run(self, operations: Sequence[Operation], until: int) -> None:
        """Let the first `until` operations happen."""
        following = _next_contents(self._recording, operations)
        for place, operation in enumerate(operations[:until]):
            self._happen(operation, following[place])

    def _happen(self, now: Operation, following: Path | None) -> None:
        node = self._nodes.get(now.inode)
        folder, other = self._nodes.get(now.folder), self._nodes.get(now.other_folder)
        match now.kind:
            case "create" | "mkdir" | "symlink":
                node = self._new(now)
                self._change((folder, now.name, node))
            case "link":
                self._change((folder, now.name, node))
            case "unlink":
                self._change((folder, now.name, None))
            case "rename":
                # Some programs rename by themselves, unseen: then the file is still known by another name.
                former = _name_of(self._now(folder), now.name, node) if folder else now.name
                self._change((folder, former, None), (other, now.other_name, node))
                self._written(node, now, following)
            case "truncate" | "write" | "close":
                self._written(node, now, following)
            case "sync":
                self._written(node, now, following)
                if node:
                    node.certain, node.synced = node.latest, True
            case "sync_folder":
                self._settle([change for change in self.pending if any(edit[0] is node for edit in change.edits)])
            case "sync_all":
                self._settle(list(self.pending))
                for each in self._nodes.values():
                    each.certain, each.synced = each.latest, True

    def _new(self, now: Operation) -> Node:
        kinds: dict[str, Literal["file", "folder", "link"]] = {"mkdir": "folder", "symlink": "link"}
        node = Node(kinds.get(now.kind, "file"), time=now.time)
        if node.kind == "link":
            content = self._recording.content(now.number)
            node.target = content.read_text(encoding="utf-8") if content else ""
        self._nodes[now.inode] = node
        return node

    def _written(self, node: Node | None, now: Operation, following: Path | None) -> None:
        if node is None or node.kind != "file":
            return
        changed = now.kind in ("truncate", "write") or (node.size, node.time) != (now.size, now.time)
        node.size, node.time = now.size, now.time
        content = self._recording.content(now.number)
        if changed:
            node.synced, node.latest = False, content or following
        elif content and not node.synced:
            node.latest = content

    def _change(self, *edits: tuple[Node | None, str, Node | None]) -> None:
        known = tuple((folder, name, node) for folder, name, node in edits if folder is not None)
        if known:
            self.pending.append(Change(known))

    def _settle(self, changes: Sequence[Change]) -> None:
        names: dict[Node, dict[str, Node]] = {}
        for change in changes:
            change.apply(names)
        for folder, known in names.items():
            folder.names = known
        self.pending = [change for change in self.pending if change not in changes]

    def _now(self, folder: Node) -> dict[str, Node]:
        """The names in a folder as programs see them."""
        names: dict[Node, dict[str, Node]] = {folder: dict(folder.names)}
        for change in self.pending:
            change.apply(names)
        return names[folder]

    def seen(self) -> dict[str, bytes]:
        """Path → content of every file, as programs see it."""
        names: dict[Node, dict[str, Node]] = {}
        for change in self.pending:
            change.apply(names)
        return {path: _bytes(node.latest)[: node.size] for path, node in _walk(self.root, names) if node.kind == "file"}

    def cut(self, target: Path, rng: random.Random) -> list[str]:
        """Write to `target` what may be left; what became of each uncertain file and name, for the message of a test."""
        mode = rng.choice(NAMES)
        point = rng.randint(0, len(self.pending))
        names: dict[Node, dict[str, Node]] = {}
        told = [f"names: {mode}" + (f", the first {point} of {len(self.pending)}" if mode == "ordered" else "")]
        for place, change in enumerate(self.pending):
            if {"ordered": place < point, "each": rng.random() < 0.5, "all": True, "none": False}[mode]:
                change.apply(names)
        target.mkdir()
        for path, node in _walk(self.root, names):
            place_on_disk = target / path
            if node.kind == "folder":
                place_on_disk.mkdir()
            elif node.kind == "link":
                place_on_disk.symlink_to(node.target)
            elif node.synced and node.certain:
                shutil.copy2(node.certain, place_on_disk)
                os.utime(place_on_disk, ns=(node.time, node.time))
            else:
                content = rng.choice(CONTENTS)
                told.append(f"{path}: {content}")
                place_on_disk.write_bytes(_left(node, content, rng))
                os.utime(place_on_disk, ns=(node.time, node.time))
        return told


def _next_contents(recording: Recording, operations: Sequence[Operation]) -> list[Path | None]:
    """Of each operation, the next content that was kept of its file."""
    following: list[Path | None] = [None] * len(operations)
    latest: dict[int, Path | None] = {}
    for place in reversed(range(len(operations))):
        now = operations[place]
        if now.kind != "symlink" and (content := recording.content(now.number)):
            latest[now.inode] = content
        following[place] = latest.get(now.inode)
        if now.kind == "create":
            latest[now.inode] = None
    return following


def _name_of(names: dict[str, Node], name: str, node: Node | None) -> str:
    if names.get(name) is node:
        return name
    return next((other for other, known in names.items() if known is node), name)


def _walk(folder: Node, names: dict[Node, dict[str, Node]], path: str = "") -> Iterator[tuple[str, Node]]:
    """Every file, folder and link below a folder, folders before what is in them."""
    for name, node in names.get(folder, folder.names).items():
        yield path + name, node
        if node.kind == "folder":
            yield from _walk(node, names, f"{path}{name}/")


def _left(node: Node, content: str, rng: random.Random) -> bytes:
    latest = _bytes(node.latest)[: node.size].ljust(node.size, b"\0")
    cut = rng.randint(0, len(latest))
    page = cut // _PAGE * _PAGE
    return {
        "old": _bytes(node.certain),
        "empty": b"",
        "prefix": latest[:cut],
        "zeros": bytes(len(latest)),
        "torn": latest[:page] + bytes(len(latest[page : page + _PAGE])) + latest[page + _PAGE :],
        "whole": latest,
    }[content]


def _bytes(path: Path | None) -> bytes:
    return path.read_bytes() if path else b""
