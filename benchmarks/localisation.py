"""Cost of localisation: denoiser evaluations and seconds per case, ours and the released procedure's.

    python benchmarks/localisation.py [--cases 2] [--steps 50 100 200] [--images 12] [--seeds 6] [--long 3200] [--json FILE]

Equal draws: maps of the same cases of drawn scenes, one per image, at all numbers of draws; ours from one run of nested
draws, in which each distinct prompt is evaluated once and attention is recorded, the released procedure's
(`released_procedure.py`) from its separate runs. Evaluations are rows that the UNet saw, including rows that fill up a call.
Times are CPU times on one thread, without loading the model.

Equal error (`equal_error.py`): the factor by which the released procedure needs more evaluations than ours for totals with
equal errors, on scenes with the embedded model, and on a problem of the size of Stable Diffusion's latents whose information
is known. The density is fitted by a pilot on other scenes than those measured. Exits with 1 unless the released procedure
takes 3 times our evaluations for CMI and attention at equal draws, and 10 times at equal error of the orthogonal total.
"""

from __future__ import annotations

import json
import sys
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch

from equal_error import (
    BATCH_SIZE,
    CASES,
    CLOSED_FORM,
    CMI,
    Fitted,
    Way,
    closed_form_errors,
    cmi_problems,
    scene_errors,
)
from infodecomp.config import AttentionSection, BudgetSection, Config, InformationSection
from infodecomp.datasets.cases import CASE_COLUMNS, read_cases
from infodecomp.estimator.evaluation import Row as InformationRow
from infodecomp.estimator.evaluation import estimate_many
from infodecomp.estimator.interval import interval_of
from infodecomp.information.pilot_file import read_density
from infodecomp.information.study_draws import recorded_draws
from infodecomp.models.attention import Tap, word_map
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.pictures.images import load_image
from infodecomp.runs.storage import write_table
from infodecomp.words.occurrences import find_word, word_token_positions
from measuring import Row, Target, argument_parser, model_arguments, report, scene_cases, settings, stage_here
from metering import Cost, Meter, at_hand
from released_procedure import Word, attention_information, information


def one_case_an_image(folder: Path, count: int) -> Path:
    """A cases table of `count` drawn scenes, with one word each."""
    frame = read_cases(scene_cases(folder, 2 * count)).drop_duplicates("image_id").head(count)
    path = folder / "one_an_image.parquet"
    write_table(path, frame, CASE_COLUMNS)
    return path


def read_words(model: LatentDiffusion, cases: Path, images: Path) -> list[Word]:
    """The cases as input of the plain loops."""
    words = []
    for case in read_cases(cases).itertuples(index=False):
        prompts = {"full": case.prompt_full, "context": case.prompt_context, "word": case.prompt_word, "empty": ""}
        spans = find_word(case.prompt_full, case.prompt_word)
        places = word_token_positions(model.token_offsets(case.prompt_full), spans)
        latent = model.encode_image(load_image(images / case.image_path))
        words.append(Word(latent, prompts, [position for place in places for position in place]))
    return words


def fit_density(
    folder: Path, model: LatentDiffusion, section: InformationSection, measured: Sequence[Path]
) -> tuple[Path, Fitted]:
    """The density of a pilot on scenes of the study that are not in the measured tables: its file and costs."""
    seen = {image for table in measured for image in read_cases(table)["image_id"]}
    frame = read_cases(scene_cases(folder, Config().datasets["scenes"].first or CASES))
    prompts = frame.groupby("image_id")[["prompt_full", "prompt_context"]].agg(set)
    distinct = sum(len(full | context) for full, context in prompts.itertuples(index=False))
    table = folder / "others.parquet"
    write_table(table, frame[~frame["image_id"].isin(seen)], CASE_COLUMNS)
    arguments = model_arguments(
        table, folder / "scenes/val2017", folder / "pilot", settings("pilot_density", information=section)
    )
    with at_hand(model):
        stage_here("pilot_density", *arguments, "--batch-size", BATCH_SIZE)
    found = folder / "pilot/shard.parquet"  # where these arguments let a stage write
    record = json.loads(found.read_text(encoding="utf-8"))
    return found, Fitted(read_density(found).draws, record["evaluations"] / len(frame), distinct / len(frame))


def our_cmi(model: LatentDiffusion, words: Sequence[Word], way: Way) -> list[np.ndarray]:
    """Maps of CMI and of attention of each case at all numbers of draws, (2, steps, h, w), from one run."""
    size, section = model.latent_shape[1:], way.section
    problems = list(cmi_problems(model, words, way, "ours"))
    interval = interval_of(section.range, model.logsnr_range)
    counted = [recorded_draws(section.draws, interval, one.draws) for one in problems]

    def taps(rows: Sequence[InformationRow]) -> list[Tap]:
        """Sums are kept apart between two numbers of draws."""
        return [
            Tap(
                position,
                (row.problem, bisect_right(section.budget.steps, row.draw)),
                words[row.problem].tokens,
                counted[row.problem][row.draw],
            )
            for position, row in enumerate(rows)
            if row.prompt == "full"
        ]

    maps = []
    with model.recording() as recorder:
        estimates = estimate_many(model, problems, BATCH_SIZE, lambda rows: recorder.expect(taps(rows)))
        for number, estimate in enumerate(estimates):
            parts = [recorder.pop((number, stretch)) for stretch in range(len(section.budget.steps))]
            nested = accumulate(parts, lambda first, second: first + second)
            tokens = range(len(words[number].tokens))
            heats = [word_map(recorded, tokens, size) for recorded in nested]
            maps.append(np.stack([[estimate.at(n).orthogonal[CMI].map for n in section.budget.steps], heats]))
    return maps


def equal_draws(
    folder: Path, meter: Meter, table: Path, section: InformationSection, density: Path, fitted: Fitted
) -> tuple[list[Row], float]:
    """Costs of all maps of a table's cases at all numbers of draws, and the ratio of evaluations for CMI and attention."""
    images, model = folder / "scenes/val2017", meter.model
    words, rng = read_words(model, table, images), np.random.default_rng(0)
    interval = interval_of(section.range, model.logsnr_range)

    def runs(run: Callable[[int], object]) -> Cost:
        return meter.cost(lambda: [run(steps) for steps in section.budget.steps])

    def our_stage(name: str, read: str, *others: object) -> Cost:
        with at_hand(model):
            arguments = (*model_arguments(table, images, folder / name, read), *others)
            return meter.cost(partial(stage_here, name, *arguments, "--batch-size", BATCH_SIZE))

    attention = AttentionSection(steps=section.budget.steps)
    ours = {
        "cmi": meter.cost(lambda: our_cmi(model, words, Way(section, fitted.density))),
        "stage": our_stage(
            "estimate_information", settings("estimate_information", information=section), "--pilot", density
        ),
        "attention": our_stage("record_attention", settings("record_attention", attention=attention)),
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
    rows = [comparison(name, our, their, len(words)) for name, (our, their) in pairs.items()]
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


def main() -> int:
    """Compare costs at equal draws, then draws at equal error."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--cases", type=int, default=2, help="cases at equal draws")
    parser.add_argument("--steps", type=int, nargs="+", default=[50, 100, 200], help="numbers of draws")
    parser.add_argument("--images", type=int, default=12, help="images whose errors are measured")
    parser.add_argument("--seeds", type=int, default=6, help="estimates of each image")
    parser.add_argument(
        "--long", type=int, default=3200, help="draws of the long run; a multiple of the largest number of draws"
    )
    parser.add_argument(
        "--points", type=int, default=6, help="points of the closed-form problem, estimated 2·seeds times"
    )
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    section = Config().information.model_copy(update={"budget": BudgetSection(steps=tuple(options.steps))})
    meter = Meter(LatentDiffusion.load(Config().model.id))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        costs, table = one_case_an_image(folder, options.cases), one_case_an_image(folder / "errors", options.images)
        density, fitted = fit_density(folder / "others", meter.model, section, [costs, table])
        cost_rows, fewer = equal_draws(folder, meter, costs, section, density, fitted)
        words = read_words(meter.model, table, folder / "errors/scenes/val2017")
    kinds = {
        f"{options.images} scenes, {options.seeds} seeds": scene_errors(
            meter.model, words, section, fitted, options.seeds, options.long
        ),
        f"problem {CLOSED_FORM}, {options.points} points, {2 * options.seeds} seeds": closed_form_errors(
            section, options.points, 2 * options.seeds
        ),
    }
    saved = [{"truth": kind, **row} for kind, (_, rows) in kinds.items() for row in rows]
    targets = [
        Target("times fewer evaluations at equal draws, CMI and attention_information", fewer, 3, at_least=True),
        *(
            Target(f"times fewer at equal error of the orthogonal total, {row['truth']}", row["configured"], 10, True)
            for row in saved
            if row["total"] == "orthogonal"
        ),
    ]
    tables = {
        f"at equal draws ({', '.join(map(str, section.budget.steps))}), a case": cost_rows,
        **{f"errors of totals: {kind}": rows for kind, (rows, _) in kinds.items()},
        "times fewer evaluations at equal error, all numbers of draws together": saved,
    }
    return report("localisation", tables, targets, options.json)


if __name__ == "__main__":
    sys.exit(main())
