"""Form batches of rows from pending work: every stage that calls a model does it here.

A batch size is anything that `int` accepts. It is read again for every batch, so it may change during a run: see
`infodecomp.models.batch_size`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import SupportsInt, TypeVar

import torch

from infodecomp.estimator.condition import Condition

Item = TypeVar("Item")
Rows = TypeVar("Rows", torch.Tensor, Condition)


def batches(work: Iterable[tuple[Item, int]], size: SupportsInt) -> Iterator[list[tuple[Item, range]]]:
    """Split the rows of items, in order, into batches of `size` rows that run across items; the last may have fewer.

    work: pairs of an item and its number of rows, read lazily. A batch lists its items, each with the range of its rows that
    the batch holds; items without rows appear in none.

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
    """Split items of one row each into batches of `size`; the last may have fewer.

    >>> list(groups("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    for batch in batches(((item, 1) for item in items), size):
        yield [item for item, _ in batch]


def evenly(count: int, most: int) -> int:
    """Rows per batch when `count` rows are split evenly into the fewest batches of at most `most` rows.

    >>> evenly(10, most=4)
    4
    >>> evenly(9, most=8)
    5
    """
    return math.ceil(count / math.ceil(count / most))


def padded(rows: Rows, count: int) -> Rows:
    """Rows (n, …) or n conditions, filled up to `count` rows with copies of the first.

    Kernels round differently for different numbers of rows. With calls of one size, the last digits of a result do not
    depend on what shares its call.

    >>> padded(torch.tensor([[1.0], [2.0]]), 3).flatten().tolist()
    [1.0, 2.0, 1.0]
    """
    copies = torch.zeros(max(count - len(rows), 0), dtype=torch.long)
    return rows[torch.cat([torch.arange(len(rows)), copies])]
