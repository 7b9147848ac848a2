"""Check the prompts that images are generated from, with the images and masks they start from, and list them."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.settings import ListPrompts
from infodecomp.datasets.prompts import prompt_table, write_prompts
from infodecomp.runs.provenance import write_provenance
from infodecomp.words.missing_word import is_unspaced

STAGE = "list_prompts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The configuration and the table to write."""
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output", required=True, type=Path, help="table of prompts to write (Parquet)")


def run(args: argparse.Namespace) -> None:
    """Write the prompts and print how many images they give."""
    section = parse(ListPrompts, args.settings).source
    frame = prompt_table(section)
    write_prompts(args.output, frame)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=section.model_dump(mode="json"),
        extra={"images": len(frame)},
    )
    alone = [prompt for prompt in frame["prompt"] if len(prompt.split()) == 1]
    for prompt in dict.fromkeys(alone):
        spaces = "; separate its words by spaces to measure each of them" if is_unspaced(prompt) else ""
        print(
            f"warning: the prompt {prompt!r} has one word; its context is empty, and its share of all words is 100 % "
            f"for any model{spaces}",
            flush=True,
        )
    print(f"{len(frame)} images of {frame['prompt'].nunique()} prompts, {frame['words'].map(len).sum()} cases")
