"""Memory that ran out in one sentence: how much there is, and what to lower.

NumPy and pyarrow raise MemoryError; PyTorch, oneDNN and the loader of shared libraries raise others, known by their texts.
"""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from pathlib import Path

_TEXTS = (
    *("allocate memory", "not enough memory", "out of memory", "unable to allocate", "bad_alloc"),
    # oneDNN, which computes convolutions; and the loader, when it maps a library into memory.
    *("could not create a primitive", "failed to map segment from shared object"),
)
_THREADS = "can't start new thread"
_MEMORY_TABLE = Path("/proc/meminfo")
# Limits of a container or of a job of a cluster: of version 2 and of version 1 of Linux's control groups.
_GROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    if not isinstance(error, RuntimeError | OSError | ImportError):
        return False
    text = str(error).lower()
    # A thread needs address space for its stack; without a limit on that, what ran out is threads.
    return any(sign in text for sign in _TEXTS) or (_THREADS in text and _process_limit() is not None)


def memory_problem(error: BaseException | None) -> str | None:
    """A sentence if an error, or what caused it, says that memory ran out; None for other errors."""
    while error is not None and not ran_out_of_memory(error):
        error = error.__cause__ or error.__context__
    if error is None:
        return None
    return (
        f"the memory ran out: {_available(error)}; run fewer jobs side by side (--cores), lower `machine → batch_size` or "
        "`machine → threads`, or provide more memory, and run the same command again, which continues where it stopped "
        "(docs/faq.md)."
    )


def _available(error: BaseException) -> str:
    """How much there is, by whatever limits it most."""
    if "cuda" in str(error).lower():
        return "that of the GPU"
    size, what = min(_limits(), default=(0, ""))
    return f"there are {size / 1e9:.1f} GB ({what})" if size else "how much there is is not known"


def _limits() -> Iterator[tuple[int, str]]:
    if (limit := _process_limit()) is not None:
        yield limit, "the address space of a process, by ulimit -v"
    for path in _GROUP_LIMITS:
        text = _text(path).strip()
        if text.isdecimal():
            yield int(text), "the limit of the container or job"
    kilobytes = {
        name: rest.split()[0] for name, _, rest in (line.partition(":") for line in _text(_MEMORY_TABLE).splitlines())
    }
    if "MemTotal" in kilobytes:
        free = int(kilobytes.get("MemAvailable", 0)) * 1024
        yield int(kilobytes["MemTotal"]) * 1024, f"that of the machine, {free / 1e9:.1f} GB of it free"


def _process_limit() -> int | None:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
