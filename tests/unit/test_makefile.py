"""`make` installs into what an interrupted or an older `make` left behind."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infodecomp.commands import explain

# Stands for Python: makes environments as venv does, which keeps the Python and the pip that it finds, and logs what it is
# asked to do. It is too old if a file `python-too-old` lies beside it; a pip without `_internal` does not start.
PYTHON = """#!/bin/sh
here=$(dirname "$0"); site="$here/../lib/python3/site-packages"
if test -f "$here/python-too-old"; then exit 1; fi
case "$1 $2" in
    "-m venv")
        echo "venv" >> log
        mkdir -p "$3/bin" "$3/lib/python3/site-packages"
        touch "$3/pyvenv.cfg"
        for name in python python3; do test -L "$3/bin/$name" || ln -s "$PWD/tools/python3" "$3/bin/$name"; done
        test -d "$3/lib/python3/site-packages/pip" || mkdir -p "$3/lib/python3/site-packages/pip/_internal"
        touch "$3/bin/activate" ;;
    "-m pip") echo "pip" >> log; test -d "$site/pip/_internal" ;;
    "-c import sys, pip"*) test -d "$site/pip/_internal" ;;
esac
"""
SITE = Path("lib/python3/site-packages")


def without_pip(environment: Path) -> None:
    """Killed while venv installed pip: the script that activates the environment comes after that."""
    shutil.rmtree(environment / SITE / "pip")
    (environment / "bin" / "activate").unlink()


def with_half_a_pip(environment: Path) -> None:
    shutil.rmtree(environment / SITE / "pip" / "_internal")


def without_the_script_that_activates_it(environment: Path) -> None:
    (environment / "bin" / "activate").unlink()


def with_a_python_that_is_gone(environment: Path) -> None:
    for name in ("python", "python3"):
        (environment / "bin" / name).unlink()
        (environment / "bin" / name).symlink_to("/nowhere/bin/python3")


def with_a_python_that_is_too_old(environment: Path) -> None:
    """It is also the `python3` of the PATH while make runs, and cannot be the one that makes the environment anew."""
    (environment / "bin" / "python-too-old").touch()


def with_only_a_folder(environment: Path) -> None:
    shutil.rmtree(environment)
    environment.mkdir()


BROKEN: list[Callable[[Path], None]] = [
    without_pip,
    with_half_a_pip,
    without_the_script_that_activates_it,
    with_a_python_that_is_gone,
    with_a_python_that_is_too_old,
    with_only_a_folder,
]


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """What make reads, and an environment that it has installed into."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copy(repository / name, tmp_path / name)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "python3").write_text(PYTHON, encoding="utf-8")
    (tmp_path / "tools" / "python3").chmod(0o755)
    assert make(tmp_path) == ["venv", "pip"]
    return tmp_path


def run_make(checkout: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(checkout / "tools"), os.environ["PATH"]])
    return subprocess.run(
        ["make", ".venv/.installed"],
        cwd=checkout,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def make(checkout: Path) -> list[str]:
    """What make asks of Python, besides looking at it."""
    log = checkout / "log"
    log.write_text("", encoding="utf-8")
    done = run_make(checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    return log.read_text(encoding="utf-8").split()


def test_a_finished_installation_is_left_alone(checkout: Path) -> None:
    assert make(checkout) == []
    (checkout / ".venv" / ".environment").unlink()
    assert make(checkout) == []


@pytest.mark.parametrize("breaks", BROKEN, ids=lambda breaks: breaks.__name__)
def test_a_broken_environment_is_completed_by_the_same_command(checkout: Path, breaks: Callable[[Path], None]) -> None:
    breaks(checkout / ".venv")
    assert make(checkout) == ["venv", "pip"]
    assert (checkout / ".venv" / "bin" / "activate").is_file()
    assert make(checkout) == []


def test_an_interrupted_installation_goes_on(checkout: Path) -> None:
    """Packages that pip had begun are forgotten, so that it installs them; whole ones, and other files, are kept."""
    environment = checkout / ".venv"
    (environment / ".installed").unlink()
    for name in ("whole-1.dist-info", "half-1.dist-info"):
        (environment / SITE / name).mkdir()
        (environment / SITE / name / "METADATA").touch()
    (environment / SITE / "whole-1.dist-info" / "RECORD").write_text("whole/__init__.py,,\n", encoding="utf-8")
    (environment / "mine.txt").touch()
    assert make(checkout) == ["pip"]
    assert (environment / SITE / "whole-1.dist-info").is_dir() and (environment / "mine.txt").is_file()
    assert not (environment / SITE / "half-1.dist-info").exists()


def test_a_folder_that_is_no_environment_loses_nothing(checkout: Path) -> None:
    mine = checkout / ".venv" / "bin" / "python-notes.txt"
    (checkout / ".venv" / "pyvenv.cfg").unlink()
    without_pip(checkout / ".venv")
    mine.touch()
    assert make(checkout) == ["venv", "pip"]
    assert mine.is_file()


def test_explain_runs_on_a_shipped_picture(repository: Path) -> None:
    """What it runs is read, not run; tests/unit/test_explain_command.py explains pictures."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    done = subprocess.run(["make", "--dry-run", "explain"], cwd=repository, capture_output=True, text=True, check=True)
    # A make below another says which folder it enters and leaves.
    words = shlex.split([line for line in done.stdout.splitlines() if not line.startswith("make[")][-1])
    assert words[:2] == ["infodecomp", "explain"]
    args = explain.parser().parse_args(words[2:])
    assert (repository / args.image).is_file() and len(args.caption.split()) == 7 and args.model is None
    assert args.out == Path("results/explain")
    listed = subprocess.run(["make", "help"], cwd=repository, capture_output=True, text=True, check=True).stdout
    assert "make explain" in listed


def test_an_old_python_is_named(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    old = f"""#!/bin/sh\nexec '{sys.executable}' -c "import sys; sys.version_info = (3, 9); $2"\n"""
    (checkout / "tools" / "python3").write_text(old, encoding="utf-8")
    done = run_make(checkout)
    assert done.returncode != 0
    assert "needs Python 3.11 or newer: make PYTHON=python3.11" in done.stderr
    assert not (checkout / ".venv").exists()
