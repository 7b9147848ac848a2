"""How fast this machine runs a model, timed on a few full batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from infodecomp.models.attention import Tap
from infodecomp.models.protocol import DiffusionModel

# The least number of calls of each kind.
_CALLS = 2
_PROMPT = "a photograph of a dog and a cat"


@dataclass(frozen=True)
class Speed:
    """Seconds of one evaluation, plain and with its attention recorded, on this device.

    start_up: seconds to load the model. latent_shape: (C, h, w); image_size: pixels a side.
    """

    device: str
    batch_size: int
    plain: float
    recorded: float
    start_up: float
    latent_shape: tuple[int, int, int]
    image_size: int

    def seconds(self, evaluations: int, recorded: int, jobs: int) -> float:
        """Seconds of a number of evaluations, `recorded` of them with attention, in jobs that run one after another.

        Each job loads the model.
        """
        return (evaluations - recorded) * self.plain + recorded * self.recorded + jobs * self.start_up


def settled_batch_size(model: DiffusionModel) -> int:
    """The batch size after a few calls have measured the memory."""
    for _ in range(_CALLS):
        rows = int(model.batch_size)
        latents = torch.zeros(rows, *model.latent_shape)
        model(latents, torch.zeros(rows), model.encode_prompts([_PROMPT])[0].expand(rows))
        if int(model.batch_size) == rows:
            break
    return int(model.batch_size)


def measure(model: DiffusionModel, batch_size: int, start_up: float, seconds: float = 4.0) -> Speed:
    """Time batches of `batch_size` rows, for `seconds` each with and without recording.

    start_up: seconds that loading the model took.
    """
    channels, height, width = model.latent_shape
    rng = torch.Generator().manual_seed(0)
    latents = torch.randn((batch_size, channels, height, width), generator=rng)
    condition = model.encode_prompts([_PROMPT])[0].expand(batch_size)
    logsnr = torch.zeros(batch_size)
    taps = [Tap(row, row, [1]) for row in range(batch_size)]

    def call() -> None:
        model(latents, logsnr, condition)

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
    """Mean time of a call after a warm-up; results are returned on the CPU, so that a GPU has finished the call."""
    call()
    calls, started = 0, time.perf_counter()
    while calls < _CALLS or time.perf_counter() - started < seconds:
        call()
        calls += 1
    return (time.perf_counter() - started) / calls
