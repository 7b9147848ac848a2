"""A network with shuffled weights: the control that exposes explanations which do not depend on the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def randomised(network: torch.nn.Module, rng: np.random.Generator) -> Iterator[None]:
    """Shuffle the values of every weight tensor of `network`, in orders that `rng` draws, inside the `with`.

    Each layer keeps the distribution of its weights, and so the scale of its outputs, and nothing else; see Adebayo et al.,
    Sanity Checks for Saliency Maps (NeurIPS 2018). Afterwards the weights are restored bit for bit.
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
