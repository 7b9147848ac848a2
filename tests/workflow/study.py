"""A working copy of the repository with a study small enough for tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from infodecomp.config import LocalisationSection
from infodecomp.config.study import Part

# The embedded study with six cases of twelve scenes, and few draws, of a density that needs no pilot.
TINY: dict[str, Any] = {
    "study": "tiny",
    "parts": [part for part in get_args(Part) if part != "representation"],
    "shards": 2,
    "scenes": {"count": 12},
    "datasets": {
        "scenes": {"kind": "coco_it", "first": 6, "editing": False, "word_pairs": False},
        "scenes_words": None,
        "generated": None,
    },
    "retrieval_datasets": None,
    "information": {"draws": {"density": "logistic"}, "budget": {"steps": [4, 8]}},
    "attention": {"steps": [2]},
    "statistics": {"bootstrap": 100},
    "validation": {
        "problems": ["dense_5"],
        "grid": {"designs": ["stratified"], "steps": [6, 12], "points": 2, "runs": 2},
    },
    "figures": {"panels": 2},
    "machine": {"batch_size": 16},
}

# The same without the jobs of gradients, for runs from nothing on which something else is tried.
TINY_WITHOUT_GRADIENTS: dict[str, Any] = {
    **TINY,
    "localisation": {"methods": [method for method in LocalisationSection().methods if method != "gradient"]},
}

# The retrieval part alone: four pairs of captions with exchanged nouns, four captions with their shuffles.
TINY_RETRIEVAL: dict[str, Any] = {
    "study": "tiny",
    "shards": 2,
    "scenes": {"count": 2, "retrieval": 4},
    "datasets": {"scenes": None, "scenes_words": None, "generated": None},
    "retrieval_datasets": {
        **{"scenes_vg_attribution": None, "scenes_noun_swap": None, "scenes_flickr30k_order": None},
        **{"scenes_vg_relation": {"shards": 2}, "scenes_coco_order": {"shards": 2}},
    },
    "retrieval": {"scoring": {"steps": [6]}, "diffitm": {"timesteps": [310, 610, 910]}},
    "statistics": {"bootstrap": 100},
    "machine": {"batch_size": 16},
}

# The editing part alone: four cases, walked in two moves.
TINY_EDITING: dict[str, Any] = {
    "study": "tiny",
    "shards": 2,
    "scenes": {"count": 4},
    "datasets": {
        "scenes": {"kind": "coco_it", "first": 4, "word_pairs": False},
        **{"scenes_words": None, "generated": None},
    },
    "retrieval_datasets": None,
    "information": {"draws": {"density": "logistic"}, "budget": {"steps": [8]}},
    "editing": {"flow": {"steps": 3}},
    "statistics": {"bootstrap": 100},
    "figures": {"panels": 2},
    "machine": {"batch_size": 16},
}

# Pairs of words beside the same edits.
TINY_PAIRS: dict[str, Any] = {
    **TINY_EDITING,
    "datasets": {
        "scenes": {"kind": "coco_it", "first": 4, "word_pairs": True},
        **{"scenes_words": None, "generated": None},
    },
    "pairs": {"sampling": {"steps": 4, "replicates": 2}, "selection": {"captions": 3}},
}


# Twelve pictures of one's own, described by their attributes.
TINY_REPRESENTATION: dict[str, Any] = {
    "study": "tiny",
    "parts": ["representation"],
    "representation": {
        "images": {"dataset": "own", "list": "pictures/list.csv", "size": 8, "held_out": 0.5},
        "models": ["factors"],
        "shards": 1,
        "estimation": {"images": 6, "draws": 6, "maps": 2, "pilot": 2},
        "exact": {"images": 6, "curve_images": 6, "curve_points": 5},
        "samples": {"samplers": ["unconditional", "ddim"], "count": 6, "steps": 3, "split_step": 1},
        "judging": {"features": [], "repeats": 2},
    },
    "statistics": {"bootstrap": 100},
}


@dataclass(frozen=True)
class Run:
    """What a command left: its exit status, and stdout and stderr together."""

    status: int
    output: str

    @property
    def jobs(self) -> dict[str, int]:
        """Rule → number of its jobs, from the table that Snakemake prints first; empty if it has nothing to do."""
        table = re.search(r"^Job stats:\njob +count\n[- ]+\n(.*?)^total ", self.output, re.MULTILINE | re.DOTALL)
        rows = [line.split() for line in table[1].splitlines()] if table else []
        return {rule: int(count) for rule, count in rows}


@dataclass(frozen=True)
class Study:
    """A working copy, and Snakemake in it."""

    folder: Path
    base: Mapping[str, Any] = field(default_factory=lambda: TINY)

    @property
    def results(self) -> Path:
        return self.folder / "results" / "tiny"

    def command(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Run:
        """Run `python -m …` in the copy, with the interpreter of this test as `python` of the rules."""
        inherited = {name: value for name, value in os.environ.items() if name not in ("COCO_ROOT", "PYTHONPATH")}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.folder,
            env={**inherited, "PATH": path, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stdout)

    def snakemake(
        self, *arguments: str, config: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
    ) -> Run:
        """Run Snakemake on the tiny study; `config` is an overlay on it."""
        files = {"tiny.yaml": self.base, **({"overlay.yaml": config} if config else {})}
        for name, content in files.items():
            (self.folder / name).write_text(yaml.safe_dump(dict(content)), encoding="utf-8")
        configuration = ["--configfile", *files]
        return self.command("snakemake", "--cores", "2", *arguments, *configuration, environment=environment)

    def planned(self, config: Mapping[str, Any] | None = None) -> dict[str, int]:
        """Rule → number of jobs that Snakemake would run, from a dry run that must succeed."""
        run = self.snakemake("--dry-run", config=config)
        assert run.status == 0, run.output
        return run.jobs

    def edit(self, file: str, addition: str) -> None:
        """Append source text to a file of the copy."""
        path = self.folder / file
        path.write_text(path.read_text(encoding="utf-8") + addition, encoding="utf-8")

    def copy(self, folder: Path) -> Study:
        """Another copy, with the results, Snakemake's memory of them, and the dates of all files."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Study(folder, self.base)


def working_copy(repository: Path, folder: Path, base: Mapping[str, Any] = TINY) -> Study:
    """Copy what a clone would hold, uncommitted changes included; nothing that Git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("needs a Git checkout, to tell the files of the project from what it made")
    for name in filter(None, listed.stdout.split("\0")):
        if (repository / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / name, folder / name)
    return Study(folder, base)
