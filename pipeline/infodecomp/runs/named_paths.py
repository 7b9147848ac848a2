"""Command-line arguments of the form NAME=VALUE: paths of datasets, and numbers of stages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from infodecomp.runs.errors import InputError


def named_paths(argument: str, texts: Sequence[str]) -> dict[str, list[Path]]:
    """Dataset → its paths, in the order given; a dataset may be named several times.

    argument: name of the option, for the message. Raises InputError for a text of another form.
    """
    paths = dict[str, list[Path]]()
    for text in texts:
        name, separator, path = text.partition("=")
        if not (name and separator and path):
            raise InputError(f"{argument} {text}: expected DATASET=PATH, such as scenes=results/demo/scenes/x.parquet.")
        paths.setdefault(name, []).append(Path(path))
    return paths


def named_path(argument: str, texts: Sequence[str]) -> dict[str, Path]:
    """Dataset → its one path. Raises InputError also for a dataset that is named twice."""
    paths = named_paths(argument, texts)
    problems = [
        f"{argument} names {name} {len(several)} times; expected once."
        for name, several in paths.items()
        if several[1:]
    ]
    if problems:
        raise InputError("\n".join(problems))
    return {name: path for name, (path,) in paths.items()}


def named_counts(argument: str, texts: Sequence[str]) -> dict[str, int]:
    """Stage → number. Raises InputError for a text of another form.

    >>> named_counts("--stage-shards", ["judge_maps=2"])
    {'judge_maps': 2}
    """
    parts = [text.partition("=") for text in texts]
    for text, (stage, _, count) in zip(texts, parts, strict=True):
        if not stage or not count.isdecimal():
            raise InputError(f"{argument} {text}: expected STAGE=COUNT, such as judge_maps=1.")
    return {stage: int(count) for stage, _, count in parts}
