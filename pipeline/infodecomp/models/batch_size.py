"""How many rows go into one call of a model, a number that adapts to the memory during a run.

`auto` is `ON_CPU` rows on a CPU. On a GPU it starts at `START` rows; each call measures what a row takes, and the size
becomes the largest power of two that fits into `SHARE` of the memory. Whatever the size, a call that does not fit is
repeated in halves, and later calls stay that small. None of this changes more than the last digits of a result.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Literal, Protocol

import torch

from infodecomp.estimator.batching import padded
from infodecomp.estimator.condition import Condition
from infodecomp.runs.errors import InputError
from infodecomp.runs.memory_errors import ran_out_of_memory

AUTO: Literal["auto"] = "auto"
ON_CPU = 64
START = 8
SHARE = 0.8

# Larger calls are no faster, and images would wait long for their last row.
LARGEST = 1024

# For callers of the library, who decide themselves on the rows of a call.
NO_LIMIT = 1 << 62


class Memory(Protocol):
    """The memory of a device, in bytes."""

    def start(self) -> None:
        """Reset the measurement."""

    def taken(self) -> int:
        """The peak use since `start`, less the use at that time."""
        ...

    def free(self) -> int:
        """How much this process can still use."""
        ...

    def release(self) -> None:
        """Return unused memory to the device."""


class BatchSize:
    """Rows in one call at this moment: `int(size)`.

    memory: if given, the size grows according to what calls are measured to take.
    """

    def __init__(self, rows: int = NO_LIMIT, memory: Memory | None = None) -> None:
        self.rows, self.memory, self.grows = rows, memory, memory is not None

    @classmethod
    def of(cls, asked: int | Literal["auto"], device: str | torch.device) -> BatchSize:
        """The batch size of a configuration on a device."""
        kind = torch.device(device).type
        if asked != AUTO:
            return cls(asked)
        if kind == "cuda":
            return cls(START, GpuMemory(torch.device(device)))
        return cls(ON_CPU if kind == "cpu" else START)

    def __int__(self) -> int:
        return self.rows

    def filled(self, rows: int) -> int:
        """The number of rows that a call of `rows` is filled up to, so that calls have one size, or a few while it grows."""
        return min(1 << (rows - 1).bit_length(), self.rows) if self.grows else max(rows, self.rows)

    def run(self, call: Callable[..., torch.Tensor], *inputs: torch.Tensor | Condition) -> torch.Tensor:
        """call(*inputs) on rows (n, …) and n conditions, with at most `int(size)` of them in a call.

        Raises InputError if the memory does not hold a single row.
        """
        results: list[torch.Tensor] = []
        done, count = 0, len(inputs[0])
        while done < count:
            piece = [rows[done : done + self.rows] for rows in inputs]
            result = self._attempt(call, piece)
            if result is not None:
                results.append(result)
                done += len(piece[0])
        return results[0] if len(results) == 1 else torch.cat(results)

    def run_filled(self, call: Callable[..., torch.Tensor], *inputs: Any) -> torch.Tensor:
        """As `run`, with the rows filled up by copies of the first, whose results are dropped; see `filled`."""
        count = self.filled(len(inputs[0]))
        return self.run(call, *(padded(rows, count) for rows in inputs))[: len(inputs[0])]

    def _attempt(self, call: Callable[..., torch.Tensor], piece: list[torch.Tensor | Condition]) -> torch.Tensor | None:
        """The result; None, with a smaller size from then on, if the memory ran out."""
        rows = len(piece[0])
        if self.memory is not None:
            self.memory.start()
        try:
            result = call(*piece)
        except RuntimeError as error:
            # A GPU has an error of its own; that of a CPU says more once there is nothing left to halve.
            if not ran_out_of_memory(error) or (rows == 1 and not isinstance(error, torch.OutOfMemoryError)):
                raise
            reason = str(error)
        else:
            self._grow(rows)
            return result
        # Outside of `except`, where the error no longer references the tensors of the call.
        self._shrink(rows, reason)
        return None

    def _grow(self, rows: int) -> None:
        """Grow to the largest power of two that fits, as estimated from a call of at least half the size."""
        if self.memory is None or not self.grows or 2 * rows < self.rows:
            return
        a_row = max(self.memory.taken(), 1) / rows
        fitting = min(int(SHARE * self.memory.free() / a_row), LARGEST)
        if fitting >= 2 * self.rows:
            self.rows = 1 << (fitting.bit_length() - 1)

    def _shrink(self, failed: int, reason: str) -> None:
        if failed == 1:
            raise InputError(
                "machine → device: its memory does not hold one row of the model; use a device with more memory, or "
                f"set model → precision to bfloat16 ({reason})"
            )
        self.rows, self.grows = 1 << ((failed - 1).bit_length() - 1), False
        if self.memory is not None:
            self.memory.release()
        print(f"memory ran out at {failed} rows in one call; continuing with {self.rows}", flush=True)


class GpuMemory:
    """The memory of a CUDA device as torch's allocator sees it."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.before = device, 0

    def start(self) -> None:
        torch.cuda.reset_peak_memory_stats(self.device)
        self.before = torch.cuda.memory_allocated(self.device)

    def taken(self) -> int:
        return torch.cuda.max_memory_allocated(self.device) - self.before

    def free(self) -> int:
        cached = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return int(torch.cuda.mem_get_info(self.device)[0]) + cached

    def release(self) -> None:
        torch.cuda.empty_cache()


def rows_or_auto(text: str) -> int | Literal["auto"]:
    """Parse a command-line argument: `auto`, or a number of rows of at least 1."""
    if text == AUTO:
        return AUTO
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"is '{text}'; expected auto or a positive whole number")
    return int(text)
