"""Train the denoiser of the embedded model, and write the whole pipeline folder.

A checkpoint and a sheet of samples are written every 500 steps; a killed run resumes from the last one, unless
the recipe, the code or the parts have changed since.
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path

from diffusers import AutoencoderTiny
from transformers import CLIPTextModel, CLIPTokenizer

from infodecomp.config.settings import TrainScenesUnet
from infodecomp.models.whole_weights import load_whole
from infodecomp.runs.durable import put_in_place
from infodecomp.scenes.model import save_pipeline
from infodecomp.training.denoiser import DenoiserTraining, add_training_arguments, checkpoint_folder, run_training
from infodecomp.training.denoiser_state import DenoiserState
from infodecomp.training.samples import sample_sheet
from infodecomp.training.scene_batches import BatchMaker
from infodecomp.training.state import use_averages
from infodecomp.training.unet import Recipe, new_state, train_unet
from infodecomp.training.workers import Worker

STAGE = "train_scenes_unet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --parts PATH --output-dir PATH [--processes N] [--device NAME]`."""
    add_training_arguments(parser)
    parser.add_argument("--parts", required=True, type=Path, help="folder with text_encoder/, tokenizer/ and vae/")


def run(args: argparse.Namespace) -> None:
    """Train with one process on a GPU, or with several single-thread processes on a CPU."""
    run_training(args, TrainScenesUnet, _work, args.parts, args.output_dir)


def _work(worker: Worker, settings: TrainScenesUnet, parts: Path, output: Path) -> None:
    recipe = Recipe.of(settings)
    tokenizer = CLIPTokenizer.from_pretrained(parts / "tokenizer")
    vae = load_whole(AutoencoderTiny, parts / "vae").to(worker.device)
    state = new_state(recipe, load_whole(CLIPTextModel, parts / "text_encoder").train(), worker.device)
    checkpoints = parts / checkpoint_folder(STAGE, settings, parts, ("text_encoder", "tokenizer", "vae"))
    training = DenoiserTraining[DenoiserState](
        STAGE,
        recipe.steps,
        checkpoints,
        parts / "samples",
        sheet=lambda state: sample_sheet(state.unet, state.text, tokenizer, vae),
    )
    training.resume(state)
    batches = BatchMaker(recipe, tokenizer)
    training.run(worker.rank, state, partial(train_unet, recipe, state, vae, batches, worker=worker))
    if worker.rank == 0:
        _export(state, vae, output)


def _export(state: DenoiserState, vae: AutoencoderTiny, output: Path) -> None:
    use_averages(state)
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    save_pipeline(unfinished, text_encoder=state.text.cpu(), unet=state.unet.cpu(), vae=vae.cpu())
    put_in_place(unfinished, output)
