"""The examples of docs/library.md print what the page says, and its comparison counts what it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs" / "library.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _where_the_page_runs(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the checkout's data, where the examples may write."""
    monkeypatch.chdir(tmp_path)
    Path("data").symlink_to(repository / "data")


def section(page: str, heading: str) -> str:
    """What stands below a heading of the second level."""
    (part,) = re.findall(rf"^## {heading}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return part


def blocks(part: str) -> list[tuple[str, str]]:
    """The fenced blocks of a part, each with its language."""
    return re.findall(r"^```(\w+)\n(.*?)^```", part, re.MULTILINE | re.DOTALL)


def assert_same(printed: str, shown: str) -> None:
    """The same words, and numbers that differ by one in the last place at most: rounding differs between machines."""
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", shown).split()
    for found, expected in zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=True):
        last = 10.0 ** -len(expected.partition(".")[2])
        assert abs(float(found) - float(expected)) < 1.01 * last, (found, expected)


def test_the_examples_print_what_the_page_shows(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    found = blocks(section(page, "Four questions"))
    assert [language for language, _ in found] == ["python", "text"] * 5
    for (_, code), (_, shown) in zip(found[::2], found[1::2], strict=True):
        exec(compile(code, "library.md", "exec"), names)
        assert_same(capsys.readouterr().out, shown)
    assert Path("dog.png").stat().st_size > 10_000 and Path("words.png").stat().st_size > 10_000


def test_a_number_or_a_word_that_differs_is_noticed() -> None:
    assert_same("dog 1.3 nats\n", " dog  1.2 nats")
    for wrong in ("dog 1.5 nats", "cat 1.2 nats", "dog 1.2 nats 3"):
        with pytest.raises(AssertionError):
            assert_same(wrong, "dog 1.2 nats")


@pytest.mark.filterwarnings("ignore")
def test_the_comparison_with_captum(page: str) -> None:
    """The program runs, and has the number of lines and of evaluations that the table states."""
    part = section(page, "Other tools")
    ((_, code),) = blocks(part)
    lines = [line for line in code.splitlines() if line.strip()]
    assert f"| lines of code | 4 | {len(lines)}, " in part
    names: dict[str, Any] = {}
    exec(compile(code, "library.md", "exec"), names)
    maps = {word: heat.sum().item() for word, heat in zip(names["words"], names["maps"], strict=True)}
    assert names["maps"].shape == (7, 16, 16)
    assert max(maps, key=lambda word: maps[word]) == "brown" and '"brown" comes first' in part
    evaluations = len(names["steps"]) * (1 + len(names["words"]))
    assert f"| {evaluations} ({len(names['steps'])} noise levels) |" in part
