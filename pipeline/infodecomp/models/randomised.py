"""A network that has forgotten what it learned: the control of explanations that do not look at the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def randomised(network: torch.nn.Module, rng: np.random.Generator) -> Iterator[None]:
    """For the length of a `with` block, every weight tensor of `network` has its values in an order that `rng` draws.

    Each layer keeps the distribution of its weights, and so the size of what it computes, and nothing else; see Adebayo et
    al., Sanity Checks for Saliency Maps (NeurIPS 2018). Afterwards the weights are those from before, bit for bit.
    """
    kept = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    draws = torch.Generator().manual_seed(int(rng.integers(2**62)))
    try:
        with torch.no_grad():
            for parameter in network.parameters():
                order = torch.randperm(parameter.numel(), generator=draws).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].view(parameter.shape))
        yield
    finally:
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                parameter.copy_(kept[name])
