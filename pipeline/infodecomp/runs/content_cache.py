"""The content of files as SHA-256, remembered between runs as long as size, times and inode stay the same."""

from __future__ import annotations

import json
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from infodecomp.runs.contents import file_sha256
from infodecomp.runs.storage import write_text

# A file that changes twice within one tick of the file system's clock keeps its times: files this young are hashed again.
_YOUNGEST_NS = 2_000_000_000


class _State(NamedTuple):
    """What changes whenever a file's content does, short of a clock that is set back."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, name: str) -> _State | None:
        """The state of a regular file; None if there is none."""
        try:
            found = os.stat(name)  # noqa: PTH116 – of a hundred thousand files, a Path would take longer than the call
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


class ContentCache:
    """SHA-256 of files, computed again only where size, times or inode changed since.

    file: where the hashes are kept between runs, as JSON; one that cannot be read counts as empty.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._known, self._used = file, _read(file), dict[str, tuple[_State, str]]()

    def sha256(self, name: str) -> str | None:
        """The content of the file at a path; None if there is no such file or it cannot be read."""
        state = _State.of(name)
        if state is None:
            return None
        for known in (self._used, self._known):
            if name in known and known[name][0] == state:
                self._used[name] = known[name]
                return known[name][1]
        try:
            digest = file_sha256(Path(name))
        except OSError:
            return None
        if time.time_ns() - max(state.mtime_ns, state.ctime_ns) > _YOUNGEST_NS:
            self._used[name] = (state, digest)
        return digest

    def save(self) -> None:
        """Keep the hashes that were asked for; those of files that nothing asks for any longer are forgotten."""
        if self._used == self._known:
            return
        content = {name: [*state, digest] for name, (state, digest) in self._used.items()}
        with suppress(OSError):  # without it, the next start hashes again
            write_text(self._file, json.dumps(content))
        self._known = dict(self._used)


def _read(file: Path) -> dict[str, tuple[_State, str]]:
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return {name: (_State(*map(int, state)), str(digest)) for name, (*state, digest) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
