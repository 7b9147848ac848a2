"""The word pairs that the limits of `pairs → selection` left out, as the record of the pairs counts them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from infodecomp.runs.job_record import read_content
from infodecomp.tables.text import thousands


def left_out_sentence(pairs: Mapping[str, Path]) -> str:
    """How many pairs of each dataset were left out, and why; empty if none. pairs: dataset → its table of pairs."""
    found = [
        f"{thousands(count)} pairs of {name} {reason}"
        for name, path in pairs.items()
        for reason, count in _left_out(path.with_suffix(".provenance.json")).items()
    ]
    return f"Left out: {'; '.join(found)} (`pairs → selection → limits`)." if found else ""


def _left_out(record: Path) -> dict[str, int]:
    """Reason → number of pairs; empty without a record, as of a table made by hand. InputError for a damaged record."""
    content = read_content(record) if record.is_file() else None
    return dict(content["extra"]["left_out"]) if content else {}
