"""Text in CSV files that a spreadsheet shows and does not run, and the way back to what it was.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line break for a formula, also in quotes; an
apostrophe before it makes it text. So `=1+1` is written `'=1+1`, and `'=1+1` is written `''=1+1`: what is read is what was
written. Numbers are no text and stay as they are, and so does a sign alone. The characters are those of OWASP's page on
"CSV injection".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from infodecomp.runs.ledger import checked

# With their full-width forms.
_SIGNS = "=+\\-@\t\r\n＝＋－＠"
_RUN = re.compile(f"'*[{_SIGNS}].", re.DOTALL)
_SHOWN = re.compile(f"'+[{_SIGNS}].", re.DOTALL)


def shown(text: str) -> str:
    """As a spreadsheet shows the text without running it.

    >>> shown("=1+1"), shown("a dog"), shown("-"), shown("'-5")
    ("'=1+1", 'a dog', '-', "''-5")
    """
    return f"'{text}" if _RUN.match(text) else text


def meant(text: str) -> str:
    """The reverse of `shown`.

    >>> meant("'=1+1"), meant("a dog"), meant("'s")
    ('=1+1', 'a dog', "'s")
    """
    return text[1:] if _SHOWN.match(text) else text


def shown_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """A table whose cells of text are written as `shown`."""
    return _of_text(frame, shown)


def read_shown_csv(path: Path, **options: Any) -> pd.DataFrame:
    """Read a CSV of `shown_cells`; options as of pandas. Only empty cells are missing: a word may be "null" or "NA"."""
    return _of_text(pd.read_csv(checked(path), keep_default_na=False, na_values=[""], **options), meant)


def _of_text(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    changed = frame.copy(deep=False)
    for name, column in frame.items():
        if any(isinstance(cell, str) for cell in column):
            cells = [change(cell) if isinstance(cell, str) else cell for cell in column]
            changed[name] = pd.Series(cells, frame.index)
    return changed
