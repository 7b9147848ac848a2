"""A network with its weights shuffled, and as it was afterwards."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from infodecomp.models.randomised import randomised


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.LayerNorm(16), torch.nn.Linear(16, 2))


def weights(module: torch.nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def test_values_stay_in_their_tensor_and_change_their_places() -> None:
    module = network()
    before = weights(module)
    with randomised(module, np.random.default_rng(1)):
        within = weights(module)
    for old, new in zip(before, within, strict=True):
        assert torch.equal(old.flatten().sort().values, new.flatten().sort().values)
    assert not torch.equal(before[0], within[0]) and not torch.equal(before[-2], within[-2])
    assert all(torch.equal(old, new) for old, new in zip(before, weights(module), strict=True))


def test_the_order_is_that_of_the_generator() -> None:
    found = []
    for seed in (1, 1, 2):
        module = network()
        with randomised(module, np.random.default_rng(seed)):
            found.append(weights(module)[0])
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_weights_come_back_after_an_error() -> None:
    module = network()
    before = weights(module)
    with pytest.raises(ValueError, match="broken"), randomised(module, np.random.default_rng(1)):
        raise ValueError("broken")
    assert all(torch.equal(old, new) for old, new in zip(before, weights(module), strict=True))
