"""Draw the batches of training steps ahead of their use, in separate processes, so that a GPU need not wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from torch.utils.data import DataLoader, Dataset

Drawn = TypeVar("Drawn")


class _Steps(Dataset[Any]):
    def __init__(self, draw: Callable[[int], Any], steps: range) -> None:
        self.draw, self.steps = draw, steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, place: int) -> Any:
        return self.draw(self.steps[place])


def drawn_ahead(draw: Callable[[int], Drawn], steps: range, processes: int) -> Iterator[Drawn]:
    """`draw(step)` of every step, in order, ahead of its use by the given number of processes, or by this one if it is 0."""
    loader: Iterable[Drawn] = DataLoader(
        _Steps(draw, steps),
        batch_size=None,
        shuffle=False,
        num_workers=processes,
        prefetch_factor=4 if processes else None,
    )
    return iter(loader)
