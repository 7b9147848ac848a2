"""Overlays hold values, never code.

Snakemake runs the Python expressions of an overlay that says `__use_yte__: true` (its template engine, YTE), before it reads
the Snakefile and in a dry run too.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from infodecomp.runs.errors import InputError

_SWITCH = "__use_yte__"


def refuse_code(overlays: Iterable[str | Path]) -> None:
    """Raise InputError, naming the file, if an overlay is a template whose expressions run as Python."""
    for overlay in overlays:
        if _is_template(Path(overlay)):
            raise InputError(
                f"{overlay}: `{_SWITCH}` makes an overlay a program, whose expressions Snakemake has already run as Python; "
                "overlays hold values only: remove the key, and write the values that the expressions give."
            )


def _is_template(overlay: Path) -> bool:
    try:
        content = yaml.safe_load(overlay.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError):
        return False  # Snakemake's own loader has said so, or cannot read it either
    return isinstance(content, dict) and bool(content.get(_SWITCH))
