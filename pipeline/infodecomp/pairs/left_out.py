"""The word pairs that the limits of `pairs → selection` left out, as the record of the pairs counts them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from infodecomp.runs.errors import InputError
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
    """Reason → number of pairs; empty without a record, as of a table that somebody made by hand."""
    if not record.is_file():
        return {}
    try:
        counts = json.loads(record.read_text(encoding="utf-8"))["extra"].get("left_out", {})
        return {str(reason): int(count) for reason, count in counts.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{record}: this is not a readable record ({error!r}); run pair_words again.") from error
