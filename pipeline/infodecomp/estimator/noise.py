"""The noise of draws, made when it is read.

The noise of all draws of an image takes gigabytes when latents are large: 2,400 draws of 16×128×128 are 2.5 GB. The stream
of a random generator can be made again from the generator's state, so only the states at the starts of blocks are kept, and
the few blocks that were read last. The numbers are those of the whole stream made at once.
"""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

# Bytes of a block, unless a single draw takes more, and of the blocks that a stream keeps. What reads a stream does so in
# order, and twice: a batch's inputs and, a batch later at most, its errors.
BLOCK, KEPT = 1 << 20, 1 << 23


class Source(Protocol):
    """Where noise comes from: draws by number, (n, C, h, w) float32, for numbers int64 (n,)."""

    def __getitem__(self, numbers: torch.Tensor) -> torch.Tensor: ...


class Stream:
    """Standard normal numbers of a generator, made in blocks; with `antithetic`, draws 2k and 2k + 1 are ±ε.

    rng: copied, and left as it is. count: the number of draws. shape: (C, h, w).
    """

    def __init__(self, rng: np.random.Generator, count: int, shape: tuple[int, ...], *, antithetic: bool) -> None:
        self.shape, self.signs = shape, 2 if antithetic else 1
        self._rng = copy.deepcopy(rng)
        self._states: list[Any] = [self._rng.bit_generator.state]
        a_draw = 4 * math.prod(shape)
        self._length = max(min(BLOCK // a_draw, count // self.signs), 1)
        self._most = max(KEPT // (self._length * a_draw), 1)
        self._blocks: OrderedDict[int, torch.Tensor] = OrderedDict()

    def __getitem__(self, numbers: torch.Tensor) -> torch.Tensor:
        made, place = numbers // self.signs // self._length, numbers // self.signs % self._length
        eps = torch.empty((len(numbers), *self.shape))
        for number in made.unique().tolist():
            here = made == number
            eps[here] = self._block(number)[place[here]]
        if self.signs == 2:
            eps *= (1 - 2 * (numbers % 2).float()).view(-1, *(1 for _ in self.shape))
        return eps

    @property
    def kept_bytes(self) -> int:
        """The size of the blocks that are kept."""
        return sum(block.nbytes for block in self._blocks.values())

    def _block(self, number: int) -> torch.Tensor:
        """Draws number · length and following, one of each sign's pair, (length, C, h, w)."""
        if number not in self._blocks:
            for missing in range(min(number, len(self._states) - 1), number):
                self._made(missing)  # for the state at its end
            self._blocks[number] = self._made(number)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _made(self, number: int) -> torch.Tensor:
        """A block in memory of its own, or in that of the block that was read longest ago once enough are kept."""
        full = len(self._blocks) == self._most
        block = self._blocks.popitem(last=False)[1] if full else torch.empty((self._length, *self.shape))
        self._rng.bit_generator.state = self._states[number]
        self._rng.standard_normal(out=block.numpy(), dtype=np.float32)
        if number + 1 == len(self._states):
            self._states.append(self._rng.bit_generator.state)
        return block


@dataclass(frozen=True)
class Noise:
    """The noise of draws, ranges of sources one after another. A slice or numbers as index give (n, C, h, w), float32.

    one_shape: (C, h, w).

    >>> noise = Noise.drawn(np.random.default_rng(0), 6, (4, 8, 8), antithetic=True)
    >>> len(noise), noise.shape, tuple(noise[:2].shape), torch.equal(noise[0:1], -noise[1:2])
    (6, (6, 4, 8, 8), (2, 4, 8, 8), True)
    >>> torch.equal(noise.between(2, 6)[:], noise[2:])
    True
    """

    parts: tuple[tuple[Source, range], ...]
    one_shape: tuple[int, ...]

    @classmethod
    def drawn(cls, rng: np.random.Generator, count: int, shape: tuple[int, ...], *, antithetic: bool) -> Noise:
        """The next numbers of a generator, which is left as it is; with `antithetic`, draws 2k and 2k + 1 are ±ε."""
        return cls(((Stream(rng, count, shape, antithetic=antithetic), range(count)),), shape)

    @classmethod
    def held(cls, eps: torch.Tensor) -> Noise:
        """Given noise, (N, C, h, w)."""
        return cls(((eps, range(len(eps))),), tuple(eps.shape[1:]))

    def __len__(self) -> int:
        return sum(len(numbers) for _, numbers in self.parts)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, h, w)."""
        return len(self), *self.one_shape

    def __getitem__(self, index: slice | torch.Tensor) -> torch.Tensor:
        asked = torch.arange(len(self))[index] if isinstance(index, slice) else index
        found: list[tuple[torch.Tensor, torch.Tensor]] = []
        start = 0
        for source, numbers in self.parts:
            here = torch.nonzero((asked >= start) & (asked < start + len(numbers)))[:, 0]
            if len(here):
                found.append((here, source[asked[here] - start + numbers.start]))
            start += len(numbers)
        if len(found) == 1:
            return found[0][1]
        eps = torch.empty((len(asked), *self.one_shape), dtype=found[0][1].dtype if found else torch.float32)
        for here, part in found:
            eps[here] = part
        return eps

    def between(self, start: int, stop: int) -> Noise:
        """The noise of draws `start` … `stop` − 1."""
        parts: list[tuple[Source, range]] = []
        for source, numbers in self.parts:
            kept = numbers[max(start, 0) : max(stop, 0)]
            if kept:
                parts.append((source, kept))
            start, stop = start - len(numbers), stop - len(numbers)
        return Noise(tuple(parts), self.one_shape)

    def followed_by(self, other: Noise) -> Noise:
        """This noise and then the other."""
        return Noise((*self.parts, *other.parts), self.one_shape)
