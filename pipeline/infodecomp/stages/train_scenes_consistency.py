"""Make the embedded denoiser consistent: its prediction for a shorter prompt is the mean over longer ones.

Starts from a whole pipeline folder and writes one that differs in its denoiser alone. A checkpoint and a sheet of samples
are written every 500 steps; a killed run resumes from the last one, unless the recipe, the code or the model changed.
"""

from __future__ import annotations

import argparse
import os
import shutil
from functools import partial
from pathlib import Path

from diffusers import AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from infodecomp.config.settings import TrainScenesConsistency
from infodecomp.models.recorded_hashes import put_model_in_place
from infodecomp.models.whole_weights import load_whole
from infodecomp.scenes.model import drop_settings
from infodecomp.training.consistency import (
    ConsistencyRecipe,
    TaughtBatches,
    frozen_copy,
    new_state,
    train_consistency,
)
from infodecomp.training.denoiser import DenoiserTraining, add_training_arguments, checkpoint_folder, run_training
from infodecomp.training.denoiser_state import DenoiserState
from infodecomp.training.samples import sample_sheet
from infodecomp.training.state import use_averages
from infodecomp.training.workers import Worker

STAGE = "train_scenes_consistency"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --model PATH --work-dir PATH --output-dir PATH [--processes N] [--device NAME]`."""
    add_training_arguments(parser)
    parser.add_argument("--model", required=True, type=Path, help="pipeline folder of the model as trained so far")
    parser.add_argument("--work-dir", required=True, type=Path, help="folder for checkpoints and samples")


def run(args: argparse.Namespace) -> None:
    """Train with one process on a GPU, or with several single-thread processes on a CPU."""
    run_training(args, TrainScenesConsistency, _work, args.model, args.work_dir, args.output_dir)


def _work(worker: Worker, settings: TrainScenesConsistency, model: Path, work_dir: Path, output: Path) -> None:
    recipe = ConsistencyRecipe.of(settings)
    tokenizer = CLIPTokenizer.from_pretrained(model / "tokenizer")
    vae = load_whole(AutoencoderTiny, model / "vae").to(worker.device)
    unet = load_whole(UNet2DConditionModel, model / "unet").to(worker.device)
    text = load_whole(CLIPTextModel, model / "text_encoder").to(worker.device)
    teacher, state = frozen_copy(unet), new_state(recipe, unet, text)
    checkpoints = work_dir / checkpoint_folder(STAGE, settings, model, (".",))
    training = DenoiserTraining[DenoiserState](
        STAGE,
        recipe.steps,
        checkpoints,
        work_dir / "samples_consistency",
        sheet=lambda state: sample_sheet(state.unet, state.text, tokenizer, vae),
    )
    training.resume(state)
    batches = TaughtBatches(recipe, tokenizer)
    training.run(worker.rank, state, partial(train_consistency, recipe, state, teacher, vae, batches, worker=worker))
    if worker.rank == 0:
        _export(state, model, output)


def _export(state: DenoiserState, model: Path, output: Path) -> None:
    use_averages(state)
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    shutil.copytree(model, unfinished)
    state.unet.cpu().half().save_pretrained(unfinished / "unet")
    drop_settings(unfinished / "unet" / "config.json", ("_name_or_path",))
    put_model_in_place(unfinished, output)
