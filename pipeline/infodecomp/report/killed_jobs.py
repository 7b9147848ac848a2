"""Jobs that died of a signal, which leaves them no time to say why: found in the log of Snakemake."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

# What Python says of a shell that failed; a shell reports a signal as 128 plus its number.
_FAILED = re.compile(
    r"infodecomp run (?P<stage>\w+) .*(returned non-zero exit status (?P<status>\d+)\.|died with <Signals\.(?P<name>\w+):)"
)
_BY_SHELL = 128
# Ctrl-C, or a request to end: whoever sent it knows.
_ASKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)
_MEMORY = "run fewer jobs side by side (--cores), or lower `machine → batch_size` (docs/faq.md, It runs out of memory)"


def killed_jobs(logs: Iterable[str]) -> Iterator[str]:
    """A sentence for each stage and signal of which a job died; logs: files of Snakemake's log, which may be missing."""
    deaths = dict.fromkeys(death for log in logs for death in _deaths(Path(log)))
    for stage, number in deaths:
        if number == signal.SIGKILL:
            reason = "which the system does when memory runs out"
        else:
            reason = "of which memory that ran out is one cause, and its log may name another"
        yield f"{stage} was ended by {number.name}, {reason}: {_MEMORY}."


def _deaths(log: Path) -> Iterator[tuple[str, signal.Signals]]:
    if not log.is_file():
        return
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if not (found := _FAILED.search(line)):
            continue
        numbers = {one.name: one for one in signal.Signals}
        by_number = {one.value + _BY_SHELL: one for one in signal.Signals}
        death = numbers.get(found["name"]) if found["name"] else by_number.get(int(found["status"]))
        if death is not None and death not in _ASKED:
            yield found["stage"], death
