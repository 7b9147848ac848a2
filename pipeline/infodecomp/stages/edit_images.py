"""Omit or swap a word in the captions of one shard's images, and regenerate the images from the edited captions.

Each image is taken to noise along the model's flow with its caption, and back with the caption `unchanged`, without the word
(`omit`) and with another word (`swap`). The information of the word is estimated as well, or read where the localisation
study has estimated it already. The first cases get animations of the way to each edit.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from infodecomp.config import parse
from infodecomp.config.designs import resolved
from infodecomp.config.settings import EditImages
from infodecomp.editing.case_pictures import (
    keep_animations,
    lacks_animations,
    write_animations,
    write_pictures,
)
from infodecomp.editing.editor import Editor
from infodecomp.editing.edits import EDIT_COLUMNS
from infodecomp.editing.known_information import known_information
from infodecomp.editing.shard_table import edit_table
from infodecomp.jobs.arguments import add_model_arguments, add_pilot_argument
from infodecomp.jobs.model_job import ModelJob, pilot_identity
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.progress import Progress
from infodecomp.runs.storage import write_table

STAGE = "edit_images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of every stage that runs the model, the estimator's section, and results of the localisation study."""
    add_model_arguments(parser)
    add_pilot_argument(parser)
    parser.add_argument(
        "--known", type=Path, help="table of estimate_information (same shard) with MI and CMI to reuse"
    )


def run(args: argparse.Namespace) -> None:
    """Edit the cases of one shard."""
    section = parse(EditImages, args.settings)
    section = section.model_copy(update={"information": resolved(section.information, "maps")})
    settings = section.model_dump(mode="json", exclude={"animated"})
    if args.known:
        settings["known"] = code_digest("infodecomp.stages.estimate_information")
    stage = ModelJob.open(args, STAGE, settings, **pilot_identity(args.pilot))
    pending = stage.shard.pending(lambda case: lacks_animations(args.maps, case, section))
    if pending:
        jobs = stage.captions.readable(pending)
        editor = Editor(stage, section, known_information(args, section, jobs))
        with Progress(f"{STAGE} shard {args.shard}", sum(len(job.cases) for job in jobs), "cases") as progress:
            for case, arrays, pictures, frames in editor.edits(jobs):
                files = []
                if all(np.isfinite(picture).all() for picture in (*pictures.values(), *frames.values())):
                    files = write_pictures(args.maps / case.case_id, pictures)
                    write_animations(args.maps / case.case_id, frames)
                stage.shard.store(case, arrays, files)
                progress.advance()
    _finish(stage, section)


def _finish(stage: ModelJob, section: EditImages) -> None:
    summary = stage.shard.check_failures(stage.args.max_failed_fraction)
    for case in stage.shard.cases.itertuples(index=False):
        keep_animations(stage.args.maps, case, section)
    write_table(stage.args.output, edit_table(stage.shard.outcomes(), section.captions), EDIT_COLUMNS)
    stage.write_provenance()
    print(summary, flush=True)
