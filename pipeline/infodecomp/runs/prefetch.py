"""Prepare the next items in the background while the current one is in use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetched(
    prepare: Callable[[Item], Result], items: Iterable[Item], ahead: int = 16
) -> Iterator[tuple[Item, Result]]:
    """Each item with prepare(item), in order; up to `ahead` items are prepared before their turn.

    A single thread prepares one item after the other, so that results do not depend on timing. An exception of `prepare` is
    raised at the turn of its item.
    """
    waiting = iter(items)
    pending: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as pool:
        try:
            pending.extend((item, pool.submit(prepare, item)) for item in islice(waiting, ahead))
            while pending:
                item, result = pending.popleft()
                prepared = result.result()
                pending.extend((next_item, pool.submit(prepare, next_item)) for next_item in islice(waiting, 1))
                yield item, prepared
        finally:
            for _, result in pending:
                result.cancel()
