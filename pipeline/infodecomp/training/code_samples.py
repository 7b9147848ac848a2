"""Pictures that a decoder makes while it is trained, to look at: from noise, with everything known and with nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from infodecomp.estimator.channel import signal_and_noise
from infodecomp.estimator.condition import STATES, Condition
from infodecomp.representation.codes import MASK
from infodecomp.runs.seeds import generator

STEPS = 30


def sampled(
    decoder: torch.nn.Module, known: Condition, shape: Sequence[int], interval: tuple[float, float], seed: int
) -> torch.Tensor:
    """Images from noise by DDIM in equal steps of log-SNR, (B, C, H, W); the last step returns x̂. shape: (C, H, W)."""
    rng, device = generator(seed, "representation", "samples"), known.states.device
    noise = rng.standard_normal((len(known), *shape), dtype=np.float32)
    x, clean = torch.from_numpy(noise).to(device), torch.zeros(1)
    levels = torch.linspace(*interval, STEPS, device=device)
    with torch.inference_mode():
        for here, after in zip(levels, [*levels[1:], None], strict=True):
            clean = decoder(x, here.expand(len(x)), known.tensors[STATES], known.tensors[MASK]).clamp(-1, 1)
            if after is not None:
                (signal, spread), (signal_after, spread_after) = signal_and_noise(here), signal_and_noise(after)
                x = signal_after * clean + spread_after * (x - signal * clean) / spread
    return clean


def sheet(rows: Sequence[torch.Tensor]) -> np.ndarray:
    """Rows of images in [−1, 1] as one picture, uint8 (rows · H, n · W, 3); grey ones are repeated in three channels."""
    columns = [torch.cat(list(row.expand(-1, 3, -1, -1)), 2) for row in rows]
    picture = torch.cat(columns, 1).add(1).mul(127.5).round().clamp(0, 255).byte()
    return np.ascontiguousarray(picture.permute(1, 2, 0).cpu().numpy())
