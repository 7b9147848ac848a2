"""Run many Snakemake commands in one folder: Snakemake is imported once, and a fork runs each command.

As a program it reads a JSON list of argument lists from its standard input, and writes a list of [exit status, output].
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

PROCESSES = 2


def dry_runs(folder: Path, commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> list[tuple[int, str]]:
    """Exit status and output of each list of arguments of `snakemake`, run in `folder`."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve())],
        cwd=folder,
        env=dict(environment),
        input=json.dumps(commands),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [(status, output) for status, output in json.loads(done.stdout)]


def _main() -> None:
    import snakemake.cli

    commands, outputs = json.load(sys.stdin), {}
    statuses: dict[int, int] = {}
    running: dict[int, int] = {}
    for number, arguments in enumerate(commands):
        if len(running) == PROCESSES:
            _reap(running, statuses)
        outputs[number] = tempfile.TemporaryFile("w+b")  # noqa: SIM115 (read when its child has ended)
        child = os.fork()
        if not child:
            _run(snakemake.cli.main, arguments, outputs[number])
        running[child] = number
    while running:
        _reap(running, statuses)
    json.dump([(statuses[number], _content(outputs[number])) for number in range(len(commands))], sys.stdout)


def _run(main: object, arguments: list[str], output: IO[bytes]) -> None:
    """In the child: the command, with both streams into a file; never returns."""
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    status = 1
    try:
        main(arguments)  # type: ignore[operator]
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _reap(running: dict[int, int], statuses: dict[int, int]) -> None:
    child, status = os.wait()
    statuses[running.pop(child)] = os.waitstatus_to_exitcode(status)


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


if __name__ == "__main__":
    _main()
