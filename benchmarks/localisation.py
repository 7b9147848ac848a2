"""What localisation costs: denoiser evaluations and seconds a case, ours against the released procedure.

    python benchmarks/localisation.py [--cases 6] [--steps 50 100 200] [--images 6] [--seeds 8] [--long 1600] [--json FILE]

Equal draws: the same cases of drawn scenes, one an image, get their maps at all numbers of draws; ours from one run of
nested draws, in which each distinct prompt is evaluated once and attention is recorded, the released procedure
(`released_procedure.py`) from its separate runs. Evaluations are rows that the UNet saw, rows that fill up a call included.
Times are the processor's, on one thread, without loading the model.

Equal error: totals of CMI of some images, from many seeds, by the configured design and by independent draws, against one
long run. The ratio of mean square errors is how many times as many independent draws are needed; the released procedure
spends three evaluations on each, in separate runs for each number of draws, ours two, in one. Exits with 1 when the released
procedure does not take 3 times our evaluations for CMI and attention at equal draws, or 10 times at equal error of the
orthogonal total.
"""

from __future__ import annotations

import sys
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch

from measuring import Row, Target, argument_parser, model_arguments, report, scene_cases, stage_here
from metering import Cost, Meter, at_hand
from pipeline.attention import Tap, recording, word_map
from pipeline.config import AttentionSection, Config, InformationSection
from pipeline.datasets.cases import CASE_COLUMNS, read_cases
from pipeline.images import load_image
from pipeline.information import Problem, estimate_many
from pipeline.information import Row as InformationRow
from pipeline.latent_diffusion import LatentDiffusion
from pipeline.sampling import Interval, integration_interval, sample_draws
from pipeline.seeds import generator
from pipeline.storage import write_table
from pipeline.words import find_word, word_token_positions
from released_procedure import Word, attention, attention_information, information

BATCH_SIZE = 64
CMI = ("context", "full")
RELEASED_PROMPTS, OUR_PROMPTS = 3, 2


def one_case_an_image(folder: Path, count: int) -> Path:
    """A cases table of so many drawn scenes, one word each."""
    frame = read_cases(scene_cases(folder, 2 * count)).drop_duplicates("image_id").head(count)
    path = folder / "one_an_image.parquet"
    write_table(path, frame, CASE_COLUMNS)
    return path


def read_words(model: LatentDiffusion, cases: Path, images: Path) -> list[Word]:
    """The cases as the plain loops take them."""
    words = []
    for case in read_cases(cases).itertuples(index=False):
        prompts = {"full": case.prompt_full, "context": case.prompt_context, "word": case.prompt_word, "empty": ""}
        spans = find_word(case.prompt_full, case.prompt_word)
        places = word_token_positions(model.token_offsets(case.prompt_full), spans)
        latent = model.encode_image(load_image(images / case.image_path))
        words.append(Word(latent, prompts, [position for place in places for position in place]))
    return words


def model_interval(model: LatentDiffusion, section: InformationSection) -> Interval:
    """The log-SNRs that the configuration integrates over."""
    return integration_interval(
        loc=section.loc,
        scale=section.scale,
        clip=section.clip,
        trained=model.logsnr_range,
        beyond_trained_range=section.beyond_trained_range,
    )


def cmi_problems(
    model: LatentDiffusion, words: Sequence[Word], section: InformationSection, purpose: str
) -> Iterator[Problem]:
    """CMI of every case, its draws seeded by case and purpose."""
    for number, word in enumerate(words):
        embeddings = model.encode_prompts([word.prompts[name] for name in CMI])
        draws = sample_draws(
            shape=(word.latent.shape[0], word.latent.shape[1], word.latent.shape[2]),
            steps=section.steps,
            density=section.density,
            design=section.design,
            antithetic_eps=section.antithetic_eps,
            interval=model_interval(model, section),
            rng=generator(0, purpose, number),
        )
        yield Problem(word.latent, dict(zip(CMI, embeddings, strict=True)), [CMI], draws)


def our_cmi(model: LatentDiffusion, words: Sequence[Word], section: InformationSection) -> list[np.ndarray]:
    """Maps of CMI and of attention of each case at all numbers of draws, (2, steps, h, w), from one run."""
    size = model.latent_shape[1:]

    def taps(rows: Sequence[InformationRow]) -> list[Tap]:
        """Sums are kept apart between two numbers of draws."""
        return [
            Tap(position, (row.problem, bisect_right(section.steps, row.draw)), words[row.problem].tokens)
            for position, row in enumerate(rows)
            if row.prompt == "full"
        ]

    maps = []
    with recording(model.unet, size) as recorder:
        problems = cmi_problems(model, words, section, "ours")
        estimates = estimate_many(model, problems, BATCH_SIZE, lambda rows: recorder.expect(taps(rows)))
        for number, estimate in enumerate(estimates):
            parts = [recorder.pop((number, stretch)) for stretch in range(len(section.steps))]
            nested = accumulate(parts, lambda first, second: first + second)
            tokens = range(len(words[number].tokens))
            heats = [word_map(recorded, tokens, size) for recorded in nested]
            maps.append(np.stack([[estimate.at(n).orthogonal[CMI].map for n in section.steps], heats]))
    return maps


def equal_draws(folder: Path, meter: Meter, cases: int, section: InformationSection) -> tuple[list[Row], float]:
    """Costs of all maps of the cases at all numbers of draws, and the ratio of evaluations for CMI and attention."""
    table, images, model = one_case_an_image(folder, cases), folder / "scenes/val2017", meter.model
    words, interval, rng = read_words(model, table, images), model_interval(model, section), np.random.default_rng(0)

    def runs(run: Callable[[int], object]) -> Cost:
        return meter.cost(lambda: [run(steps) for steps in section.steps])

    def our_stage(name: str, settings: InformationSection | AttentionSection) -> Cost:
        with at_hand(model):
            arguments = model_arguments(table, images, folder / name, settings)
            return meter.cost(partial(stage_here, name, *arguments, "--batch-size", BATCH_SIZE))

    ours = {
        "cmi": meter.cost(lambda: our_cmi(model, words, section)),
        "stage": our_stage("estimate_information", section),
        "attention": our_stage("record_attention", AttentionSection(steps=section.steps)),
    }
    theirs = {
        "cmi": runs(lambda s: information(model, words, ("full", "context", "empty"), s, interval, rng)),
        "attention_information": runs(lambda s: attention_information(model, words, s, interval, rng)),
        "mi": runs(lambda s: information(model, words, ("word", "empty", "empty"), s, interval, rng)),
        "attention": runs(lambda s: attention(model, words, s)),
    }
    recorded = theirs["cmi"] + theirs["attention_information"]
    pairs = {
        "CMI, attention_information": (ours["cmi"], recorded),
        "and MI (what the stage estimates)": (ours["stage"], recorded + theirs["mi"]),
        "and attention (inversion and denoising)": (
            ours["stage"] + ours["attention"],
            recorded + theirs["mi"] + theirs["attention"],
        ),
    }
    rows = [comparison(name, our, their, cases) for name, (our, their) in pairs.items()]
    return rows, recorded.evaluations / ours["cmi"].evaluations


def comparison(name: str, our: Cost, their: Cost, cases: int) -> Row:
    """A row of the table, each number for one case."""
    return {
        "maps": name,
        "evaluations, ours": our.evaluations / cases,
        "released": their.evaluations / cases,
        "times fewer": their.evaluations / our.evaluations,
        "CPU seconds, ours": our.seconds / cases,
        "released (CPU)": their.seconds / cases,
        "times faster": their.seconds / our.seconds,
    }


def equal_error(
    model: LatentDiffusion, words: Sequence[Word], section: InformationSection, seeds: int, long: int
) -> tuple[list[Row], float]:
    """Error of totals of CMI by design and number of draws; evaluations saved by the configured design, orthogonal.

    The second design has the strata of the configured one without its pairs of opposite noise.
    """
    designs = {
        "configured": section,
        "stratified": section.model_copy(update={"design": "stratified", "antithetic_eps": False}),
        "independent": section.model_copy(update={"design": "iid", "antithetic_eps": False}),
    }
    truth = totals(model, words, section.model_copy(update={"steps": (long,)}), 1, "truth")
    errors = {name: (totals(model, words, chosen, seeds, name) - truth) ** 2 for name, chosen in designs.items()}
    rows: list[Row] = []
    ratios: dict[str, list[float]] = {}
    for which, estimator in enumerate(("standard", "orthogonal")):
        size = np.abs(truth[which]).mean()
        for number, steps in enumerate(section.steps):
            of_design = {name: values[which, :, number] for name, values in errors.items()}
            ratio, spread = error_ratio(of_design["independent"], of_design["configured"])
            fresh, _ = error_ratio(of_design["independent"], of_design["stratified"])
            ratios.setdefault(estimator, []).append(ratio)
            rows.append(
                {
                    "total of CMI": estimator,
                    "draws": steps,
                    **{f"{name}, %": 100 * float(np.sqrt(v.mean())) / size for name, v in of_design.items()},
                    "independent draws needed, times": ratio,
                    "give or take a factor": spread,
                    "the same for stratified": fresh,
                }
            )
    return rows, evaluations_at_equal_error(section.steps, ratios["orthogonal"])


def totals(
    model: LatentDiffusion, words: Sequence[Word], section: InformationSection, seeds: int, purpose: str
) -> np.ndarray:
    """Totals (2 estimators, images, numbers of draws, seeds)."""
    copies = [word for word in words for _ in range(seeds)]
    estimates = estimate_many(model, cmi_problems(model, copies, section, purpose), BATCH_SIZE)
    values = [
        [[getattr(estimate.at(n), name)[CMI].total for n in section.steps] for name in ("standard", "orthogonal")]
        for estimate in estimates
    ]  # (images · seeds, 2, steps)
    return np.array(values).reshape(len(words), seeds, 2, len(section.steps)).transpose(2, 0, 3, 1)


def error_ratio(above: np.ndarray, below: np.ndarray) -> tuple[float, float]:
    """Ratio of mean square errors, geometric mean over images, and the factor of its standard error.

    above, below: squared errors (images, seeds).
    """
    logs = np.log(above.mean(1)) - np.log(below.mean(1))
    spread = logs.std(ddof=1) / np.sqrt(len(logs)) if len(logs) > 1 else float("nan")
    return float(np.exp(logs.mean())), float(np.exp(spread))


def evaluations_at_equal_error(steps: Sequence[int], ratios: Sequence[float]) -> float:
    """Evaluations of the released procedure over ours, all numbers of draws together.

    It needs `ratio` times as many draws as ours at each number of draws, in a run of its own.
    """
    theirs = RELEASED_PROMPTS * sum(count * ratio for count, ratio in zip(steps, ratios, strict=True))
    return theirs / (OUR_PROMPTS * max(steps))


def main() -> int:
    """Compare costs at equal draws, then draws at equal error."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--cases", type=int, default=6, help="cases at equal draws")
    parser.add_argument("--steps", type=int, nargs="+", default=[50, 100, 200], help="numbers of draws")
    parser.add_argument("--images", type=int, default=6, help="images whose errors are measured")
    parser.add_argument("--seeds", type=int, default=8, help="estimates of each")
    parser.add_argument("--long", type=int, default=1600, help="draws of the long run; a multiple of the most draws")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    section = Config().information.model_copy(update={"steps": tuple(options.steps)})
    meter = Meter(LatentDiffusion.load(Config().model.id))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        cost_rows, fewer = equal_draws(folder, meter, options.cases, section)
        table = one_case_an_image(folder / "errors", options.images)
        words = read_words(meter.model, table, folder / "errors/scenes/val2017")
    error_rows, at_equal_error = equal_error(meter.model, words, section, options.seeds, options.long)
    targets = [
        Target("times fewer evaluations at equal draws, CMI and attention_information", fewer, 3, at_least=True),
        Target("times fewer evaluations at equal error, orthogonal CMI", at_equal_error, 10, at_least=True),
    ]
    drawn = ", ".join(map(str, section.steps))
    tables = {
        f"at equal draws ({drawn}), a case": cost_rows,
        f"at equal error, {options.images} images, {options.seeds} seeds": error_rows,
    }
    return report("localisation", tables, targets, options.json)


if __name__ == "__main__":
    sys.exit(main())
