"""Fraction of the estimator's time spent outside the denoiser.

    python benchmarks/overhead.py [--cases 6] [--large-cases 1] [--threads N] [--json FILE]

Runs the stage estimate_information on drawn scenes with the configured draws, once with the embedded model and once with
a UNet of Stable Diffusion's class and 28 M random weights, with the models already loaded. CPU time in the UNet's calls
is the denoiser's; the rest is overhead: drawing noise, encoding prompts and images, sums, maps and their errors, files.
Attention is recorded within the UNet's calls; its time has a separate column. Exits with 1 if more than 10 % is outside
the embedded UNet, or more than 3 % outside the large one.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from infodecomp.config import Config, InformationSection
from infodecomp.datasets.cases import CASE_COLUMNS, read_cases
from infodecomp.models.attention import AttentionRecorder
from infodecomp.models.batch_size import ON_CPU
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.storage import write_table
from measuring import (
    Row,
    Target,
    argument_parser,
    model_arguments,
    report,
    scene_cases,
    settings,
    stage_here,
)
from metering import Meter, at_hand
from random_models import pipeline_with, stable_diffusion_like


def measure(model: LatentDiffusion, name: str, folder: Path, cases: int, batch_size: int) -> Row:
    """Times of one run of the stage with a model."""
    table = folder / f"{name}.parquet"
    frame = read_cases(folder / "cases.parquet").head(cases)
    write_table(table, frame, CASE_COLUMNS)
    read = settings("estimate_information", information=InformationSection())  # the logistic density needs no pilot
    arguments = model_arguments(table, folder / "scenes/val2017", folder / name, read)
    recorded = 0.0

    def timed(method: Callable[..., None]) -> Callable[..., None]:
        def measured(*arguments: Any) -> None:
            nonlocal recorded
            started = time.process_time()
            method(*arguments)
            recorded += time.process_time() - started

        return measured

    with ExitStack() as timing:
        timing.enter_context(at_hand(model))
        for name_of_step in ("begin", "queries", "keys", "end"):
            step = timed(getattr(AttentionRecorder, name_of_step))
            timing.enter_context(patch.object(AttentionRecorder, name_of_step, step))
        run = partial(stage_here, "estimate_information", *arguments, "--batch-size", batch_size)
        cost = Meter(model).cost(run)
    return {
        "UNet": name,
        "parameters": f"{sum(p.numel() for p in model.denoiser.parameters()) / 1e6:.1f} M",
        "images": frame["image_id"].nunique(),
        "cases": len(frame),
        "evaluations": cost.evaluations,
        "seconds": cost.seconds,
        "outside the UNet, %": 100 * cost.outside,
        "recording attention, %": 100 * recorded / cost.seconds,
    }


def main() -> int:
    """Measure both models."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--cases", type=int, default=12, help="cases for the embedded model")
    parser.add_argument("--large-cases", type=int, default=2, help="cases for the large model")
    parser.add_argument("--batch-size", type=int, default=ON_CPU)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    embedded = Config().model.id
    models = {
        "embedded": (LatentDiffusion.load(embedded), options.cases),
        "28 M": (LatentDiffusion(pipeline_with(stable_diffusion_like(), embedded)), options.large_cases),
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scene_cases(folder, max(options.cases, options.large_cases))
        rows = [measure(model, name, folder, cases, options.batch_size) for name, (model, cases) in models.items()]
    shares = [float(row["outside the UNet, %"]) for row in rows]
    targets = [
        Target("% of time outside the embedded UNet", shares[0], 10),
        Target("% of time outside the UNet of 28 M parameters", shares[1], 3),
    ]
    return report("overhead", {"estimate_information": rows}, targets, options.json)


if __name__ == "__main__":
    sys.exit(main())
