"""Train the classifier that judges edits of the embedded scenes, a few minutes."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np

from infodecomp.config import parse
from infodecomp.config.settings import TrainScenesClassifier
from infodecomp.runs.progress import Progress
from infodecomp.scenes.classifier import load_classifier, save_classifier
from infodecomp.scenes.world import CATEGORIES
from infodecomp.training.classifier import (
    HELD_OUT_SCENES,
    ClassifierRecipe,
    HeldOut,
    load_autoencoder,
    measure,
    train_classifier,
)

STAGE = "train_scenes_classifier"
EVERY = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --model PATH --output-dir PATH`."""
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument(
        "--model", required=True, type=Path, help="pipeline folder whose vae/ decodes half of the pictures"
    )
    parser.add_argument("--output-dir", required=True, type=Path, help="folder of the classifier to write")


def run(args: argparse.Namespace) -> None:
    """Train, write the classifier, and print its accuracy on held-out scenes."""
    recipe = ClassifierRecipe.of(parse(TrainScenesClassifier, args.settings))
    vae = load_autoencoder(args.model)
    losses: list[float] = []
    with Progress(STAGE, recipe.steps, "steps") as progress:

        def report(step: int, loss: float) -> None:
            progress.advance()
            losses.append(loss)
            if step % EVERY == 0 or step == recipe.steps:
                print(f"step {step}: loss {np.mean(losses[-EVERY:]):.4f}", flush=True)

        classifier = train_classifier(recipe, vae, report)
    save_classifier(args.output_dir, classifier)
    # Measure the weights as stored.
    print(describe(measure(load_classifier(args.output_dir), vae, recipe.seed)), flush=True)


def describe(held_out: HeldOut) -> str:
    """Balanced accuracies as a table of plain text."""
    columns = asdict(held_out)
    lines = [
        f"balanced accuracy on {HELD_OUT_SCENES} held-out scenes",
        f"{'':14}" + "".join(f"{name:>9}" for name in columns),
    ]
    lines += [
        f"{category:14}" + "".join(f"{values[place]:9.3f}" for values in columns.values())
        for place, category in enumerate(CATEGORIES)
    ]
    lines.append(f"{'mean':14}" + "".join(f"{np.nanmean(values):9.3f}" for values in columns.values()))
    return "\n".join(lines)
