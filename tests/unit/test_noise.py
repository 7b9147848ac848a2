"""Noise that is made when it is read: the numbers of the whole stream, and how much of it is kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from infodecomp.estimator.draws import Draws
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.noise import BLOCK, KEPT, Noise, Stream
from infodecomp.estimator.sampling import sample_draws

# 64 KiB a draw: a block holds 16 of them, or 32 of a pair's, and a stream keeps 128.
SHAPE = (4, 64, 64)
COUNT = 300


def held(count: int, *, antithetic: bool, seed: int = 0) -> torch.Tensor:
    """The whole stream at once."""
    half = count // 2 if antithetic else count
    eps = torch.from_numpy(np.random.default_rng(seed).standard_normal((half, *SHAPE), dtype=np.float32))
    return torch.stack([eps, -eps], 1).flatten(0, 1) if antithetic else eps


def drawn(count: int = COUNT, *, antithetic: bool = True, seed: int = 0) -> Noise:
    return Noise.drawn(np.random.default_rng(seed), count, SHAPE, antithetic=antithetic)


@pytest.mark.parametrize("antithetic", [True, False])
def test_any_part_is_that_of_the_stream_made_at_once(antithetic: bool) -> None:
    whole = held(COUNT, antithetic=antithetic)
    parts: list[Callable[[], slice | torch.Tensor]] = [
        lambda: slice(250, 290),  # a later part first
        lambda: slice(None),
        lambda: slice(3, 4),
        lambda: slice(0, COUNT, 7),
        lambda: torch.tensor([299, 0, 17, 17, 130]),
        lambda: torch.empty(0, dtype=torch.long),
    ]
    noise = drawn(antithetic=antithetic)
    assert len(noise) == COUNT and noise.shape == whole.shape
    for part in parts:
        assert torch.equal(noise[part()], whole[part()])
        assert torch.equal(drawn(antithetic=antithetic)[part()], whole[part()])


@pytest.mark.parametrize("antithetic", [True, False])
def test_batches_in_order_read_twice_are_those_of_the_stream(antithetic: bool) -> None:
    """As the estimator reads them: the inputs of a batch, then the errors of the draws that it completed."""
    noise, whole = drawn(antithetic=antithetic), held(COUNT, antithetic=antithetic)
    done = 0
    for start in range(0, COUNT, 21):
        index = torch.arange(start, min(start + 21, COUNT))
        assert torch.equal(noise[index], whole[index])
        assert torch.equal(noise[done : start + 10], whole[done : start + 10])
        done = start + 10


def test_the_numbers_go_on_where_a_generator_stands_and_leave_it_there() -> None:
    rng, other = np.random.default_rng(1), np.random.default_rng(1)
    for one in (rng, other):
        one.random(3)
        one.standard_normal(5, dtype=np.float32)  # an odd number of 32-bit words
    noise = Noise.drawn(rng, 40, SHAPE, antithetic=False)
    before = rng.bit_generator.state
    assert torch.equal(noise[:], torch.from_numpy(other.standard_normal((40, *SHAPE), dtype=np.float32)))
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("antithetic", [True, False])
def test_parts_of_parts_and_one_after_another(antithetic: bool) -> None:
    one, other = (drawn(seed=seed, antithetic=antithetic) for seed in (0, 1))
    whole = torch.cat([held(COUNT, seed=seed, antithetic=antithetic) for seed in (0, 1)])
    joined = one.followed_by(other)
    for start, stop in ((0, 600), (290, 310), (0, 300), (300, 600), (301, 303), (50, 50), (500, 700)):
        assert torch.equal(joined.between(start, stop)[:], whole[start:stop])
    part = joined.between(100, 500).between(150, 350)
    assert len(part) == 200 and torch.equal(part[:], whole[250:450])
    assert torch.equal(part[torch.tensor([199, 0, 60])], whole[[449, 250, 310]])
    twice = part.followed_by(part)
    assert torch.equal(twice[::40], torch.cat([whole[250:450]] * 2)[::40])
    given = Noise.held(whole[:10]).between(2, 8).followed_by(one)
    assert torch.equal(given[4:9], torch.cat([whole[6:8], whole[:3]]))


@pytest.mark.parametrize("extendable", [True, False])
@pytest.mark.parametrize("antithetic", [True, False])
@pytest.mark.parametrize("design", ["iid", "stratified", "midpoint", "sobol", "grid"])
def test_the_noise_of_every_design_is_the_stream_after_its_places(
    design: str, antithetic: bool, extendable: bool
) -> None:
    def sample(steps: list[int]) -> tuple[Draws, np.random.Generator]:
        """Draws, and the generator that the noise comes from."""
        rng = np.random.default_rng(3)
        draws = sample_draws(
            shape=SHAPE,
            steps=steps,
            density="grid" if design == "grid" else "logistic",
            design="iid" if design == "grid" else design,
            antithetic_eps=antithetic,
            extendable=extendable,
            interval=Interval(-4.0, 7.0, 1.0, 2.0),
            rng=rng,
        )
        return draws, np.random.default_rng(3).spawn(2)[1] if extendable else rng

    draws, rng = sample([40, 80])
    half = 40 if antithetic else 80
    eps = torch.from_numpy(rng.standard_normal((half, *SHAPE), dtype=np.float32))
    whole = torch.stack([eps, -eps], 1).flatten(0, 1) if antithetic else eps
    assert torch.equal(draws.eps[:], whole)
    assert torch.equal(draws.first(50).eps[:], whole[:50])
    assert torch.equal(draws.between(10, 70).between(20, 40).eps[:], whole[30:50])
    joined = draws.first(4).followed_by(draws.between(70, 80))
    assert torch.equal(joined.eps[:], whole[[*range(4), *range(70, 80)]]) and len(joined) == 14
    if extendable:
        longer, _ = sample([40, 80, 160])
        assert torch.equal(longer.eps[:80], whole)


@pytest.mark.parametrize("shape", [(1, 1, 1), SHAPE, (16, 128, 128), (16, 256, 256)])
def test_what_a_stream_keeps_is_bounded(shape: tuple[int, int, int]) -> None:
    """By `KEPT`, or one draw where a draw alone is more."""
    count = 60 if shape[0] == 16 else 600
    stream = Stream(np.random.default_rng(0), count, shape, antithetic=True)
    a_draw = 4 * int(np.prod(shape))
    for start in range(0, count, 12):
        stream[torch.arange(start, start + 12)]
        assert 0 < stream.kept_bytes <= max(KEPT, a_draw)
    assert stream.kept_bytes <= count // 2 * a_draw
    if a_draw < BLOCK:  # nothing is made twice where all of it fits
        kept = stream.kept_bytes
        stream[torch.arange(count)]
        assert stream.kept_bytes == kept


def test_a_draw_is_made_once_while_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    make = Stream._made

    def counted(self: Stream, number: int) -> torch.Tensor:
        made.append(number)
        return make(self, number)

    monkeypatch.setattr(Stream, "_made", counted)
    noise = drawn(96, antithetic=False)
    for _ in range(2):
        for start in range(0, 96, 8):
            _ = noise[start : start + 8]
    assert made == [0, 1, 2, 3, 4, 5]
