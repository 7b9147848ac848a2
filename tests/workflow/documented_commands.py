"""Every command that the project prints: found in its pages and in the headers of its files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("snakemake", "make", "infodecomp", "python", "pip")
# Pages in Markdown, and files whose comments show commands.
PAGES = ("*.md", "docs/**/*.md", "data/**/*.md", "config/*.md", ".github/**/*.md")
COMMENTED = ("Snakefile", "Makefile", "rules/*.smk", "config.yaml", "config/**/*.yaml", "profiles/*/*.yaml")

_FENCED = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
# A code span starts with the program; a name alone is no command.
_INLINE = re.compile(rf"`((?:{'|'.join(PROGRAMS)})\s[^`]+)`")
_LINE = re.compile(rf"^\s*(?:\$ )?((?:{'|'.join(PROGRAMS)})\s.+)$")


@dataclass(frozen=True)
class Command:
    """A command as it is printed, and where."""

    text: str
    place: str

    @property
    def words(self) -> list[str]:
        """Its words, up to a pipe, a redirection or another command."""
        words = shlex.split(self.text, comments=True)
        ends = [place for place, word in enumerate(words) if word in ("|", ">", "&&", ";", "2>&1")]
        return words[: ends[0]] if ends else words


def commands(root: Path) -> list[Command]:
    """The commands of all pages and headers below `root`, in order."""
    found: list[Command] = []
    for pattern in PAGES:
        for path in sorted(root.glob(pattern)):
            found += [Command(text, str(path.relative_to(root))) for text in _in_markdown(path.read_text("utf-8"))]
    for pattern in COMMENTED:
        for path in sorted(root.glob(pattern)):
            found += [Command(text, str(path.relative_to(root))) for text in _in_comments(path.read_text("utf-8"))]
    return list(dict.fromkeys(found))


def _in_markdown(text: str) -> Iterator[str]:
    for block in _FENCED.findall(text):
        yield from _in_lines(block)
    for span in _INLINE.findall(_FENCED.sub("", text)):
        yield " ".join(span.split())


def _in_comments(text: str) -> Iterator[str]:
    """Of a comment line that is a command, what stands before two spaces; and commands in backticks in any comment."""
    lines = [line.lstrip(" #") for line in text.splitlines() if line.lstrip().startswith("#")]
    for line in _in_lines("\n".join(lines)):
        yield re.split(r"\s{2,}", line)[0]
    comments = " ".join(line.partition("#")[2] for line in text.splitlines() if "#" in line)
    for span in _INLINE.findall(comments):
        yield " ".join(span.split())


def _in_lines(block: str) -> Iterator[str]:
    for line in block.replace("\\\n", " ").splitlines():
        match = _LINE.match(line)
        if match:
            yield re.split(r"\s+#", match[1])[0].strip()
