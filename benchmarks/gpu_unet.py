"""Speed of a UNet of Stable Diffusion 2.1-base's size on a GPU, compared with a plain loop and the GPU's ceiling.

    python benchmarks/gpu_unet.py [--images 10] [--steps 50] [--precisions tf32 bfloat16] [--compile] [--json FILE]

Weights are random, latents 64x64. Both compute CMI maps of the same images with equal draws: the estimator with `batch_size:
auto`, two prompts per draw, in each precision; the released procedure (`released_procedure.py`) with three prompts, one
log-SNR at a time for ten images, in torch's default float32. The ceiling is the speed of a product of two large square
matrices in the same format; torch counts the operations of an evaluation. Times are wall-clock, after a first run that finds
the batch size; each way is printed once measured. Exits with 1 if the estimator in bfloat16 is less than 5 times as fast per
image as the plain loop, or reaches less than 40 % of the ceiling; with 2 if there is no GPU.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode

from infodecomp.config import Config, DrawsSection
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.sampling import draws_of
from infodecomp.models.batch_size import AUTO, BatchSize
from infodecomp.models.devices import set_precision
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.seeds import generator
from measuring import Row, Target, argument_parser, report, table
from random_models import pipeline_with, stable_diffusion_2_base
from released_procedure import Word, information

# bfloat16 first: it has targets, and is the one that is compiled.
PRECISIONS = ("bfloat16", "tf32", "float16", "float32")
TOKENS = 77
CMI = ("context", "full")
INTERVAL = Interval(-5.0, 7.0, 1.0, 2.0)


@dataclass(frozen=True)
class Prompted:
    """A model with random conditions, because the text tower of another model has another width."""

    model: LatentDiffusion

    def encode_prompts(self, prompts: Sequence[str]) -> list[Condition]:
        """With float32 states, (tokens, width); the same text has the same condition."""
        width = self.model.denoiser.config.cross_attention_dim
        drawn = [generator(0, prompt).standard_normal((TOKENS, width), dtype=np.float32) for prompt in prompts]
        return [Condition.of(torch.from_numpy(states)) for states in drawn]

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """Call the model."""
        return self.model(x_alpha, logsnr, condition)


def words(model: Prompted, images: int) -> list[Word]:
    """Random latents with the prompts of one case each."""
    torch.manual_seed(1)
    prompts = {"full": "a red dog", "context": "a dog", "empty": ""}
    return [Word(torch.randn(model.model.latent_shape), prompts, [2]) for _ in range(images)]


def problems(model: Prompted, images: int, steps: int) -> Iterator[Problem]:
    """CMI of each image."""
    section = DrawsSection()
    for number, word in enumerate(words(model, images)):
        conditions = model.encode_prompts([word.prompts[name] for name in CMI])
        draws = draws_of(
            section,
            steps=[steps],
            shape=model.model.latent_shape,
            interval=INTERVAL,
            density="logistic",
            rng=generator(0, "gpu", number),
        )
        yield Problem(word.latent, dict(zip(CMI, conditions, strict=True)), [CMI], draws)


def seconds(device: torch.device, work: Callable[[], object]) -> float:
    """Wall-clock time until the device has finished."""
    for moment in range(2):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if moment == 0:
            started = time.perf_counter()
            work()
    return time.perf_counter() - started


def operations(unet: UNet2DConditionModel) -> float:
    """Floating point operations of one evaluation."""
    size, width = unet.config.sample_size, unet.config.cross_attention_dim
    row = torch.zeros(1, unet.config.in_channels, size, size, device=unet.device, dtype=unet.dtype)
    text = torch.zeros(1, TOKENS, width, device=unet.device, dtype=unet.dtype)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        unet(row, torch.zeros(1, device=unet.device), encoder_hidden_states=text)
    return float(counter.get_total_flops())


def ceiling(device: torch.device, dtype: torch.dtype, side: int, repeats: int = 20) -> float:
    """Floating point operations per second of a product of two square matrices, the best of three runs."""
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    a @ b

    def products() -> None:
        for _ in range(repeats):
            a @ b

    return max(2.0 * side**3 * repeats / seconds(device, products) for _ in range(3))


def memory(device: torch.device) -> float:
    """Peak memory since the last reset, in GiB; NaN without a GPU."""
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else float("nan")


def reset_memory(device: torch.device) -> None:
    """Reset the peak of memory."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def plain_loop(unet: UNet2DConditionModel, device: torch.device, images: int, steps: int) -> Row:
    """The released procedure's CMI, in float32."""
    set_precision("float32")
    torch.backends.cudnn.allow_tf32 = True  # torch's default, which the released code keeps
    model = LatentDiffusion(pipeline_with(unet.float(), Config().model.id), device)
    model.denoiser.to(memory_format=torch.contiguous_format)
    prompted, rng = Prompted(model), np.random.default_rng(0)

    def run(count: int) -> None:
        chosen = words(prompted, images)
        information(prompted, chosen, ("full", "context", "empty"), count, INTERVAL, rng)  # type: ignore[arg-type]

    run(1)
    reset_memory(device)
    taken = seconds(device, lambda: run(steps))
    return row("plain loop, float32", 3 * min(images, 10), taken, 3 * images * steps, images, device)


def ours(
    unet: UNet2DConditionModel, device: torch.device, precision: str, images: int, steps: int, side: int, compiled: bool
) -> Row:
    """The estimator's CMI in one precision, with the fraction of the ceiling that it reaches."""
    dtype = set_precision(precision)
    model = LatentDiffusion(pipeline_with(torch.nn.Module.to(unet, dtype), Config().model.id), device)
    model.batch_size = BatchSize.of(AUTO, device)
    if compiled:
        model.compile()
    prompted = Prompted(model)

    def run() -> None:
        for _ in estimate_many(prompted, problems(prompted, images, steps), model.batch_size):
            pass

    run()
    reset_memory(device)
    taken = seconds(device, run)
    name = f"ours, {precision}" + (", compiled" if compiled else "")
    found = row(name, int(model.batch_size), taken, 2 * images * steps, images, device)
    reached = found["evaluations a second"] * operations(unet)
    limit = ceiling(device, dtype, side)
    return {**found, "TFLOP/s": reached / 1e12, "ceiling": limit / 1e12, "of the ceiling, %": 100 * reached / limit}


def row(way: str, rows: int, taken: float, evaluations: int, images: int, device: torch.device) -> Row:
    """The costs of one way."""
    return {
        "way": way,
        "rows in a call": rows,
        "evaluations a second": evaluations / taken,
        "seconds an image": taken / images,
        "GiB": memory(device),
    }


def compare(
    unet: UNet2DConditionModel,
    device: torch.device,
    precisions: Sequence[str],
    *,
    images: int,
    steps: int,
    side: int,
    compiled: bool = False,
) -> list[Row]:
    """The plain loop, and the estimator in each precision with its speed-up per image."""
    rows: list[Row] = []

    def keep(found: Row) -> None:
        times = (rows[0] if rows else found)["seconds an image"] / found["seconds an image"]
        rows.append({**found, "times faster": times})
        print(table(rows[-1:]), flush=True)

    keep(plain_loop(unet, device, images, steps))
    for precision in precisions:
        keep(ours(unet, device, precision, images, steps, side, False))
    if compiled:
        keep(ours(unet, device, precisions[0], images, steps, side, True))
    return rows


def main() -> int:
    """Compare on the first GPU."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--steps", type=int, default=50, help="draws of an image")
    parser.add_argument("--side", type=int, default=8192, help="side of the matrices whose product is the ceiling")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--compile", action="store_true", help="also compile the denoiser, in the first precision")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("gpu_unet needs a CUDA GPU, and torch sees none on this machine.", file=sys.stderr)
        return 2
    device = torch.device("cuda:0")
    rows = compare(
        stable_diffusion_2_base(),
        device,
        options.precisions,
        images=options.images,
        steps=options.steps,
        side=options.side,
        compiled=options.compile,
    )
    targets = [
        target
        for half in rows
        if half["way"] == "ours, bfloat16"
        for target in (
            Target("times as fast an image as the plain loop, bfloat16", half["times faster"], 5, at_least=True),
            Target("% of the ceiling, bfloat16", half["of the ceiling, %"], 40, at_least=True),
        )
    ]
    title = f"{torch.cuda.get_device_name(device)}, {options.images} images, {options.steps} draws"
    return report("gpu_unet", {title: rows}, targets, options.json)


if __name__ == "__main__":
    sys.exit(main())
