"""Memory that a call of a model, or the scoring of a map, gives back is kept for the next one.

The GNU C library returns blocks above some MiB to the system as soon as they are free, and asks for them again a moment
later; the system then fills every page with zeros. In calls of a small model on a CPU that is a tenth of the time, in
scoring maps of 512×512 pixels a sixth.
"""

from __future__ import annotations

import ctypes

# Parameters of mallopt, from malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3

# The largest blocks that can be kept, and how much of what is free at the end of the heap, in bytes.
LARGEST, KEPT = 32 << 20, 1 << 30


def keep_freed_memory() -> bool:
    """Let this process keep freed blocks of up to 32 MiB, 1 GiB in all; False with a C library that has no such setting."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(
        mallopt(parameter, size) for parameter, size in ((_MMAP_THRESHOLD, LARGEST), (_TRIM_THRESHOLD, KEPT))
    )
