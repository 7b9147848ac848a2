"""The progress bar of an explanation: evaluations of the denoiser."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(total: int, wanted: bool | None, task: str = "explaining") -> Iterator[Callable[[int], None]]:
    """A bar on stderr inside the `with`; yields what counts evaluations. wanted: None: on a terminal or in a notebook."""
    with warnings.catch_warnings():
        # Without ipywidgets a notebook gets the plain bar, which serves as well.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm

    # With `disable=None`, tqdm shows a bar only on a terminal; its notebook's bar is always shown.
    with tqdm(total=total, unit=" evaluations", desc=task, disable=None if wanted is None else not wanted) as bar:
        yield bar.update
