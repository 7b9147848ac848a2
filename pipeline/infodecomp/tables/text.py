"""Numbers of tables as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.tables.spreadsheet_text import shown_cells

MISSING = "–"


def percent(fraction: float) -> str:
    """With one decimal and without the sign.

    >>> percent(0.5725)
    '57.2'
    """
    return f"{100 * fraction:.1f}" if np.isfinite(fraction) else MISSING


def percent_interval(low: float, high: float) -> str:
    """Both ends in percent.

    >>> percent_interval(0.5, 0.61)
    '50.0–61.0'
    """
    return f"{percent(low)}–{percent(high)}" if np.isfinite(low) else MISSING


def decimals(digits: int) -> Callable[[float], str]:
    """A format with this many decimals; what is rounded to zero has no sign.

    >>> decimals(2)(0.1234), decimals(2)(-0.001), decimals(2)(float("nan"))
    ('0.12', '0.00', '–')
    """

    def text(value: float) -> str:
        return f"{value:z.{digits}f}" if np.isfinite(value) else MISSING

    return text


def interval(low: float, high: float, digits: int) -> str:
    """Both ends, with a word between them since they may be negative.

    >>> interval(-0.5, 0.25, 2)
    '-0.50 to 0.25'
    """
    text = decimals(digits)
    return f"{text(low)} to {text(high)}" if np.isfinite(low) else MISSING


def thousands(count: int) -> str:
    """A count with commas.

    >>> thousands(12345)
    '12,345'
    """
    return f"{count:,}"


def or_missing(value: Any) -> str:
    """A count or a text; a dash for zero and for no text."""
    return str(value) if value else MISSING


def csv_text(frame: pd.DataFrame) -> str:
    """A table for programs and spreadsheets: six significant digits, and no text that a spreadsheet would run."""
    # Cells with a character of the line's end are quoted, and a reader takes \r alone for one.
    written = str(shown_cells(frame).to_csv(index=False, float_format="%.6g", lineterminator="\r\n")).split('"')
    written[::2] = [outside_quotes.replace("\r\n", "\n") for outside_quotes in written[::2]]
    return '"'.join(written)
