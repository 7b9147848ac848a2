"""Files that come with the checkout: models, lists and tables, found wherever a study runs."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
# Nothing else: what a study draws or fetches below data/ belongs to the folder in which it runs.
SHIPPED = ("data/models", "data/photos", "data/reference", "data/sources.csv", "pipeline/infodecomp")


def shipped(path: str | Path) -> Path:
    """A path relative to the working folder, or, where that has no such file, the checkout's file of that name.

    The configuration and all records name the file as it was given, so that a study says the same wherever it runs.
    """
    given = Path(path)
    beside = CHECKOUT / given
    if given.exists() or given.is_absolute() or not any(given.is_relative_to(place) for place in SHIPPED):
        return given
    return beside if beside.exists() else given
