"""How fast this machine runs a model: a few full batches, timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from pipeline.attention import Tap, recording
from pipeline.latent_diffusion import LatentDiffusion

# Calls of each kind are at least so many.
_CALLS = 2
# A batch size that grows has found its number after so many calls.
_LOOKS = 8
_PROMPT = "a photograph of a dog and a cat"


@dataclass(frozen=True)
class Speed:
    """Seconds of one evaluation, plain and with its attention recorded; shapes of the model, (C, h, w) and pixels a side."""

    device: str
    batch_size: int
    plain: float
    recorded: float
    start_up: float
    latent_shape: tuple[int, int, int]
    image_size: int

    def seconds(self, evaluations: int, recorded: int, jobs: int) -> float:
        """Time of some evaluations in some jobs, each of which loads the model, one after another on one device."""
        return (evaluations - recorded) * self.plain + recorded * self.recorded + jobs * self.start_up


def measure(model: LatentDiffusion, start_up: float, seconds: float = 4.0) -> Speed:
    """Time full batches of the model, of each kind for so many seconds; start_up: seconds that loading the model took."""
    channels, height, width = model.latent_shape
    batch_size = _settled_batch_size(model)
    call = partial(model, *_inputs(model, batch_size))
    taps = [Tap(row, row, [1]) for row in range(batch_size)]
    plain = _seconds_a_call(call, seconds)
    with recording(model.unet, (height, width)) as recorder:

        def recorded_call() -> None:
            recorder.expect(taps)
            call()

        recorded = _seconds_a_call(recorded_call, seconds)
    return Speed(
        device=str(model.device),
        batch_size=batch_size,
        plain=plain / batch_size,
        recorded=recorded / batch_size,
        start_up=start_up,
        latent_shape=(channels, height, width),
        image_size=model.image_size,
    )


def _inputs(model: LatentDiffusion, rows: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noised latents (B, C, h, w), log-SNRs (B,) and embeddings (B, tokens, width) of a call."""
    latents = torch.randn((rows, *model.latent_shape), generator=torch.Generator().manual_seed(0))
    return latents, torch.zeros(rows), model.encode_prompts([_PROMPT]).expand(rows, -1, -1)


def _settled_batch_size(model: LatentDiffusion) -> int:
    """Rows of a full call, once the batch size has grown to what the memory allows."""
    rows = 0
    for _ in range(_LOOKS):
        if rows == int(model.batch_size):
            break
        rows = int(model.batch_size)
        model(*_inputs(model, rows))
    return rows


def _seconds_a_call(call: Callable[[], object], seconds: float) -> float:
    """Mean after one call that warms up; calls return their results on the CPU, so that a GPU has finished them."""
    call()
    calls, started = 0, time.perf_counter()
    while calls < _CALLS or time.perf_counter() - started < seconds:
        call()
        calls += 1
    return (time.perf_counter() - started) / calls
