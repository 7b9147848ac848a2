"""Fill batches from whatever is pending: every stage that calls a model forms its batches here.

A size is anything that `int` takes, and is asked anew for every batch, so that it may change on the way:
see `infodecomp.models.batch_size`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import SupportsInt, TypeVar

import torch

Item = TypeVar("Item")


def batches(work: Iterable[tuple[Item, int]], size: SupportsInt) -> Iterator[list[tuple[Item, range]]]:
    """The rows of items, in order, in batches of `size` rows that run across items; the last may have fewer.

    work: each item with how many rows it has, read only as far as the next batch needs. A batch names its items, each with
    those of its rows that are in it; items without rows are in none.

    >>> list(batches([("a", 3), ("b", 2)], 4))
    [[('a', range(0, 3)), ('b', range(0, 1))], [('b', range(1, 2))]]
    """
    batch: list[tuple[Item, range]] = []
    room = int(size)
    for item, rows in work:
        start = 0
        while start < rows:
            batch.append((item, range(start, min(start + room, rows))))
            taken = len(batch[-1][1])
            start, room = start + taken, room - taken
            if room == 0:
                yield batch
                batch, room = [], int(size)
    if batch:
        yield batch


def groups(items: Iterable[Item], size: SupportsInt) -> Iterator[list[Item]]:
    """Items of one row each in batches of `size`; the last may have fewer.

    >>> list(groups("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    for batch in batches(((item, 1) for item in items), size):
        yield [item for item, _ in batch]


def evenly(count: int, most: int) -> int:
    """The rows of a batch when `count` rows are divided into as few batches as hold at most `most`, and evenly.

    >>> evenly(10, most=4)
    4
    >>> evenly(9, most=8)
    5
    """
    return math.ceil(count / math.ceil(count / most))


def padded(rows: torch.Tensor, count: int) -> torch.Tensor:
    """Rows (n, …) and copies of the first up to `count` rows.

    Kernels round differently for another number of rows; with calls of one size the last digits of a result do not depend on
    what shares its call.

    >>> padded(torch.tensor([[1.0], [2.0]]), 3).flatten().tolist()
    [1.0, 2.0, 1.0]
    """
    return torch.cat([rows, rows[:1].expand(max(count - len(rows), 0), *rows.shape[1:])])
