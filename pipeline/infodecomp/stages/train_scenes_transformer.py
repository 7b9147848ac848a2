"""Train the flow transformer of the embedded world, and write its whole pipeline folder.

A checkpoint, a sheet of samples and a line of errors by band of log-SNR are written every 250 steps; a killed run resumes
from the last one, unless the recipe, the code or the parts have changed since.
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path

from diffusers import AutoencoderTiny
from transformers import CLIPTextModel

from infodecomp.config.settings import TrainScenesTransformer
from infodecomp.models.whole_weights import load_whole
from infodecomp.runs.durable import put_in_place
from infodecomp.scenes.flow_model import flow_autoencoder, projecting_tower, save_flow_pipeline
from infodecomp.scenes.model import build_tokenizer
from infodecomp.training.denoiser import DenoiserTraining, add_training_arguments, checkpoint_folder, run_training
from infodecomp.training.flow import FlowRecipe, new_state, train_flow
from infodecomp.training.flow_progress import FlowProgress
from infodecomp.training.scene_batches import BatchMaker
from infodecomp.training.state import use_averages
from infodecomp.training.workers import Worker

STAGE = "train_scenes_transformer"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --model PATH --work-dir PATH --output-dir PATH [--processes N] [--device NAME]`."""
    add_training_arguments(parser)
    parser.add_argument("--model", required=True, type=Path, help="embedded model: its text tower and autoencoder")
    parser.add_argument("--work-dir", required=True, type=Path, help="folder for checkpoints and samples")


def run(args: argparse.Namespace) -> None:
    """Train with one process on a GPU, or with several single-thread processes on a CPU."""
    run_training(args, TrainScenesTransformer, _work, args.model, args.work_dir, args.output_dir)


def _work(worker: Worker, settings: TrainScenesTransformer, model: Path, work_dir: Path, output: Path) -> None:
    recipe, tokenizer = FlowRecipe.of(settings), build_tokenizer()
    vae = flow_autoencoder(load_whole(AutoencoderTiny, model / "vae")).to(worker.device)
    state = new_state(recipe, projecting_tower(load_whole(CLIPTextModel, model / "text_encoder")), worker.device)
    checkpoints = work_dir / checkpoint_folder(STAGE, settings, model, ("text_encoder", "vae"))
    progress = FlowProgress(tokenizer, vae)
    training = DenoiserTraining(STAGE, recipe.steps, checkpoints, work_dir / "samples", progress.sheet, every=250)
    training.resume(state)
    batches = BatchMaker(recipe, tokenizer)
    training.run(worker.rank, state, partial(train_flow, recipe, state, vae, batches, worker=worker))
    if worker.rank == 0:
        use_averages(state)
        unfinished = output.with_name(f".{output.name}.{os.getpid()}")
        save_flow_pipeline(unfinished, tower=state.tower, transformer=state.transformer, vae=vae)
        put_in_place(unfinished, output)
