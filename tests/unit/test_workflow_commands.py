"""`infodecomp demo` and `infodecomp plan`: the Snakemake command that they become, and its exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infodecomp import cli
from infodecomp.runs import shipped

# Stands for Snakemake: prints its arguments and the `python` that rules would call.
SNAKEMAKE = "import shutil, sys; print(*sys.argv[1:], sep='\\n'); print(shutil.which('python')); sys.exit(7)\n"


@pytest.fixture(autouse=True)
def nothing_is_run_in_place_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        pytest.fail(f"would have become {arguments}")

    monkeypatch.setattr(os, "execve", refuse)


@pytest.fixture
def fake(tmp_path: Path) -> dict[str, str]:
    """An environment in which `python -m snakemake` is the one above."""
    (tmp_path / "fake" / "snakemake").mkdir(parents=True)
    (tmp_path / "fake" / "snakemake" / "__init__.py").touch()
    (tmp_path / "fake" / "snakemake" / "__main__.py").write_text(SNAKEMAKE, encoding="utf-8")
    paths = [str(tmp_path / "fake"), str(shipped.PACKAGE.parent)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PATH": os.defpath}


def run(arguments: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infodecomp", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["demo"], ["--cores", "all"]),
        (["demo", "--cores", "2", "--dry-run"], ["--cores", "2", "--dry-run"]),
        (["plan"], ["plan", "--cores", "all"]),
        (
            ["plan", "config/paper.yaml", "config/released.yaml"],
            ["plan", "--cores", "all", "--configfile", "config/paper.yaml", "config/released.yaml"],
        ),
    ],
)
def test_they_are_snakemake_in_the_checkout(
    arguments: list[str], expected: list[str], repository: Path, fake: dict[str, str]
) -> None:
    done = run(arguments, repository, fake)
    assert done.returncode == 7
    *given, python = done.stdout.splitlines()
    assert given == expected and python == str(Path(sys.executable).with_name("python"))
    assert done.stderr == f"snakemake {' '.join(expected)}\n"


def test_elsewhere_the_checkout_of_the_package_is_named(tmp_path: Path, repository: Path, fake: dict[str, str]) -> None:
    """Overlays are those of the working folder, or else of the checkout."""
    (tmp_path / "mine.yaml").touch()
    done = run(["plan", "config/paper.yaml", "mine.yaml"], tmp_path, fake)
    paper, snakefile = repository / "config/paper.yaml", repository / "Snakefile"
    expected = ["plan", "--cores", "all", "--configfile", str(paper), "mine.yaml", "--snakefile", str(snakefile)]
    assert done.stdout.splitlines()[:-1] == expected


def test_without_a_checkout_it_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shipped, "CHECKOUT", None)
    monkeypatch.chdir(tmp_path)
    for arguments in (["demo"], ["plan", "mine.yaml"]):
        assert cli.main(arguments) == 1
        assert capsys.readouterr().err.startswith(f"error: {tmp_path} is no checkout of Infodecomp, and the package")


def test_a_missing_overlay_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "mien.yaml"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: mien.yaml: no such file; expected an overlay") and "config/paper.yaml" in line


@pytest.mark.parametrize(
    "arguments", [["demo", "mine.yaml"], ["plan", "--cores", "0"], ["plan", "--coers", "2"], ["models", "--x"]]
)
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2 and f"usage: infodecomp {arguments[0]}" in capsys.readouterr().err


def test_help_names_every_command_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line[2] != " "][:5] == [
        "explain",
        "models",
        "demo",
        "plan",
        "run",
    ]
    assert max(map(len, text.splitlines())) <= 100
    assert cli.main(["expalin"]) == 2
    assert "the commands are: explain, models, demo, plan, run." in capsys.readouterr().err
