"""Train the classifier of the images' factors, whose features FID and KID compare."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch

from infodecomp.config import parse
from infodecomp.config.settings import TrainRepresentationClassifier
from infodecomp.models.recorded_hashes import put_model_in_place
from infodecomp.representation.image_sets import open_images
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.training.factor_classifier import FactorClassifierRecipe, factor_accuracy, train_factor_classifier

STAGE = "train_representation_classifier"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --seed N [--images FOLDER] --output-dir FOLDER [--threads N]`."""
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--seed", required=True, type=int, help="random seed of the study")
    parser.add_argument("--images", default=None, type=Path, help="folder of prepared images (default: they are drawn)")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder of the classifier to write")
    parser.add_argument("--threads", default=None, type=int, help="CPU threads")


def run(args: argparse.Namespace) -> None:
    """Train on the images that are not held out, write the classifier, and print its accuracy on those that are."""
    torch.set_num_threads(args.threads or 1)
    settings = parse(TrainRepresentationClassifier, args.settings)
    images = open_images(settings.images, args.images)
    if not images.factors:
        raise InputError(
            f"representation → judging → features: classifier reads attributes, and the images of {images.name} have none;"
            " use dinov2, or none: []."
        )
    pixels, factors = images.world.images, images.world.attributes.numpy()
    train = np.setdiff1d(np.arange(len(pixels)), images.held_out)
    recipe = FactorClassifierRecipe(args.seed, **settings.classifier.model_dump())
    with Progress(STAGE, recipe.steps, "steps") as progress:
        network = train_factor_classifier(
            pixels[torch.from_numpy(train)], factors[train], recipe, lambda step, loss: progress.advance()
        )
    unfinished = args.output_dir.with_name(f".{args.output_dir.name}.{os.getpid()}")
    network.save_pretrained(unfinished)
    put_model_in_place(unfinished, args.output_dir)
    found = factor_accuracy(network, pixels[torch.from_numpy(images.held_out)], factors[images.held_out])
    print(", ".join(f"{name} {share:.3f}" for name, share in zip(images.factors, found, strict=True)), flush=True)
