"""Train the denoiser of the embedded model, and write the whole pipeline folder.

A checkpoint and a sheet of samples are written every 500 steps; a killed run goes on from the last one, unless
recipe, code or parts have changed since.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import socket
from functools import partial
from pathlib import Path

import torch
from diffusers import AutoencoderTiny
from PIL import Image
from transformers import CLIPTextModel, CLIPTokenizer

from pipeline.code_digest import code_digest
from pipeline.config import ScenesModelSection, parse_section, section_json
from pipeline.progress import Progress
from pipeline.provenance import folder_sha256
from pipeline.scenes.model import save_pipeline
from pipeline.scenes.samples import sample_sheet
from pipeline.scenes.train_unet import (
    BatchMaker,
    Recipe,
    TrainState,
    load_checkpoint,
    new_state,
    save_checkpoint,
    train_unet,
    use_averages,
)
from pipeline.storage import atomic_path

STAGE = "train_scenes_unet"
EVERY = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--section JSON --parts PATH --output-dir PATH [--processes N] [--device NAME]`."""
    parser.add_argument("--section", required=True, help="the section `scenes_model` of the configuration as JSON")
    parser.add_argument("--parts", required=True, type=Path, help="folder with text_encoder/, tokenizer/ and vae/")
    parser.add_argument("--output-dir", required=True, type=Path, help="pipeline folder to write")
    parser.add_argument("--processes", default=1, type=int, help="single-thread worker processes (on a CPU)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")


def run(args: argparse.Namespace) -> None:
    """Train with one process on a GPU, or with several single-thread processes on a CPU."""
    section = parse_section(ScenesModelSection, args.section)
    device = "cuda" if args.device == "auto" and torch.cuda.is_available() else args.device.replace("auto", "cpu")
    ranks = 1 if device != "cpu" else max(1, min(args.processes, section.batch))
    if ranks == 1:
        _work(0, 1, 0, section, args.parts, args.output_dir, device)
    else:
        arguments = (ranks, _free_port(), section, args.parts, args.output_dir, device)
        torch.multiprocessing.spawn(_work, arguments, nprocs=ranks)


def recipe_of(section: ScenesModelSection) -> Recipe:
    """The part of the configuration that concerns the denoiser."""
    return Recipe(
        seed=section.seed,
        steps=section.unet_steps,
        batch=section.batch,
        learning_rate=section.learning_rate,
        text_learning_rate=section.text_learning_rate,
        ema=section.ema,
        bind_from=section.bind_from,
        bind_until=section.bind_until,
        hide_padding=section.hide_padding,
        silence=section.silence,
    )


def _work(
    rank: int, ranks: int, port: int, section: ScenesModelSection, parts: Path, output: Path, device: str
) -> None:
    if ranks > 1:
        torch.set_num_threads(1)
        torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=ranks)
    recipe = recipe_of(section)
    tokenizer = CLIPTokenizer.from_pretrained(parts / "tokenizer")
    vae = AutoencoderTiny.from_pretrained(parts / "vae")
    state = new_state(recipe, CLIPTextModel.from_pretrained(parts / "text_encoder").train(), device)
    checkpoints = parts / "checkpoints" / _identity(section, parts)
    if (checkpoints / "checkpoint.safetensors").is_file():
        load_checkpoint(state, checkpoints)
    train = partial(train_unet, recipe, state, BatchMaker(recipe, tokenizer, vae), rank=rank, ranks=ranks)
    if rank > 0:
        train(report=lambda state, loss: None)
        return
    with Progress(STAGE, recipe.steps, "steps", every_seconds=60, before=state.step) as progress:

        def report(state: TrainState, loss: float) -> None:
            progress.advance()
            if state.step % EVERY == 0 or state.step == recipe.steps:
                save_checkpoint(state, checkpoints)
                _show(state, tokenizer, vae, parts / "samples" / f"{state.step:06d}.png")

        train(report=report)
    _export(state, vae, output)


def _identity(section: ScenesModelSection, parts: Path) -> str:
    """What a checkpoint belongs to: recipe, code, and the parts that training starts from."""
    content = [section_json(section), code_digest(f"pipeline.stages.{STAGE}")]
    content += [folder_sha256(parts / name) for name in ("text_encoder", "tokenizer", "vae")]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]


def _show(state: TrainState, tokenizer: CLIPTokenizer, vae: AutoencoderTiny, path: Path) -> None:
    with atomic_path(path) as temporary:
        Image.fromarray(sample_sheet(state.unet, state.text, tokenizer, vae)).save(temporary)


def _export(state: TrainState, vae: AutoencoderTiny, output: Path) -> None:
    use_averages(state)
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    save_pipeline(unfinished, text_encoder=state.text.cpu(), unet=state.unet.cpu(), vae=vae)
    shutil.rmtree(output, ignore_errors=True)
    unfinished.rename(output)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
