"""Train a representation model from its recipe: what its decoder knows, in which phases, and what is written at the end."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import torch

from infodecomp.config import section_json
from infodecomp.config.settings import TrainRepresentation
from infodecomp.models.recorded_hashes import put_model_in_place
from infodecomp.representation import factor_world
from infodecomp.representation.decoders import DECODERS
from infodecomp.representation.finite_world import FiniteWorld, factored
from infodecomp.runs.code_digest import code_digest
from infodecomp.training.code_decoder import exact_phase
from infodecomp.training.code_knowledge import KnownFactors, KnownNothing
from infodecomp.training.code_phases import averaged, run_phase
from infodecomp.training.workers import Worker

INDEX = "model.json"


def checkpoint_folder(stage: str, settings: TrainRepresentation) -> Path:
    """The folder of checkpoints of this recipe and the stage's code."""
    content = [section_json(settings), code_digest(f"infodecomp.stages.{stage}")]
    return Path("checkpoints") / hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]


def train_model(settings: TrainRepresentation, checkpoints: Path, output: Path, worker: Worker) -> None:
    """Train all phases, each from its last checkpoint, and write the model's folder."""
    torch.manual_seed(settings.seed)
    world, split = factored().to(worker.device), factor_world.split(settings.seed)
    knowledge = KnownFactors(world.attributes) if settings.model.knows == "factors" else KnownNothing()
    names = tuple(factor_world.FACTORS) if knowledge.parts else ()
    decoder = new_decoder(settings, world, knowledge.states, knowledge.parts)
    phase = exact_phase(decoder, world, knowledge, split, settings.training, names=names, seed=settings.seed)
    run_phase(phase, settings.training, checkpoints / phase.name, worker)
    if worker.rank == 0:
        export({"decoder": averaged(phase.state, "decoder")}, settings, output)


def new_decoder(settings: TrainRepresentation, world: FiniteWorld, states: int, parts: int) -> torch.nn.Module:
    """A fresh decoder, which starts from the mean image."""
    channels, size, _ = world.images.shape[1:]
    low, high = settings.training.range
    options = {"size": size, "channels": channels, "logsnr_min": low, "logsnr_max": high}
    decoder = DECODERS[settings.model.condition](states, parts, **options)
    decoder.mean.data.copy_(world.images.mean(0).cpu())
    return decoder.to(world.images.device)


def export(networks: dict[str, Any], settings: TrainRepresentation, output: Path) -> None:
    """Write the networks in half precision, and model.json: what the decoder knows, and how."""
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    for name, network in networks.items():
        network.cpu().half().save_pretrained(unfinished / name)
    (unfinished / INDEX).write_text(settings.model.model_dump_json(indent=1) + "\n", encoding="utf-8")
    put_model_in_place(unfinished, output)
