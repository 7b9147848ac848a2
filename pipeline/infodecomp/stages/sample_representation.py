"""Draw images with one model of codes: samples by sampler, reconstructions, traversals, interpolations."""

from __future__ import annotations

import argparse

import torch

from infodecomp.config import parse
from infodecomp.config.settings import SampleRepresentation
from infodecomp.models.devices import resolve_device
from infodecomp.representation.arguments import add_description_arguments
from infodecomp.representation.descriptions import CodeDescription
from infodecomp.representation.drawn_file import SAMPLE, drawn_arrays
from infodecomp.representation.image_sets import ImageSet, open_images
from infodecomp.representation.sampled_models import OpenedModel, open_model
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_arrays
from infodecomp.training.latent_diffusion import LatentDiffusionRecipe, train_latent_denoiser

STAGE = "sample_representation"
# Images whose codes the diffusion model of codes learns from.
CODES = 20_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a stage on one description, and the device."""
    add_description_arguments(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")


def run(args: argparse.Namespace) -> None:
    """Open the model, train a diffusion model of its codes if samples need it, draw and write."""
    torch.set_num_threads(args.threads or 1)
    settings = parse(SampleRepresentation, args.settings)
    images = open_images(settings.images, args.images)
    model = open_model(args.model, images, settings.components, resolve_device(args.device))
    if "latent" in settings.samples.samplers and isinstance(model.description, CodeDescription):
        model = _with_latent(model, model.description, images, settings, args.seed)
    arrays = drawn_arrays(model, images, settings.samples, args.seed)
    write_arrays(args.output, arrays)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=settings.model_dump(mode="json"),
        extra={"model": args.model, "seed": args.seed},
    )
    samplers = [name.removeprefix(SAMPLE) for name in arrays if name.startswith(SAMPLE)]
    print(f"{STAGE}: {args.model} drew {settings.samples.count} samples by each of {', '.join(samplers)}", flush=True)


def _with_latent(
    model: OpenedModel, description: CodeDescription, images: ImageSet, settings: SampleRepresentation, seed: int
) -> OpenedModel:
    """With a diffusion model of the codes of images that are not held out."""
    held_out = set(images.held_out.tolist())
    order = images.chosen("codes of latent diffusion", len(images.world), seed, held_out=False)
    numbers = [number for number in order if number not in held_out][:CODES]
    recipe = LatentDiffusionRecipe(seed, **settings.samples.latent.model_dump())
    network = train_latent_denoiser(description.codes(numbers, seed).float(), recipe, lambda step, loss: None)
    return model.with_latent(network, settings.samples.steps)
