"""Every command that a page or a header prints works: Snakemake's are dry-run, others are parsed as far as they go."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from snakemake.cli import get_argument_parser

from infodecomp import cli
from infodecomp.commands import explain
from tests.workflow.documented_commands import Command, commands
from tests.workflow.dry_runs import dry_runs
from tests.workflow.study import Study, working_copy

# Commands that are only read: pattern → why they cannot run here.
ONLY_READ = {
    r"[A-Z]{4,}|…|\.\.\.|<\w+>": "a synopsis with placeholders",
    r"--executor (cluster-generic|kubernetes)": "needs an executor plugin that is not a dependency",
    r"^snakemake .*--report\b": "reports the results of a finished study; tests/workflow/test_report.py runs it",
    r"^python -m (spacy|pytest|venv)\b": "downloads a model, runs all tests, or makes an environment",
}
# They run nothing by themselves.
HARMLESS = {"--help", "--version", "--unlock", "--summary", "--lint"}
# Where a page that runs elsewhere has the checkout; here it is the working folder.
CHECKOUT = "~/infodecomp/"
# Files that pages name as the reader's own.
OWN_FILE = re.compile(r"(my|mine)\w*\.yaml")


@pytest.fixture(scope="module")
def copy(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A working copy with the readers' files, and COCO's layout without COCO."""
    study = working_copy(repository, tmp_path_factory.mktemp("documented"))
    for name in {word for one in commands(study.folder) for word in one.words if OWN_FILE.fullmatch(word)}:
        (study.folder / name).write_text("study: mine\n", encoding="utf-8")
    coco = study.folder / "coco"
    (coco / "annotations").mkdir(parents=True)
    (coco / "val2017").mkdir()
    for name in ("instances", "captions"):
        (coco / "annotations" / f"{name}_val2017.json").touch()
    return study


@pytest.fixture(scope="module")
def printed(copy: Study) -> list[Command]:
    """All commands of the pages and headers that can run here."""
    found = commands(copy.folder)
    assert len(found) > 50
    assert {command.words[0] for command in found} >= {"snakemake", "make", "pip"}
    return [command for command in found if not any(re.search(pattern, command.text) for pattern in ONLY_READ)]


def told(failed: list[tuple[Command, str]]) -> str:
    """What to print of commands that do not work."""
    return "\n\n".join(f"{command.place}: {command.text}\n{reason}" for command, reason in failed)


def test_snakemake(copy: Study, printed: list[Command]) -> None:
    """With --dry-run. Commands that differ in their targets alone are one run, of all these targets."""
    groups: dict[tuple[str, ...], list[tuple[Command, list[str]]]] = {}
    for command in printed:
        if command.words[0] == "snakemake":
            options, targets = split_targets([word.replace(CHECKOUT, "") for word in command.words[1:]])
            groups.setdefault(options, []).append((command, targets or ["all"]))
    assert sum(map(len, groups.values())) > 30
    runs = [
        [
            *options,
            *([] if HARMLESS & set(options) else ["--dry-run", *{target for _, some in group for target in some}]),
        ]
        for options, group in groups.items()
    ]
    # The targets first: an option before them could take them for its own values.
    ordered = [[*run[len(options) :], *options] for run, options in zip(runs, groups, strict=True)]
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "COCO_ROOT": str(copy.folder / "coco"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    results = dry_runs(copy.folder, ordered, environment)
    failed = [
        (command, output[-800:])
        for group, (status, output) in zip(groups.values(), results, strict=True)
        if status
        for command, _ in group
    ]
    assert not failed, told(failed)


def split_targets(words: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """The options and the targets of a Snakemake command, as Snakemake itself reads them."""
    if {"--help", "--version"} & set(words):
        return tuple(words), []
    parsed = get_argument_parser().parse_args(words)
    targets = list(parsed.targets)
    options = [word for word in words if word not in targets and word != "--"]
    for option in ("--cores", "-c"):
        if option in options:
            del options[options.index(option) : options.index(option) + 2]
    return (*options, "--cores", "1"), targets


def test_make(copy: Study, printed: list[Command]) -> None:
    if shutil.which("make") is None:
        pytest.skip("needs make")
    failed = []
    for words, command in {tuple(one.words): one for one in printed if one.words[0] == "make"}.items():
        done = subprocess.run(["make", "--dry-run", *words[1:]], cwd=copy.folder, capture_output=True, text=True)
        if done.returncode:
            failed.append((command, done.stderr))
    assert not failed, told(failed)


def test_stages(printed: list[Command]) -> None:
    """`infodecomp run STAGE`, or `python -m infodecomp run STAGE`; the arguments of `infodecomp explain`."""
    failed = []
    for command in printed:
        words = command.words[2:] if command.words[:2] == ["python", "-m"] else command.words
        if words[:2] == ["infodecomp", "explain"]:
            explain.parser().parse_args(words[2:] or ["photo.jpg", "a name alone is no usage"])
        elif words[0] in ("infodecomp", "pipeline"):
            known = words[0] == "infodecomp" and words[1] in (*cli.COMMANDS, "--help", "--version")
            if not known or (words[1] == "run" and len(words) > 2 and words[2] not in cli.STAGES):
                failed.append((command, "no such command or stage"))
    assert not failed, told(failed)


def test_programs(copy: Study, printed: list[Command]) -> None:
    """`python FILE --option`: the file exists, and it or a file beside it knows the option; `python -c` compiles."""
    failed = []
    for command in printed:
        if command.words[:2] == ["python", "-c"]:
            compile(command.words[2], command.place, "exec")
            continue
        if command.words[0] == "python" and command.words[1] != "-m":
            file = copy.folder / command.words[1]
            if not file.is_file():
                failed.append((command, "no such file"))
                continue
            source = "".join(path.read_text(encoding="utf-8") for path in file.parent.glob("*.py"))
            options = [word for word in command.words[2:] if word.startswith("--") and word != "--help"]
            failed += [(command, f"no option {option}") for option in options if f'"{option}"' not in source]
    assert not failed, told(failed)


def test_pip(copy: Study, printed: list[Command]) -> None:
    """It needs a network; the extras that are named exist."""
    project = tomllib.loads((copy.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    failed = []
    for command in printed:
        if command.words[0] == "pip":
            asked = {
                extra
                for extras in re.findall(r"(?:infodecomp|\.)\[([\w,]+)\]", command.text)
                for extra in extras.split(",")
            }
            missing = asked - set(project["optional-dependencies"])
            if command.words[1] != "install" or missing:
                failed.append((command, f"no extra {missing}"))
    assert not failed, told(failed)


def test_a_target_after_configfile_is_found_out(copy: Study) -> None:
    """It is the mistake that this test is for: Snakemake takes the target for one more file."""
    command = ["--dry-run", "--cores", "1", "--configfile", "config/paper.yaml", "plan"]
    ((status, output),) = dry_runs(copy.folder, [command], os.environ)
    assert status != 0 and "plan" in output
