from __future__ import annotations

import argparse
import subprocess
import sys
import types
from pathlib import Path

import pytest

from infodecomp import cli as program
from infodecomp.runs.errors import InputError


def fake_stage(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> list[argparse.Namespace]:
    """Put a stage `fake` in place; returns the list of the arguments it was run with."""
    calls: list[argparse.Namespace] = []
    module = types.ModuleType("infodecomp.stages.fake", "Do nothing.")

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, required=True)

    def run(args: argparse.Namespace) -> None:
        calls.append(args)
        if error is not None:
            raise error

    module.add_arguments, module.run = add_arguments, run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "infodecomp.stages.fake", module)
    monkeypatch.setitem(program.STAGES, "fake", "infodecomp.stages.fake")
    return calls


@pytest.mark.parametrize("stage", program.STAGES)
def test_every_stage_has_a_module_and_a_summary(stage: str) -> None:
    assert program.STAGES[stage] == f"infodecomp.stages.{stage}"
    summary = program.summary(stage)
    assert summary.endswith(".") and len(summary) < 120


def test_alone_it_lists_the_stages_without_importing_them(repository: Path) -> None:
    code = (
        "import sys; from infodecomp.cli import run_stage; status = run_stage([]);"
        "assert not [name for name in sys.modules if name.startswith(('infodecomp.stages', 'torch', 'pandas'))];"
        "sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=repository, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")] == list(program.STAGES)


def test_a_stage_gets_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = fake_stage(monkeypatch)
    assert program.run_stage(["fake", "--output", "a.json"]) == 0
    assert calls == [argparse.Namespace(output=Path("a.json"))]


def test_bad_input_is_one_sentence_and_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_stage(monkeypatch, InputError("words.csv, line 3: the word is empty."))
    assert program.run_stage(["fake", "--output", "a.json"]) == 1
    captured = capsys.readouterr()
    assert captured.err == "error: words.csv, line 3: the word is empty.\n"
    assert captured.out == ""


def test_other_errors_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_stage(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        program.run_stage(["fake", "--output", "a.json"])


def test_unknown_stage_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run_stage(["score_localization"]) == 2
    error = capsys.readouterr().err
    assert "unknown stage `score_localization`" in error and "score_localisation" in error


def test_write_config_runs_from_the_command_line(tmp_path: Path, repository: Path) -> None:
    output = tmp_path / "new" / "config.yaml"
    subprocess.run(
        [sys.executable, "-m", "infodecomp", "run", "write_config", "--output", str(output)], cwd=repository, check=True
    )
    assert output.read_text(encoding="utf-8") == (repository / "config.yaml").read_text(encoding="utf-8")
