"""Measure the embedded model on held-out scenes: the numbers of its model card."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.durable import write_record
from infodecomp.runs.progress import Progress
from infodecomp.scenes.evaluation import build_probes, information_bounds, investigate
from infodecomp.scenes.model_metrics import as_json, model_metrics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--model PATH --seed INT --output PATH [--scenes N] [--draws N] [--batch-size N]`."""
    parser.add_argument("--model", required=True, help="pipeline folder of the embedded model")
    parser.add_argument("--seed", required=True, type=int, help="seed of the held-out scenes and of the draws")
    parser.add_argument("--output", required=True, type=Path, help="metrics to write (JSON)")
    parser.add_argument("--scenes", default=700, type=int, help="number of held-out scenes")
    parser.add_argument("--draws", default=48, type=int, help="draws of the estimator (even)")
    parser.add_argument("--batch-size", default=64, type=int, help="rows in one call of the denoiser")


def run(args: argparse.Namespace) -> None:
    """Run the model on the scenes, write the metrics, and print them."""
    model = LatentDiffusion.load(args.model)
    probes = list(build_probes(args.seed, args.scenes))
    findings = []
    with Progress("evaluate_scenes_model", len(probes), "scenes") as progress:
        for finding in investigate(model, probes, seed=args.seed, draws=args.draws, batch_size=args.batch_size):
            findings.append(finding)
            progress.advance()
    metrics = model_metrics(findings, information_bounds(args.seed), args.seed)
    write_record(args.output, json.dumps(as_json(metrics), indent=2) + "\n")
    for name, metric in metrics.items():
        print(f"{name:24} {metric.value:8.3f}   [{metric.low:.3f}, {metric.high:.3f}]   n = {metric.n}")
