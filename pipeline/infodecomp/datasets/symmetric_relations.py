"""Relations that read the same both ways, so that a swap of their two objects leaves the caption true.

ARO's notebook (Yuksekgonul et al., 2023) drops them before it averages the accuracies of VG-Relation.
"""

from __future__ import annotations

from pathlib import Path

from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked


def read_symmetric_relations(path: Path) -> frozenset[str]:
    """Read a list of relations from a text file in UTF-8: one a line; empty lines and what follows a `#` do not count.

    Raises InputError if the file is missing, is not UTF-8 or names no relation, and for relations that are there
    twice.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a text file with one symmetric relation a line.")
    try:
        lines = checked(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: this is not text in UTF-8 ({error}).") from error
    first_line, problems = dict[str, int](), []
    for number, line in enumerate(lines, start=1):
        relation = line.partition("#")[0].strip()
        if relation and first_line.setdefault(relation, number) != number:
            problems.append(f"{path}, line {number}: {relation!r} is already on line {first_line[relation]}.")
    if problems:
        raise InputError("\n".join(problems))
    if not first_line:
        raise InputError(f"{path}: the file names no relation; expected one a line.")
    return frozenset(first_line)
