"""Train a representation model from its recipe: what its decoder knows, in which phases, and what is written at the end.

A decoder of factors, or of nothing, learns exact posterior means in one phase. A code is learnt in two: encoder and decoder
together on images; then, where the images can be enumerated, the decoder alone on exact posterior means given the code.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from infodecomp.config import section_json
from infodecomp.config.settings import TrainRepresentation
from infodecomp.models.recorded_hashes import put_model_in_place
from infodecomp.representation.decoders import DECODERS
from infodecomp.representation.encoder import Encoder, codes
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.priors import check_prior
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.contents import folder_sha256
from infodecomp.runs.errors import InputError
from infodecomp.training.code_decoder import exact_phase
from infodecomp.training.code_images import TrainingImages, training_images
from infodecomp.training.code_joint import joint_phase, settled_encoder
from infodecomp.training.code_knowledge import Knowledge, KnownCode, KnownFactors, KnownNothing
from infodecomp.training.code_phases import averaged, run_phase
from infodecomp.training.workers import Worker

INDEX = "model.json"


def checkpoint_folder(stage: str, settings: TrainRepresentation, images: Path | None) -> Path:
    """The folder of checkpoints of this recipe, the stage's code, and the images."""
    content = [section_json(settings), code_digest(f"infodecomp.stages.{stage}")]
    content += [folder_sha256(images)] if images else []
    return Path("checkpoints") / hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Training:
    """The training of one model."""

    settings: TrainRepresentation
    images: TrainingImages
    checkpoints: Path
    worker: Worker

    def networks(self) -> dict[str, torch.nn.Module]:
        """Train all phases, each from its last checkpoint; the trained networks by name."""
        torch.manual_seed(self.settings.seed)
        if self.settings.model.knows == "code":
            return self._with_code()
        world = self._enumerated()
        knows_factors = self.settings.model.knows == "factors"
        knowledge = KnownFactors(world.attributes) if knows_factors else KnownNothing()
        decoder = self._new_decoder(knowledge.states, knowledge.parts)
        return {"decoder": self._exact(decoder, knowledge, self.images.factors if knows_factors else ())}

    def _with_code(self) -> dict[str, torch.nn.Module]:
        model, worker = self.settings.model, self.worker
        channels, size, _ = self.images.shape
        noise = None if model.code_noise == "learnt" else float(model.code_noise)
        encoder = Encoder(model.dimensions, size, channels, noise).to(worker.device)
        decoder = self._new_decoder(model.dimensions, model.dimensions)
        phase = joint_phase(encoder, decoder, self.images, model, self.settings.training, seed=self.settings.seed)
        run_phase(phase, self.settings.training, self.checkpoints / phase.name, worker)
        encoder, decoder = settled_encoder(phase.state, self.images), averaged(phase.state, "decoder")
        if self.images.world is not None:
            knowledge = KnownCode(*codes(encoder, self.images.world.images))
            decoder = self._exact(decoder.requires_grad_(True).train(), knowledge, ())
        return {"decoder": decoder, "encoder": encoder}

    def _exact(self, decoder: torch.nn.Module, knowledge: Knowledge, names: tuple[str, ...]) -> torch.nn.Module:
        """names: of the parts whose own distance from Bayes is measured."""
        settings = self.settings
        phase = exact_phase(
            decoder, self._enumerated(), knowledge, self.images, settings.training, names=names, seed=settings.seed
        )
        run_phase(phase, settings.training, self.checkpoints / phase.name, self.worker)
        return averaged(phase.state, "decoder")

    def _enumerated(self) -> FiniteWorld:
        if self.images.world is None:
            raise InputError(
                f"representation_model: a model that knows '{self.settings.model.knows}' is trained on exact posterior "
                f"means, and the images of '{self.images.name}' cannot be enumerated; set knows to 'code', or the "
                "dataset to factors or shapes3d."
            )
        return self.images.world

    def _new_decoder(self, states: int, parts: int) -> torch.nn.Module:
        """A fresh decoder, which starts from the mean image."""
        channels, size, _ = self.images.shape
        low, high = self.settings.training.range
        options: dict[str, Any] = {"size": size, "channels": channels, "logsnr_min": low, "logsnr_max": high}
        if self.settings.model.condition == "tokens" and states != parts:
            levels = self._enumerated().attributes.amax(0) + 1
            options["groups"] = levels.tolist()
        decoder: torch.nn.Module = DECODERS[self.settings.model.condition](states, parts, **options)
        decoder.mean.data.copy_(self.images.mean().cpu())
        return decoder.to(self.worker.device)


def train_model(
    settings: TrainRepresentation, images: Path | None, checkpoints: Path, output: Path, worker: Worker
) -> None:
    """Train a model, and write its folder."""
    check_recipe(settings)
    opened = training_images(images, settings.split_seed, worker.device)
    networks = Training(settings, opened, checkpoints, worker).networks()
    if worker.rank == 0:
        export(networks, settings, output)


def check_recipe(settings: TrainRepresentation) -> None:
    """InputError if the settings of a model contradict each other."""
    model = settings.model
    check_prior(model.prior, model.dimensions)
    if model.kl and model.code_noise != "learnt":
        raise InputError(
            f"representation_model: kl is {model.kl}, but code_noise is {model.code_noise}, and the divergence of "
            "standardised codes with fixed noise cannot change; set code_noise to 'learnt', or kl to 0."
        )


def export(networks: Mapping[str, Any], settings: TrainRepresentation, output: Path) -> None:
    """Write the networks in half precision, and model.json: the model's row of the configuration."""
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    for name, network in networks.items():
        network.cpu().half().save_pretrained(unfinished / name)
    (unfinished / INDEX).write_text(settings.model.model_dump_json(indent=1) + "\n", encoding="utf-8")
    put_model_in_place(unfinished, output)
