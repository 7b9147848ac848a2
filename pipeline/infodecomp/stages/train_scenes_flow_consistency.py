"""Make the embedded flow transformer consistent: its prediction for a shorter prompt is the mean over longer ones.

Starts from a whole pipeline folder and writes one that differs in its transformer alone. A checkpoint, a sheet of samples
and a line of errors are written every 250 steps; a killed run resumes from the last one, unless the recipe, the code or
the model changed.
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path

from diffusers import AutoencoderTiny, SD3Transformer2DModel
from transformers import CLIPTextModelWithProjection

from infodecomp.config.settings import TrainScenesFlowConsistency
from infodecomp.models.recorded_hashes import put_model_in_place
from infodecomp.models.whole_weights import load_whole
from infodecomp.scenes.flow_model import learn_positions, save_flow_pipeline
from infodecomp.scenes.model import build_tokenizer
from infodecomp.training.consistency import TaughtBatches
from infodecomp.training.denoiser import DenoiserTraining, add_training_arguments, checkpoint_folder, run_training
from infodecomp.training.flow_consistency import FlowConsistencyRecipe, frozen_copy, train_flow_consistency
from infodecomp.training.flow_progress import FlowProgress
from infodecomp.training.flow_state import FlowState
from infodecomp.training.state import use_averages
from infodecomp.training.workers import Worker

STAGE = "train_scenes_flow_consistency"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --model PATH --work-dir PATH --output-dir PATH [--processes N] [--device NAME]`."""
    add_training_arguments(parser)
    parser.add_argument("--model", required=True, type=Path, help="pipeline folder of the model as trained so far")
    parser.add_argument("--work-dir", required=True, type=Path, help="folder for checkpoints and samples")


def run(args: argparse.Namespace) -> None:
    """Train with one process on a GPU, or with several single-thread processes on a CPU."""
    run_training(args, TrainScenesFlowConsistency, _work, args.model, args.work_dir, args.output_dir)


def _work(worker: Worker, settings: TrainScenesFlowConsistency, model: Path, work_dir: Path, output: Path) -> None:
    recipe, tokenizer = FlowConsistencyRecipe.of_flow(settings), build_tokenizer()
    vae = load_whole(AutoencoderTiny, model / "vae").to(worker.device)
    tower = load_whole(CLIPTextModelWithProjection, model / "text_encoder").to(worker.device)
    transformer = load_whole(SD3Transformer2DModel, model / "transformer").to(worker.device)
    learn_positions(transformer)
    rates = {"matrix_learning_rate": recipe.matrix_learning_rate, "learning_rate": recipe.learning_rate}
    teacher, state = frozen_copy(transformer), FlowState(transformer, tower, **rates)
    progress = FlowProgress(tokenizer, vae)
    checkpoints = work_dir / checkpoint_folder(STAGE, settings, model, (".",))
    training = DenoiserTraining(
        STAGE, recipe.steps, checkpoints, work_dir / "samples_consistency", progress.sheet, every=250
    )
    training.resume(state)
    batches = TaughtBatches(recipe, tokenizer)
    run_steps = partial(train_flow_consistency, recipe, state, teacher, vae, batches, worker=worker)
    training.run(worker.rank, state, run_steps)
    if worker.rank == 0:
        use_averages(state)
        unfinished = output.with_name(f".{output.name}.{os.getpid()}")
        save_flow_pipeline(unfinished, tower=tower, transformer=transformer, vae=vae)
        put_model_in_place(unfinished, output)
