"""A condition: an encoded prompt, as named tensors that only the model which made it looks into.

One tensor does not hold what today's models read of a prompt: Stable Diffusion XL and 3 add pooled vectors, others masks or
a second stream of tokens. Whoever passes conditions on compares, stacks, selects and moves them as wholes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

# The tensor of `Condition.of`. In a model with tokens: their states, (tokens, width), in the order of its `token_offsets`.
STATES = "states"
# Which tokens there are, bool (tokens,). Conditions with it may have different numbers of tokens.
MASK = "mask"

Index = int | slice | Sequence[int] | torch.Tensor


@dataclass(frozen=True, eq=False)
class Condition:
    """One encoded prompt, or a batch of them: then each tensor has a leading axis of rows, one prompt a row.

    `len`, indexing and iteration are those of a batch; an integer selects one prompt.

    >>> empty, dog = Condition.of(torch.zeros(2)), Condition.of(torch.ones(2))
    >>> batch = Condition.stack([empty, dog], [0, 1, 1])
    >>> len(batch), batch[2].equal(dog), batch[:1].states.tolist()
    (3, True, [[0.0, 0.0]])
    """

    tensors: Mapping[str, torch.Tensor]

    @classmethod
    def of(cls, states: torch.Tensor) -> Condition:
        """A condition of a single tensor, `states`."""
        return cls({STATES: states})

    @classmethod
    def stack(cls, conditions: Sequence[Condition], index: Index | None = None) -> Condition:
        """A batch of conditions with equal names; row k is number index[k] of them (None: each once).

        Fewer tokens are filled up with zeros that the mask leaves out; without a mask all must have as many.
        """
        batch = cls.cat([one.expand(1) for one in conditions])
        return batch if index is None else batch[index]

    @classmethod
    def cat(cls, batches: Sequence[Condition]) -> Condition:
        """The rows of batches, one batch after another; fewer tokens are filled up as by `stack`."""
        names = batches[0].tensors
        most = {name: max(batch.tensors[name].shape[1:2] for batch in batches) for name in names}
        filled = [batch._filled(most) for batch in batches]
        return cls({name: torch.cat([tensors[name] for tensors in filled]) for name in names})

    @property
    def states(self) -> torch.Tensor:
        """The tensor of that name. Gradients by tokens are taken of it."""
        return self.tensors[STATES]

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the names, dtypes, shapes and values of all tensors."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.tensors.items()):
            values = tensor.detach().cpu().contiguous()
            digest.update(f"{name} {values.dtype} {tuple(values.shape)} ".encode())
            digest.update(values.flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def equal(self, other: Condition) -> bool:
        """Whether all tensors are the same, bit for bit."""
        return self is other or self.sha256 == other.sha256

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def __getitem__(self, index: Index) -> Condition:
        return Condition({name: tensor[index] for name, tensor in self.tensors.items()})

    def __iter__(self) -> Iterator[Condition]:
        return (self[row] for row in range(len(self)))

    def expand(self, rows: int) -> Condition:
        """A batch of `rows` rows of this one prompt, which share its memory."""
        return Condition({name: tensor.expand(rows, *tensor.shape) for name, tensor in self.tensors.items()})

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Condition:
        """On a device, with the floating tensors in this dtype; masks and indices keep theirs."""
        return Condition(
            {
                name: tensor.to(device, dtype if tensor.is_floating_point() else None)
                for name, tensor in self.tensors.items()
            }
        )

    def replaced(self, tensors: Mapping[str, torch.Tensor]) -> Condition:
        """With these tensors in place of those of the same names."""
        return Condition({**self.tensors, **tensors})

    def minus(self, other: Condition) -> Condition:
        """The differences of the floating tensors, which alone the result has.

        Of two numbers of tokens the result has the larger; missing tokens count as zeros.

        >>> Condition.of(torch.ones(2)).minus(Condition.of(torch.zeros(2))).states.tolist()
        [1.0, 1.0]
        """
        ours, theirs = Condition.stack([self, other])
        return Condition(
            {name: tensor - theirs.tensors[name] for name, tensor in ours.tensors.items() if tensor.is_floating_point()}
        )

    def _filled(self, most: Mapping[str, Sequence[int]]) -> dict[str, torch.Tensor]:
        """The tensors of a batch, (rows, n, …), with zeros up to `most` entries on the axis of n."""
        added = {name: sum(most[name]) - sum(tensor.shape[1:2]) for name, tensor in self.tensors.items()}
        if any(added.values()) and MASK not in self.tensors:
            raise ValueError("conditions have different numbers of tokens, and no mask that says which there are")
        return {
            name: tensor
            if added[name] == 0
            else torch.cat([tensor, tensor.new_zeros(len(tensor), added[name], *tensor.shape[2:])], 1)
            for name, tensor in self.tensors.items()
        }
