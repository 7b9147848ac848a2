"""The one exception for bad input: configuration, files, rows and arguments."""

from __future__ import annotations


class InputError(Exception):
    """Bad input, told so that its author can mend it.

    The text is one sentence (or one sentence a row, one row a line) that names the file, row or key, the value
    found and what is allowed. `python -m infodecomp run` prints it without a traceback and exits with status 1.
    """
