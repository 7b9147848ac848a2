"""Data of the page as scripts: a page opened from disk may not fetch JSON, but may load a script that holds it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from infodecomp.runs.storage import write_text

_DIGITS = 5  # significant; finer than an 8-bit map or a standard error resolves


def write_constant(path: Path, name: str, value: Any) -> None:
    """Write a script that assigns a constant."""
    write_text(path, f"const {name} = {as_json(value)};\n")


def write_call(path: Path, function: str, *arguments: Any) -> None:
    """Write a script that hands data to a function of the page."""
    write_text(path, f"{function}({', '.join(map(as_json, arguments))});\n")


def as_json(value: Any) -> str:
    """JSON in ASCII: floats with five digits, null for those that are not finite; `<` is escaped, so that the text is safe
    inside HTML too."""
    text = json.dumps(_plain(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
