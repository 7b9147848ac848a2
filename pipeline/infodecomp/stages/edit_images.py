"""Take a word out of the captions of one shard's images, or swap it, and see what the model then makes of the images.

Each image is walked to noise along the model's flow with its caption, and back with the caption as it is (`unchanged`),
without the word (`omit`) and with another word (`swap`). Beside them the case's information maps are estimated, or read
where the localisation study has them already. The ways to the edits of the first cases are kept as moving pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config import EditingSection, InformationSection, given, parse_section
from infodecomp.editing.editor import Editor, Known, case_edit, is_animated
from infodecomp.editing.edits import EDIT_COLUMNS, INTERVENTIONS, NUMBERS
from infodecomp.estimator.designs import resolved
from infodecomp.jobs.arguments import add_model_arguments, add_pilot_argument
from infodecomp.jobs.model_job import ModelJob, pilot_identity
from infodecomp.pictures.animations import write_animation
from infodecomp.pictures.images import write_picture
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.progress import Progress
from infodecomp.runs.shards import ImageJob
from infodecomp.runs.storage import write_table

STAGE = "edit_images"
# What determines an edit; the rest of the section is for tables, and `animated` adds moving pictures and changes nothing.
SETTINGS = ("sampler", "steps", "rho", "noised_start", "omit", "swaps", "swap_scope")

# Milliseconds that frames of a moving picture stand: the real picture, those on the way, the edited one.
_START, _A_MOMENT, _END = 1000, 130, 1800


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every stage that runs the model takes, the estimator's section, and maps of the localisation study."""
    add_model_arguments(parser)
    add_pilot_argument(parser)
    parser.add_argument("--information", required=True, help="the information section of the configuration as JSON")
    parser.add_argument("--heads", choices=["all", "second_half"], default="all", help="attention heads to average")
    parser.add_argument(
        "--known",
        type=Path,
        help="table of estimate_information for the same shard and settings, to read MI and CMI from",
    )


def run(args: argparse.Namespace) -> None:
    """Edit the cases of one shard."""
    section = parse_section(EditingSection, args.section)
    information = resolved(parse_section(InformationSection, args.information), "maps")
    settings = {**section.model_dump(mode="json", include=set(SETTINGS)), "information": given(information)}
    if args.known:
        settings["known"] = code_digest("infodecomp.stages.estimate_information")
    stage = ModelJob.open(args, STAGE, settings, heads=args.heads, **pilot_identity(args.pilot))
    pending = stage.shard.pending(
        lambda case: not _animations(args.maps, case, section).issubset(_written(args.maps, case))
    )
    if pending:
        jobs = stage.captions.readable(pending)
        known = _known(args, information, section, jobs) if args.known else Known({}, Path())
        editor = Editor(stage, section, information, known)
        with Progress(f"{STAGE} shard {args.shard}", sum(len(job.cases) for job in jobs), "cases") as progress:
            for case, arrays, pictures, frames in editor.edits(jobs):
                if all(np.isfinite(picture).all() for picture in (*pictures.values(), *frames.values())):
                    write_pictures(args.maps / case.case_id, pictures)
                    write_ways(args.maps / case.case_id, frames)
                stage.shard.store(case, arrays)
                progress.advance()
    _finish(stage, section)


def _known(
    args: argparse.Namespace, information: InformationSection, section: EditingSection, jobs: Sequence[ImageJob]
) -> Known:
    """MI and CMI of the localisation study; InputError unless they are what this stage would compute."""
    same = information.model_copy(update={"word_prompt": "word", "missing_word": section.omit})
    identity = {"heads": args.heads, **pilot_identity(args.pilot)}
    estimates = ModelJob.open(args, "estimate_information", same.model_dump(mode="json"), **identity)
    return Known.of(args.known, [case for job in jobs for case in job.cases], estimates.shard.key)


def write_pictures(folder: Path, pictures: Mapping[str, np.ndarray]) -> None:
    """PNGs of pictures (3, H, W) in [0, 1], named as they are; `autoencoder` is for the numbers alone."""
    for name, picture in pictures.items():
        if name != "autoencoder":
            write_picture(folder / f"{name}.png", picture)


def write_ways(folder: Path, ways: Mapping[str, np.ndarray]) -> None:
    """Moving pictures of frames (n, 3, H, W) in [0, 1], named as they are: both ends stand, so that they can be seen."""
    for name, frames in ways.items():
        between = [_A_MOMENT] * (len(frames) - 2)
        write_animation(folder / f"{name}.webp", frames, [_START, *between, _END])


def _animations(maps: Path, case: Any, section: EditingSection) -> set[Path]:
    """The moving pictures that a case is to have."""
    kept = set(case_edit(case, section).branches) & set(INTERVENTIONS) if is_animated(case, section) else set()
    return {maps / case.case_id / f"{name}.webp" for name in kept}


def _written(maps: Path, case: Any) -> set[Path]:
    return set((maps / case.case_id).glob("*.webp"))


def _finish(stage: ModelJob, section: EditingSection) -> None:
    summary = stage.shard.check_failures(stage.args.max_failed_fraction)
    rows = []
    for outcome in stage.shard.outcomes():
        for path in _written(stage.args.maps, outcome.case) - _animations(stage.args.maps, outcome.case, section):
            path.unlink()  # of more animated cases, or of an edit that there is no more
        edit = case_edit(outcome.case, section)
        numbers = {name: outcome.arrays[name].item() for name in NUMBERS if name in outcome.arrays}
        rows.append(
            {
                **dict.fromkeys(NUMBERS, float("nan")),
                "evaluations": 0,
                "key": "",
                "case_id": outcome.case.case_id,
                "status": outcome.status,
                "reason": outcome.reason,
                "swap_status": edit.swap_status if outcome.status == "ok" else outcome.status,
                "swap_reason": edit.swap_reason if outcome.status == "ok" else outcome.reason,
                "prompt_unchanged": edit.unchanged,
                "prompt_omit": edit.omit,
                "prompt_swap": edit.swap,
                **numbers,
                **({"key": str(outcome.arrays["key"])} if outcome.arrays else {}),
            }
        )
    write_table(stage.args.output, pd.DataFrame(rows, columns=list(EDIT_COLUMNS)), EDIT_COLUMNS)
    stage.write_provenance()
    print(summary, flush=True)
