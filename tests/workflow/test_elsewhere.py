"""A study in a folder of its own: by `snakemake -s CHECKOUT/Snakefile`, and as a module of another workflow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.mounts import read_only
from tests.workflow.study import Run, Study, working_copy

# Two cases, of methods that need no gradients.
SMALL: dict[str, Any] = {
    "study": "tiny",
    "shards": 1,
    "scenes": {"count": 4},
    "datasets": {
        "scenes": {"kind": "coco_it", "first": 2, "editing": False, "word_pairs": False},
        **{"scenes_words": None, "generated": None},
    },
    "retrieval_datasets": None,
    "information": {"draws": {"density": "logistic"}, "budget": {"steps": [6]}},
    "attention": {"steps": [2]},
    "statistics": {"bootstrap": 100},
    "localisation": {"methods": ["whole_image", "attention", "cmi"]},
    "machine": {"batch_size": 16},
}
MODULE = """
configfile: "small.yaml"


module infodecomp:
    snakefile:
        "{snakefile}"
    config:
        config


use rule * from infodecomp as infodecomp_*


rule mine:
    default_target: True
    input:
        rules.infodecomp_localisation.input,
"""
TABLE = Path("results/tiny/tables/localisation.csv")


@pytest.fixture(scope="module")
def checkout(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout, which must stay as it is; its name has a space."""
    return working_copy(repository, tmp_path_factory.mktemp("the checkout")).folder


def snakemake(folder: Path, *arguments: str) -> Run:
    (folder / "small.yaml").write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    return Study(folder).command("snakemake", "--cores", "2", *arguments)


def files(folder: Path) -> set[str]:
    """Everything but what Python and Snakemake keep for themselves."""
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in names if "__pycache__" not in name and not name.startswith((".snakemake", "small.yaml"))}


def test_a_dry_run_of_the_embedded_study(checkout: Path, fresh: Study, tmp_path: Path) -> None:
    """Its configuration, lists and models are the checkout's; commands say the same as in the checkout."""
    before = files(checkout)
    run = snakemake(tmp_path, "-s", str(checkout / "Snakefile"), "--dry-run", "--printshellcmds")
    assert run.status == 0, run.output
    inside = fresh.command("snakemake", "--cores", "2", "--dry-run", "--printshellcmds")
    assert run.jobs == inside.jobs
    assert commands(run) == commands(inside)
    assert files(tmp_path) == set() and files(checkout) == before


def commands(run: Run) -> set[str]:
    """The commands of a run, without the places of files that come with the checkout."""
    found = re.findall(r"python -m infodecomp run .*", run.output)
    assert found
    return {re.sub(r" --(images|given|table|published|classifier) ('[^']*'|\S+)", "", command) for command in found}


def test_a_read_only_checkout(checkout: Path, tmp_path: Path) -> None:
    """A sentence in the checkout itself; from another folder nothing is amiss."""
    with read_only(checkout):
        run = Study(checkout).command("snakemake", "--cores", "2")
        assert run.status != 0
        assert f"error: {checkout}: the file system is read-only; run the command in a writable folder" in run.output
        assert f"From another folder: snakemake -s {checkout}/Snakefile …" in run.output
        assert "Traceback" not in run.output
        cases = "results/tiny/scenes/cases.parquet"
        run = snakemake(tmp_path, "-s", str(checkout / "Snakefile"), cases, "--configfile", "small.yaml")
    assert run.status == 0, run.output
    assert (tmp_path / cases).is_file()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("my {new} checkout", "braces, which Snakemake would fill in"),
        ("12:30", "`:`, which divides the paths where Python"),
    ],
)
def test_a_checkout_where_nothing_can_run(repository: Path, tmp_path: Path, name: str, reason: str) -> None:
    study = working_copy(repository, tmp_path / name)
    run = study.snakemake("--dry-run")
    assert run.status != 0 and "Traceback" not in run.output
    assert f"error: {study.folder}: the path of the checkout has {reason}" in run.output


def test_odd_names_of_checkout_and_folder(checkout: Path, tmp_path: Path) -> None:
    """Quotes, spaces, `=`, `$`, other scripts, a link to the checkout, results on another path, `--directory`."""
    link = tmp_path / 'it\'s a "link" = größe 研究 $HOME'
    link.symlink_to(checkout)
    folder = tmp_path / "mine: {x} 'y' %s"
    (tmp_path / "disk").mkdir()
    folder.mkdir()
    (folder / "results").symlink_to(tmp_path / "disk")
    cases = "results/tiny/scenes/cases.parquet"
    run = snakemake(folder, "-s", str(link / "Snakefile"), cases, "--configfile", "small.yaml")
    assert run.status == 0, run.output
    assert (tmp_path / "disk/tiny/scenes/cases.parquet").is_file()
    target = ["-s", str(checkout / "Snakefile"), "--directory", folder.name, "--dry-run", cases]
    again = Study(tmp_path).command("snakemake", "--cores", "1", *target, "--configfile", f"{folder.name}/small.yaml")
    assert "Nothing to be done" in again.output, again.output


def test_paths_of_an_overlay_start_from_the_working_folder(checkout: Path, tmp_path: Path) -> None:
    """A missing one is said with that folder; `~` and variables are filled in."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/mine.yaml").write_text(
        "datasets: {scenes: null, mine: {kind: coco_it, root: photos}, far: {kind: coco_it, root: $FAR/coco}}",
        encoding="utf-8",
    )
    target = ["-s", str(checkout / "Snakefile"), "--configfile", "photos/mine.yaml", "--keep-going"]
    cases = [f"results/demo/{name}/cases.parquet" for name in ("mine", "far")]
    run = Study(tmp_path).command("snakemake", "--cores", "1", *cases, *target, environment={"FAR": "/no/where"})
    assert run.status != 0 and "Traceback" not in run.output
    assert "missing: photos/annotations/instances_val2017.json" in run.output
    assert f"as COCO_ROOT; relative paths start from {tmp_path}." in run.output
    assert "missing: /no/where/coco/annotations/instances_val2017.json" in run.output


@pytest.mark.slow
def test_a_chain_from_another_folder_and_as_a_module(checkout: Path, tmp_path: Path) -> None:
    before = files(checkout)
    tables = []
    for name in ("elsewhere", "module"):
        folder = tmp_path / name
        folder.mkdir()
        if name == "module":
            text = MODULE.format(snakefile=checkout / "Snakefile")
            (folder / "Snakefile").write_text(text, encoding="utf-8")
            command = ["mine"]
        else:
            command = ["-s", str(checkout / "Snakefile"), "localisation", "--configfile", "small.yaml"]
        plan = snakemake(folder, "--dry-run", *command)
        assert plan.status == 0, plan.output
        run = snakemake(folder, *command)
        assert run.status == 0, run.output
        prefix = "infodecomp_" if name == "module" else ""
        assert run.jobs[f"{prefix}estimate_information"] == 1
        assert (folder / "data/scenes/words.csv").is_file()
        tables.append((folder / TABLE).read_bytes())
        again = snakemake(folder, "--dry-run", *command)
        assert "Nothing to be done" in again.output, again.output
    assert tables[0] == tables[1]
    assert files(checkout) == before
