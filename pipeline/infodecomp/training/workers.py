"""Several single-thread processes that train one network together, on a CPU; on a GPU one, which others draw scenes for."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from infodecomp.runs.errors import InputError


@dataclass(frozen=True)
class Worker:
    """One of `ranks` processes that train together, its device, and how many processes draw scenes ahead for it."""

    rank: int
    ranks: int
    device: str
    drawing: int = 0


ALONE = Worker(rank=0, ranks=1, device="cpu")


def training_device(name: str) -> str:
    """The device for `auto`: a GPU if there is one, else the CPU."""
    return "cuda" if name == "auto" and torch.cuda.is_available() else name.replace("auto", "cpu")


def run_workers(work: Callable[..., None], processes: int, device: str, *arguments: Any) -> None:
    """Run `work(worker, *arguments)` in `processes` workers that can average tensors.

    On a GPU in this process alone, with the others drawing ahead for it. An InputError of any of them is raised here.
    """
    if device != "cpu":
        work(Worker(0, 1, device, drawing=max(0, processes - 1)), *arguments)
    elif processes <= 1:
        work(Worker(0, 1, device), *arguments)
    else:
        refusals = torch.multiprocessing.get_context("spawn").SimpleQueue()
        try:
            torch.multiprocessing.spawn(_join, (processes, _free_port(), refusals, work, arguments), nprocs=processes)
        except torch.multiprocessing.ProcessRaisedException:
            if refusals.empty():
                raise
            raise InputError(refusals.get()) from None


def _join(
    rank: int, ranks: int, port: int, refusals: Any, work: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=ranks)
    try:
        work(Worker(rank, ranks, "cpu"), *arguments)
    except InputError as error:
        refusals.put(str(error))
        raise


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
