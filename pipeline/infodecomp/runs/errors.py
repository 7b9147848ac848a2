"""The exception for invalid input: configuration, files, rows and arguments."""

from __future__ import annotations


class InputError(Exception):
    """Invalid input; the message says how to fix it.

    The text is one sentence, or one line for each invalid row, that names the file, row or key, the value found and
    what is allowed. `infodecomp run` prints it without a traceback and exits with status 1.
    """
