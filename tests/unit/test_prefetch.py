"""Items are prepared ahead, one after the other, and come out in order."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from infodecomp.runs.prefetch import prefetched


def test_items_come_in_order_with_what_was_prepared() -> None:
    assert list(prefetched(lambda item: item * item, range(7), ahead=3)) == [(item, item * item) for item in range(7)]
    assert list(prefetched(str, [])) == []


def test_the_next_items_are_prepared_by_another_thread_meanwhile() -> None:
    prepared: list[int] = []
    third = threading.Event()
    threads: set[str] = set()

    def prepare(item: int) -> int:
        threads.add(threading.current_thread().name)
        prepared.append(item)
        if item == 2:
            third.set()
        return item

    items = prefetched(prepare, range(10), ahead=2)
    assert next(items) == (0, 0)
    assert third.wait(10)  # nothing has been asked for since
    assert next(items) == (1, 1)
    assert len(threads) == 1 and threading.current_thread().name not in threads
    items.close()  # type: ignore[attr-defined]
    assert prepared == list(range(len(prepared))) and len(prepared) <= 5


def test_an_error_is_raised_at_its_item() -> None:
    def prepare(item: int) -> int:
        if item == 2:
            raise ValueError("the third")
        return item

    items = prefetched(prepare, range(5))
    assert [next(items), next(items)] == [(0, 0), (1, 1)]
    with pytest.raises(ValueError, match="the third"):
        next(items)


def test_no_more_is_read_than_ahead() -> None:
    read: list[int] = []

    def source() -> Iterator[int]:
        for item in range(10):
            read.append(item)
            yield item

    items = prefetched(str, source(), ahead=3)
    next(items)
    assert read == [0, 1, 2, 3]
