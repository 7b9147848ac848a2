"""Let the process keep memory that a call of the model, or the scoring of a map, frees, for the next one.

The GNU C library returns large blocks to the system as soon as they are free, and requests them again a moment later; the
system then fills every page with zeros. That is a tenth of the time of calls of a small model on a CPU, and a sixth of the
time of scoring maps of 512×512 pixels.
"""

from __future__ import annotations

import ctypes

# Parameters of mallopt, from malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3

# The largest block that is kept, and the most free memory kept at the end of the heap, in bytes.
LARGEST, KEPT = 32 << 20, 1 << 30


def keep_freed_memory() -> bool:
    """Let this process keep freed blocks of up to 32 MiB, 1 GiB in all; False if the C library has no such setting."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(
        mallopt(parameter, size) for parameter, size in ((_MMAP_THRESHOLD, LARGEST), (_TRIM_THRESHOLD, KEPT))
    )
