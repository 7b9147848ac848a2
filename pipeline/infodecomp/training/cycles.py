"""The cycles in which the denoiser is trained: each a rise and fall of the learning rate, and what is trained on meanwhile.

The learning rate restarts in every cycle, as in Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm
Restarts (2017). The first cycle learns everything; the later ones refine what information is measured on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

from infodecomp.scenes.captions import GENERAL, REFINING, SETTLING, PromptMix


@dataclass(frozen=True)
class Pace:
    """One rise and fall of the learning rate.

    share: its part of all steps, relative to the other cycles. rate: peak of the learning rate, relative to the recipe's.
    hold: share of its steps after which the rate falls linearly to nought. warm_up: steps of the rise.
    """

    share: int
    rate: float
    hold: float
    warm_up: int


@dataclass(frozen=True)
class Cycle(Pace):
    """A cycle of learning to predict noise.

    focus: share of noise levels drawn where words carry most information; the rest cover the whole schedule. plain: log-SNR
    above which a scene shows what its captions say, so prompts may be left empty. prompts: proportions of their kinds.
    """

    focus: float
    plain: float
    prompts: PromptMix


CYCLES = (
    Cycle(share=18, rate=1.0, hold=0.7, warm_up=200, focus=0.6, plain=1.0, prompts=GENERAL),
    Cycle(share=9, rate=0.5, hold=0.0, warm_up=200, focus=0.85, plain=0.5, prompts=REFINING),
    Cycle(share=2, rate=0.3, hold=0.0, warm_up=200, focus=0.85, plain=0.5, prompts=SETTLING),
)

AnyCycle = TypeVar("AnyCycle", bound=Pace)


def cycle_starts(steps: int, cycles: Sequence[Pace]) -> list[int]:
    """The step at which each cycle begins, and after them the number of steps."""
    total = sum(cycle.share for cycle in cycles)
    return [round(steps * before / total) for before in accumulate((cycle.share for cycle in cycles), initial=0)]


def cycle_of(step: int, steps: int, cycles: Sequence[AnyCycle]) -> AnyCycle:
    """The cycle that a step of 0…steps − 1 belongs to."""
    return cycles[sum(start <= step for start in cycle_starts(steps, cycles)[1:-1])]


def learning_rate_factor(step: int, steps: int, cycles: Sequence[Pace]) -> float:
    """The learning rate of a step relative to the recipe's: warm-up, constant, then linear decay, in every cycle."""
    cycle, starts = cycle_of(step, steps, cycles), cycle_starts(steps, cycles)
    start = max(start for start in starts[:-1] if start <= step)
    length = starts[starts.index(start) + 1] - start
    done = step - start
    decay = (length - done) / max(1, length * (1 - cycle.hold))
    return max(0.0, cycle.rate * min(1.0, (done + 1) / cycle.warm_up, decay))
