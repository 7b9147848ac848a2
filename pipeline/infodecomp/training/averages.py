"""Look at a state under training through its running averages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from infodecomp.training.state import TrainState


@contextmanager
def averaged(state: TrainState) -> Iterator[None]:
    """Within this context the networks have their averaged weights; afterwards, exactly those under training."""
    own = {name: parameter.detach().clone() for name, parameter in state.parameters().items()}
    _put(state, state.averages)
    try:
        yield
    finally:
        _put(state, own)


def _put(state: TrainState, weights: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in state.parameters().items():
            parameter.copy_(weights[name])
