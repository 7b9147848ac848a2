"""Braces in paths that become inputs or outputs of jobs, which Snakemake takes for wildcards."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from infodecomp.config.datasets import CocoSource, WordListSource
from infodecomp.config.problems import Problem
from infodecomp.config.study import Config

# `{name}` and `{name,regular expression}`, as Snakemake reads them; it has no way to write them as text.
WILDCARD = re.compile(r"\{\s*[.\w]+\s*(,\s*([^{}]|\{\d+(,\d+)?\})*)?\}")

_PATHS = (
    *(("model", key) for key in ("id", "revision", "variant", "lora")),
    *(("clip", key) for key in ("id", "revision")),
    ("generate", "source", "list"),
    ("pairs", "selection", "list"),
    ("retrieval", "table", "symmetric_relations"),
)
_PATHS_BY_NAME = {
    # The root of other kinds holds images alone, which are no inputs.
    "datasets": ("list", "instances", "captions"),
    "retrieval_datasets": ("file",),
    "models": ("id", "revision", "variant", "lora"),
}


def wildcard_problems(config: Config) -> Iterator[Problem]:
    """Paths with wildcards in them, and a folder of scenes with any brace, because names are filled in there."""
    for path in _paths(config):
        value = reduce(_inside, path, config)
        if isinstance(value, str) and (found := WILDCARD.search(value)):
            yield _problem(path, f"is {value!r}", found[0], value)
    for name, dataset in config.datasets.items():
        coco_root = os.environ.get("COCO_ROOT", "")
        if (
            isinstance(dataset, CocoSource | WordListSource)
            and not dataset.root
            and (found := WILDCARD.search(coco_root))
        ):
            yield _problem(("datasets", name, "root"), f"is null, and COCO_ROOT is {coco_root!r}", found[0], coco_root)
    if brace := re.search(r"[{}]", config.scenes.folder):
        yield _problem(("scenes", "folder"), f"is {config.scenes.folder!r}", brace[0], config.scenes.folder)


def _paths(config: Config) -> Iterator[tuple[str, ...]]:
    yield from _PATHS
    for section, keys in _PATHS_BY_NAME.items():
        for name, one in getattr(config, section).items():
            roots = ("root",) if isinstance(one, CocoSource | WordListSource) else ()
            yield from ((section, name, key) for key in (*roots, *keys))


def _inside(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else getattr(value, key, None)


def _problem(path: tuple[str, ...], found: str, braces: str, value: str) -> Problem:
    matter = (
        f"{found}; allowed is a path without `{braces}`, which Snakemake would fill in; rename the file or folder, or "
        "make a link to it (ln -s) and name that"
    )
    return Problem(path, matter, path, re.sub(r"[{}]", "", value) or "data")
