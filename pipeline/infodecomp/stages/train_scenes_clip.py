"""Train the CLIP of the embedded study around the text tower of the embedded model.

A checkpoint is written every 100 steps in `training/clip/` beside the output folder; a killed run resumes from the last one,
unless the recipe, the code or the text tower have changed since.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import asdict
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.settings import TrainScenesClip
from infodecomp.models.devices import resolve_device
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.contents import folder_sha256
from infodecomp.runs.progress import Progress
from infodecomp.scenes.clip_model import load_text_parts, save_clip
from infodecomp.training.clip import (
    ClipRecipe,
    ClipState,
    Score,
    load_checkpoint,
    new_state,
    save_checkpoint,
    train_clip,
)

STAGE = "train_scenes_clip"
EVERY = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --model PATH --output-dir PATH [--device NAME]`."""
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--model", required=True, type=Path, help="pipeline folder with text_encoder/ and tokenizer/")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder of the CLIP to write")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")


def run(args: argparse.Namespace) -> None:
    """Train, and write the model; every 100 steps, print the accuracy on the last batch."""
    recipe = ClipRecipe.of(parse(TrainScenesClip, args.settings))
    text_encoder, tokenizer = load_text_parts(args.model)
    state = new_state(recipe, text_encoder, resolve_device(args.device))
    checkpoint = checkpoint_file(args.output_dir, recipe, args.model)
    if checkpoint.is_file():
        load_checkpoint(state, checkpoint)
    with Progress(STAGE, recipe.steps, "steps", before=state.step) as progress:

        def report(state: ClipState, score: Score) -> None:
            progress.advance()
            if state.step % EVERY == 0 or state.step == recipe.steps:
                save_checkpoint(state, checkpoint)
                print(
                    f"step {state.step}: loss {score.loss:.3f}, accuracy among {recipe.batch} captions {score.accuracy:.3f}",
                    flush=True,
                )

        train_clip(recipe, state, tokenizer, report)
    save_clip(args.output_dir, state.clip, tokenizer)


def checkpoint_file(output: Path, recipe: ClipRecipe, model: Path) -> Path:
    """The checkpoint of a run, named by all that it belongs to: recipe, code, and the text tower that it starts from."""
    content = [str(asdict(recipe)), code_digest(f"infodecomp.stages.{STAGE}")]
    content += [folder_sha256(model / name) for name in ("text_encoder", "tokenizer")]
    identity = hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]
    return output.parent / "training" / "clip" / f"{identity}.safetensors"
