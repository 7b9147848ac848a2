"""Numbers of tables as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

MISSING = "–"


def markdown_table(head: Sequence[str], words: int, rows: Iterable[Sequence[str]]) -> str:
    """A table whose first `words` columns are words, to the left, and the rest numbers, to the right."""
    alignment = [":--"] * words + ["--:"] * (len(head) - words)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, alignment, *rows))


def percent(fraction: float) -> str:
    """With one decimal and without its sign."""
    return f"{100 * fraction:.1f}" if np.isfinite(fraction) else MISSING


def percent_interval(low: float, high: float) -> str:
    """Both ends in percent."""
    return f"{percent(low)}–{percent(high)}" if np.isfinite(low) else MISSING


def csv_text(frame: pd.DataFrame) -> str:
    """A table for programs: six significant digits."""
    return str(frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
