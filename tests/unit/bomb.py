"""A pickle that does something when it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Bomb:
    """Unpickling it makes an empty file."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.target, "w")
