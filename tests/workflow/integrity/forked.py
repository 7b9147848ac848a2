"""Commands in forks of a process that has imported everything: a tenth of a second where a fresh Python takes two."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

# First on the PATH as `python`: hands `python -m infodecomp …` and `python -m snakemake …` to the server, with folder,
# environment and streams; anything else goes to the real interpreter.
_SHIM = """#!{python} -SIE
import os, sys
arguments = sys.argv[1:]
if arguments[:1] != ["-m"] or arguments[1:2] not in (["infodecomp"], ["snakemake"]):
    os.execv({python!r}, [{python!r}, *arguments])
import array, json, socket
request = {{"cwd": os.getcwd(), "environment": dict(os.environ), "arguments": arguments}}
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.connect({address!r})
data = json.dumps(request).encode() + b"\\n"
sent = server.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
server.sendall(data[sent:])
status = server.recv(1)
# Without an answer the process was killed.
os._exit(status[0] if status else 137)
"""


class ForkServer:
    """The server and the folder of its `python`, for as long as the context lasts.

    repository: where the tests lie. checkout: whose package it runs.
    folder: where its socket, its `python` and its log are put; the path must be short, as those of sockets are.
    """

    def __init__(self, repository: Path, checkout: Path, folder: Path) -> None:
        self._pipeline = str(checkout / "pipeline")
        self.bin = folder / "bin"
        self._repository, self._address, self._log = repository, folder / "s", folder / "server.log"

    def __enter__(self) -> Self:
        self.bin.mkdir(parents=True)
        shim = self.bin / "python"
        shim.write_text(_SHIM.format(python=sys.executable, address=str(self._address)), encoding="utf-8")
        shim.chmod(0o755)
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.workflow.integrity.fork_server", str(self._address)],
                cwd=self._repository,
                env={**self._environment(), "PATH": os.environ["PATH"]},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", self._log.read_text(encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def run(self, arguments: list[str], folder: Path, seconds: float) -> tuple[int, str]:
        """Run `python -m …` in a folder: exit status, and stdout and stderr together. TimeoutExpired after so long."""
        done = subprocess.run(
            [str(self.bin / "python"), "-m", *arguments],
            cwd=folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
        return done.returncode, done.stdout

    def cpu_seconds(self) -> float:
        """What all commands took so far, and what they ran."""
        times = Path(f"{self._address}.times")
        return sum(map(float, times.read_text(encoding="utf-8").split())) if times.exists() else 0.0

    def _environment(self) -> Mapping[str, str]:
        """That of the tests, with the server's `python` first."""
        left_out = ("COCO_ROOT", "PYTHONPATH", "PATH")
        inherited = {name: value for name, value in os.environ.items() if name not in left_out}
        path = os.pathsep.join([str(self.bin), str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        return {**inherited, "PYTHONPATH": self._pipeline, "PATH": path, "OMP_NUM_THREADS": "1"}
