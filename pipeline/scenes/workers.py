"""Several single-thread processes that train one network together, on a CPU; one process on a GPU."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import torch


def training_device(name: str) -> str:
    """The device that `auto` stands for: a GPU where there is one, else the CPU."""
    return "cuda" if name == "auto" and torch.cuda.is_available() else name.replace("auto", "cpu")


def run_workers(work: Callable[..., None], processes: int, device: str, *arguments: Any) -> None:
    """Run `work(rank, ranks, device, *arguments)` in `processes` workers that can average tensors; in this one on a GPU."""
    ranks = max(1, processes) if device == "cpu" else 1
    if ranks == 1:
        work(0, 1, device, *arguments)
    else:
        torch.multiprocessing.spawn(_join, (ranks, _free_port(), work, device, arguments), nprocs=ranks)


def _join(rank: int, ranks: int, port: int, work: Callable[..., None], device: str, arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=ranks)
    work(rank, ranks, device, *arguments)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
