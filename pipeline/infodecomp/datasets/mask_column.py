"""Whether a dataset has masks at all, known before its cases are made: without any there is nothing to score."""

from __future__ import annotations

from infodecomp.config import CustomSource, DatasetSource
from infodecomp.datasets.table_text import header_names, read_rows
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped


def is_localised(section: DatasetSource) -> bool:
    """Whether the maps of a dataset are scored against masks: it is to be, and if it is your own, its CSV names a mask.

    A CSV that cannot be read counts as one with masks; the stage that makes the cases says what is wrong with it.
    """
    if not section.localisation or not isinstance(section, CustomSource):
        return section.localisation
    path = shipped(section.list)
    if path.is_dir():
        return False
    try:
        rows = read_rows(path, ("image", "caption"))
    except (OSError, InputError):
        return True
    if not rows or "mask" not in (names := header_names(rows[0][1])):
        return False
    place = names.index("mask")
    return any(any(cells[place : place + 1]) for _, cells in rows[1:])
