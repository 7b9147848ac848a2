"""Time that recording cross-attention adds to a denoiser's calls.

    python benchmarks/attention_overhead.py [--rounds 9] [--rows 16] [--large-rows 4] [--json FILE]

Calls the embedded model, and a UNet of Stable Diffusion's class with 28 M random weights, recording the attention of every
row, of one row in four (like the estimator, which records the caption but not its other prompts), and of none, in
alternation. Two tokens per row are kept. Times are CPU times on one thread; ratios are medians over rounds. Exits with 1 if
recording every row costs more than 15 % for either model.
"""

from __future__ import annotations

import statistics
import sys
import time
from functools import partial

import torch

from infodecomp.config import Config
from infodecomp.models.attention import Tap
from infodecomp.models.latent_diffusion import LatentDiffusion
from measuring import Row, Target, alternating, argument_parser, median_ratio, report
from random_models import pipeline_with, stable_diffusion_like

# Every n-th row is recorded.
SHARES = {"none": 0, "one row in four": 4, "every row": 1}


def call(model: LatentDiffusion, inputs: tuple[torch.Tensor, ...], every: int) -> float:
    """CPU seconds of one call; `every`: record every n-th row, 0: none."""
    taps = [Tap(row, row % 2, (2, 3)) for row in range(0, len(inputs[0]), every)] if every else []
    with model.recording() as recorder:
        started = time.process_time()
        recorder.expect(taps)
        model(*inputs)
        return time.process_time() - started


def measure(model: LatentDiffusion, name: str, rows: int, rounds: int) -> Row:
    """Times of calls with and without recording, and the overhead."""
    torch.manual_seed(0)
    inputs = (
        torch.randn(rows, *model.latent_shape),
        torch.linspace(-3, 5, rows),
        model.encode_prompts(["a red dog left of a cat"])[0].expand(rows),
    )
    ways = {share: partial(call, model, inputs, every) for share, every in SHARES.items()}
    alternating(ways, 1)  # the first calls prepare kernels
    seconds = alternating(ways, rounds)
    without, some, all_rows = seconds.values()
    return {
        "UNet": name,
        "rows in a call": rows,
        "seconds without": statistics.median(without),
        "one row in four, % more": 100 * (median_ratio(some, without) - 1),
        "every row, % more": 100 * (median_ratio(all_rows, without) - 1),
    }


def main() -> int:
    """Measure both models."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--rows", type=int, default=16, help="rows per call of the embedded model")
    parser.add_argument("--large-rows", type=int, default=4, help="rows per call of the large model")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    embedded = Config().model.id
    rows = [
        measure(LatentDiffusion.load(embedded), "embedded", options.rows, options.rounds),
        measure(
            LatentDiffusion(pipeline_with(stable_diffusion_like(), embedded)),
            "28 M",
            options.large_rows,
            options.rounds,
        ),
    ]
    targets = [
        Target(f"% more time with every row recorded, UNet {row['UNet']}", float(row["every row, % more"]), 15)
        for row in rows
    ]
    return report("attention_overhead", {"calls": rows}, targets, options.json)


if __name__ == "__main__":
    sys.exit(main())
