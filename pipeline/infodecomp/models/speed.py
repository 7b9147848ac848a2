"""How fast this machine runs a model: a few full batches, timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from infodecomp.models.attention import Tap
from infodecomp.models.protocol import DiffusionModel

# Calls of each kind are at least so many.
_CALLS = 2
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


def settled_batch_size(model: DiffusionModel) -> int:
    """The rows of a call once a few calls have shown what the memory holds."""
    for _ in range(_CALLS):
        rows = int(model.batch_size)
        latents = torch.zeros(rows, *model.latent_shape)
        model(latents, torch.zeros(rows), model.encode_prompts([_PROMPT]).expand(rows, -1, -1))
        if int(model.batch_size) == rows:
            break
    return int(model.batch_size)


def measure(model: DiffusionModel, batch_size: int, start_up: float, seconds: float = 4.0) -> Speed:
    """Time batches of `batch_size` rows, of each kind for so many seconds; start_up: seconds that loading the model took."""
    channels, height, width = model.latent_shape
    rng = torch.Generator().manual_seed(0)
    latents = torch.randn((batch_size, channels, height, width), generator=rng)
    embedding = model.encode_prompts([_PROMPT]).expand(batch_size, -1, -1)
    logsnr = torch.zeros(batch_size)
    taps = [Tap(row, row, [1]) for row in range(batch_size)]

    def call() -> None:
        model(latents, logsnr, embedding)

    plain = _seconds_a_call(call, seconds)
    with model.recording() as recorder:

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


def _seconds_a_call(call: Callable[[], None], seconds: float) -> float:
    """Mean after one call that warms up; calls return their results on the CPU, so that a GPU has finished them."""
    call()
    calls, started = 0, time.perf_counter()
    while calls < _CALLS or time.perf_counter() - started < seconds:
        call()
        calls += 1
    return (time.perf_counter() - started) / calls
