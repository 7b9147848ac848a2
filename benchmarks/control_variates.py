"""How much control variates and pooling would reduce the variance of i^s and of the negative log likelihood.

    python benchmarks/control_variates.py [--points 20] [--runs 12] [--draws 50] [--images 3] [--seed 0] [--output FILE]

With Δ = ε̂(x_α|y) − ε̂(x_α|r), the integrand of i^s is Δ·ε − ½(ε̂_y² − ε̂_r²). The first term carries the noise. Ways to
reduce it, each exactly unbiased because what is subtracted has mean zero given the other draws:

    neighbours   Δ̄·ε, with Δ̄ the mean of Δ over the other draws, weighted by closeness in log-SNR
    pooled       the same with the plain mean over all other draws: the U-statistic of Δ·ε over the shared draws
    pairs        ±ε, half as many log-SNRs: the part of Δ·ε that is odd in ε cancels, including Δ̄·ε
    chi square   for the likelihood, σ(α)²·(ε² − 1), whose mean is zero

All use the same number of denoiser evaluations, at stratified log-SNRs of the default range. Prints a table of the variance
of each relative to independent noise, for totals and for pixels, with a 95 % bootstrap interval over points, for the
closed-form problems and for CMI of embedded scenes; with --output, also as JSON. Takes a few minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from infodecomp.datasets.annotations import open_captions, open_instances
from infodecomp.datasets.cases import cases_table
from infodecomp.datasets.coco import coco_it_cases
from infodecomp.estimator.channel import noised
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Predict
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.information import half_error, standard
from infodecomp.estimator.interval import Interval, integration_interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.seeds import generator
from infodecomp.scenes.dataset import write_scenes
from infodecomp.validation.points import LABEL, REFERENCE
from infodecomp.validation.problems import problem

PROBLEMS = ("plane", "fine", "dense_5", "normal_1", "disc_16")
MODEL = "data/models/scenes"
# Width in log-SNR within which other draws count as neighbours.
BANDWIDTH = 1.0
_ROWS = 256


@dataclass(frozen=True)
class Question:
    """One x with its two prompts, and the denoiser."""

    denoiser: Predict
    x: torch.Tensor
    reference: Condition
    conditioned: Condition
    interval: Interval


@dataclass(frozen=True)
class Terms:
    """The draws of one run, with ε and the two predictions, float64 (N, C, h, w)."""

    draws: Draws
    eps: torch.Tensor
    reference: torch.Tensor
    conditioned: torch.Tensor

    @property
    def difference(self) -> torch.Tensor:
        """Δ."""
        return self.conditioned - self.reference

    def integral(self, integrand: torch.Tensor) -> np.ndarray:
        """Mean over draws of w times the integrand, summed over channels: (h, w)."""
        return np.asarray((self.draws.weight[:, None, None] * integrand.sum(1)).mean(0))

    @property
    def standard(self) -> torch.Tensor:
        """Integrand of i^s."""
        return standard((self.eps - self.reference).square(), (self.eps - self.conditioned).square())

    @property
    def likelihood(self) -> torch.Tensor:
        """Integrand of the negative log likelihood, without its constant."""
        return half_error((self.eps - self.conditioned).square())


def embedded(count: int, seed: int) -> Iterator[Question]:
    """CMI of the first word of some embedded scenes."""
    model = LatentDiffusion.load(MODEL)
    interval = integration_interval(
        loc=1.0, scale=2.0, clip=3.0, trained=model.logsnr_range, beyond_trained_range=False
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_scenes(folder, seed=seed, count=count)
        annotations = folder / "annotations"
        captions = open_captions(annotations / "captions_val2017.json")
        cases = cases_table(
            coco_it_cases("scenes", open_instances(annotations / "instances_val2017.json"), captions, "word")
        )
        for case in cases.drop_duplicates("image_id").head(count).itertuples():
            with Image.open(folder / "val2017" / str(case.image_path)) as image:
                latent = model.encode_image(image.convert("RGB"))
            context, full = model.encode_prompts([str(case.prompt_context), str(case.prompt_full)])
            yield Question(model, latent, context, full, interval)


def closed_form(name: str, count: int, seed: int) -> Iterator[Question]:
    """Points of a problem."""
    known = problem(name)
    for number in range(count):
        point = known.point(generator(seed, name, "point", number))
        prompts = point.prompts
        yield Question(known.denoiser, point.x, prompts[REFERENCE], prompts[LABEL], Interval(-5.0, 7.0, 1.0, 2.0))


def run(question: Question, draws: int, *, antithetic: bool, rng: np.random.Generator) -> Terms:
    """Evaluate both prompts on stratified draws."""
    channels, height, width = question.x.shape
    sampled = sample_draws(
        shape=(channels, height, width),
        steps=[draws],
        density="logistic",
        design="stratified",
        antithetic_eps=antithetic,
        interval=question.interval,
        rng=rng,
    )
    found: list[torch.Tensor] = []
    for prompt in (question.reference, question.conditioned):
        parts = []
        for start in range(0, draws, _ROWS):
            part = sampled.between(start, start + _ROWS)
            logsnr, eps = part.logsnr.to(question.x), part.eps[:].to(question.x)
            rows = prompt.expand(len(part))
            parts.append(question.denoiser(noised(question.x, logsnr, eps), logsnr, rows).detach())
        found.append(torch.cat(parts).double())
    return Terms(sampled, sampled.eps[:].to(question.x).double(), *found)


def without_neighbours(terms: Terms, bandwidth: float) -> torch.Tensor:
    """i^s minus Δ̄·ε, with Δ̄ from the other draws; an infinite bandwidth weights all of them equally."""
    logsnr = terms.draws.logsnr
    kernel = torch.exp(-0.5 * ((logsnr[:, None] - logsnr[None, :]) / bandwidth) ** 2)
    kernel.fill_diagonal_(0)
    kernel /= kernel.sum(1, keepdim=True).clamp(min=1e-300)
    mean = torch.einsum("nm,mchw->nchw", kernel, terms.difference)
    return terms.standard - mean * terms.eps


def estimates(fresh: Terms, pairs: Terms) -> dict[str, dict[str, np.ndarray]]:
    """Quantity → way → map. The first way of each is the baseline."""
    power = torch.sigmoid(fresh.draws.logsnr)[:, None, None, None] ** 2
    known = half_error(power * (fresh.eps.square() - 1))
    return {
        "i_s": {
            "independent": fresh.integral(fresh.standard),
            "neighbours": fresh.integral(without_neighbours(fresh, BANDWIDTH)),
            "pooled": fresh.integral(without_neighbours(fresh, float("inf"))),
            "pairs": pairs.integral(pairs.standard),
        },
        "neg_nll": {
            "independent": fresh.integral(fresh.likelihood),
            "chi square": fresh.integral(fresh.likelihood - known),
            "pairs": pairs.integral(pairs.likelihood),
        },
    }


def variances(
    question: Question, draws: int, runs: int, key: tuple[int, str, int]
) -> dict[tuple[str, str, str], float]:
    """(quantity, way, level) → variance over runs."""
    found: dict[tuple[str, str, str], list[np.ndarray]] = {}
    for number in range(runs):
        fresh, pairs = (
            run(question, draws, antithetic=antithetic, rng=generator(*key, str(antithetic), number))
            for antithetic in (False, True)
        )
        for quantity, ways in estimates(fresh, pairs).items():
            for way, heat in ways.items():
                found.setdefault((quantity, way, "pixel"), []).append(heat)
                found.setdefault((quantity, way, "total"), []).append(heat.sum())
    return {name: float(np.var(values, axis=0, ddof=1).mean()) for name, values in found.items()}


def ratios(name: str, found: list[Mapping[tuple[str, str, str], float]], seed: int) -> Iterator[dict[str, object]]:
    """Rows of the table: mean variance of a way relative to independent noise, with an interval over points."""
    weights = generator(seed, name, "bootstrap").multinomial(len(found), [1 / len(found)] * len(found), size=2000)
    for quantity, way, level in found[0]:
        if way == "independent":
            continue
        mine, plain = (np.array([one[quantity, which, level] for one in found]) for which in (way, "independent"))
        low, high = np.percentile((weights @ mine) / (weights @ plain), [2.5, 97.5])
        yield {
            "problem": name,
            "quantity": quantity,
            "level": level,
            "way": way,
            "variance_ratio": mine.sum() / plain.sum(),
            "low": low,
            "high": high,
            "points": len(found),
        }


def main() -> int:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--points", type=int, default=20, help="points of each closed-form problem")
    parser.add_argument("--images", type=int, default=3, help="embedded scenes (0: none)")
    parser.add_argument("--runs", type=int, default=12, help="runs of each point and way")
    parser.add_argument("--draws", type=int, default=50, help="draws of a run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for name in (*PROBLEMS, *(["scenes, CMI"] if options.images else [])):
        questions = (
            closed_form(name, options.points, options.seed)
            if name in PROBLEMS
            else embedded(options.images, options.seed)
        )
        found: list[Mapping[tuple[str, str, str], float]] = [
            variances(question, options.draws, options.runs, (options.seed, name, number))
            for number, question in enumerate(questions)
        ]
        for row in ratios(name, found, options.seed):
            rows.append(row)
            labels = f"{name:12} {row['quantity']!s:8} {row['level']!s:6} {row['way']!s:12}"
            print(f"{labels} {row['variance_ratio']:.2f}   {row['low']:.2f} – {row['high']:.2f}", flush=True)
    if options.output:
        options.output.write_text(
            json.dumps({"settings": vars(options) | {"output": None}, "rows": rows}, indent=2) + "\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
