"""Batches are filled across items, in order, and read no more than they need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from infodecomp.estimator.batching import batches, evenly, groups, padded


@pytest.mark.parametrize("size", [1, 2, 5, 6, 100])
def test_every_row_comes_once_and_in_order(size: int) -> None:
    work = [("a", 3), ("b", 0), ("c", 7), ("d", 1)]
    found = list(batches(work, size))
    rows = [(item, row) for batch in found for item, of_item in batch for row in of_item]
    assert rows == [(item, row) for item, count in work for row in range(count)]
    counts = [sum(len(of_item) for _, of_item in batch) for batch in found]
    assert all(count == size for count in counts[:-1]) and 1 <= counts[-1] <= size


def test_no_more_is_read_than_the_next_batch_needs() -> None:
    read: list[int] = []

    def work() -> Iterator[tuple[int, int]]:
        for item in range(10):
            read.append(item)
            yield item, 4

    found = batches(work(), 6)
    assert read == []
    assert next(found) == [(0, range(4)), (1, range(2))]
    assert read == [0, 1]
    assert next(found) == [(1, range(2, 4)), (2, range(4))]
    assert read == [0, 1, 2]


def test_the_size_is_asked_anew_for_every_batch() -> None:
    class Shrinking:
        rows = 8

        def __int__(self) -> int:
            return self.rows

    size = Shrinking()
    lengths = []
    for batch in groups(range(15), size):
        lengths.append(len(batch))
        size.rows = 3
    assert lengths == [8, 3, 3, 1]


def test_nothing_pending_is_no_batch() -> None:
    assert list(batches([("a", 0)], 4)) == [] and list(groups([], 4)) == []


@pytest.mark.parametrize(
    ("count", "most", "expected"), [(10, 10, 10), (11, 10, 6), (48, 21, 16), (3, 1, 1), (2, 21, 2)]
)
def test_rows_are_divided_evenly(count: int, most: int, expected: int) -> None:
    assert evenly(count, most) == expected


def test_filled_up_by_copies_of_the_first_row() -> None:
    rows = torch.arange(6.0).reshape(3, 2)
    assert padded(rows, 5).tolist() == [[0, 1], [2, 3], [4, 5], [0, 1], [0, 1]]
    assert torch.equal(padded(rows, 3), rows) and torch.equal(padded(rows, 2), rows)
