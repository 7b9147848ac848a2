"""Time the study's model on this machine, for the hours of the plan."""

from __future__ import annotations

import time

import torch

from infodecomp.config import MachineSection, ModelSection
from infodecomp.jobs.configured_model import load_model
from infodecomp.models.speed import Speed, measure, settled_batch_size
from infodecomp.runs.errors import InputError


def time_model(settings: ModelSection, machine: MachineSection) -> tuple[Speed | None, str]:
    """The speed of the model; None, and the reason, if it cannot be loaded."""
    if machine.threads:
        torch.set_num_threads(machine.threads)
    started = time.perf_counter()
    try:
        model = load_model(settings, machine.device, batch_size=machine.batch_size)
    except InputError as error:
        return None, str(error).split("\n", maxsplit=1)[0]
    start_up = time.perf_counter() - started
    return measure(model, settled_batch_size(model), start_up), ""
