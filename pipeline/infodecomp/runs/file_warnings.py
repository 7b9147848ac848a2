"""What had to be assumed about files: one line a kind in the log, however many files it is true of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Assumptions:
    """Collects what was assumed; the first file of a kind is named, and all are counted."""

    _files: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, file: object, assumed: str) -> None:
        """Note that something was assumed of a file; an empty text is nothing."""
        if assumed:
            self._files.setdefault(assumed, {})[str(file)] = None

    def __bool__(self) -> bool:
        return bool(self._files)

    def lines(self) -> Iterator[str]:
        """A warning of each kind, in the order of their first files."""
        for assumed, files in self._files.items():
            first = next(iter(files))
            yield f"warning: {first}: {assumed}{f' (the first of {len(files)})' if len(files) > 1 else ''}."
