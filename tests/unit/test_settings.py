"""What stages read of the configuration: nothing by default, from places that exist, and passed whole by the rules."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infodecomp.config import (
    Config,
    FetchedClipSection,
    FetchedModelSection,
    ModelSection,
    Section,
    default_config,
    parse,
    section_json,
    settings_of,
)
from infodecomp.config.models import ClipSection
from infodecomp.config.settings import SETTINGS, places
from infodecomp.runs.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
# Stages read these whole, beside their settings.
WHOLE = {"model": ModelSection, "clip": ClipSection, "fetched": FetchedModelSection, "fetched_clip": FetchedClipSection}


def name_of(stage: str) -> str | None:
    """A dataset of the embedded study, or a model, for a stage that works on one."""
    paths = [at.path for at in places(SETTINGS[stage]).values()]
    if "representation_model.models.NAME" in paths:
        return "infodiffusion"
    sets = [path for path in paths if ".NAME." in path]
    return ("scenes_coco_order" if sets[0].startswith("retrieval") else "scenes_words") if sets else None


def read(stage: str) -> Section:
    return settings_of(stage, default_config(), name_of(stage))


def keys(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key at any depth."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield (*path, key)
        yield from keys(inner, (*path, key))


def without(values: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    head, *rest = path
    kept = {key: value for key, value in values.items() if rest or key != head}
    return {**kept, head: without(values[head], tuple(rest))} if rest else kept


def check_every_key(cls: type[Section], whole: dict[str, Any]) -> int:
    found = [path for path in keys(whole) if not names_a_dataset(whole, path)]
    for path in found:
        with pytest.raises(InputError, match=re.escape(path[-1]) if path[-1] != "kind" else "kind|source|datasets"):
            parse(cls, json.dumps(without(whole, path)))
    return len(found)


def names_a_dataset(whole: dict[str, Any], path: tuple[str, ...]) -> bool:
    """The names of datasets are no keys: a study may have others."""
    return (
        len(path) == 2 and path[0] in ("datasets", "retrieval_datasets") and isinstance(whole[path[0]][path[1]], dict)
    )


@pytest.mark.parametrize("stage", SETTINGS)
def test_a_key_that_is_left_out_is_missed(stage: str) -> None:
    settings = read(stage)
    assert parse(SETTINGS[stage], section_json(settings)) == settings
    assert check_every_key(SETTINGS[stage], json.loads(section_json(settings))) >= 1


@pytest.mark.parametrize(("name", "cls"), WHOLE.items())
def test_a_key_of_a_model_that_is_left_out_is_missed(name: str, cls: type[Section]) -> None:
    check_every_key(cls, json.loads(section_json(cls())))


def test_a_key_that_is_not_read_is_refused() -> None:
    values = json.loads(section_json(read("plot_teaser")))
    with pytest.raises(InputError, match="PlotTeaser: panels is 3"):
        parse(SETTINGS["plot_teaser"], json.dumps({**values, "panels": 3}))


def test_every_stage_reads_what_its_class_is_named_after() -> None:
    stages = {path.stem for path in (ROOT / "pipeline/infodecomp/stages").glob("*.py")}
    of_two_rules = {"plot_localisation_curves", "plot_localisation_panels", "score_second_model"}
    assert set(SETTINGS) - of_two_rules <= stages
    rules = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk"))
    for stage in SETTINGS:
        passed = re.findall(rf'settings(?:_json)?\(\s*"{stage}"', rules)
        assert passed, f"no rule passes the settings of {stage}"


def plain_keys(section: Section, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every key of the study, those of its datasets and second models left out."""
    for name in section.settable():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from plain_keys(value, (*path, name))
        elif not isinstance(value, dict):
            yield ".".join((*path, name))


def test_every_key_is_read_by_something() -> None:
    """By a stage, or as CONFIG.… by a rule, or by a method of the study."""
    by_stages = {at.path for cls in SETTINGS.values() for at in places(cls).values()}
    sources = [*(ROOT / "rules").glob("*.smk"), ROOT / "pipeline/infodecomp/config/study.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in sources).replace("self.", "CONFIG.")
    by_rules = set(re.findall(r"CONFIG\.([a-z_.]+)", text))
    whole = {
        "model",
        "clip",
        "editing.information",
        "parts",
    }  # passed whole; merged into information; read at the start
    read_places = by_stages | by_rules | whole
    unread = [
        key
        for key in plain_keys(Config())
        if not any(key == place or key.startswith(f"{place}.") for place in read_places)
    ]
    assert unread == []


def test_rules_pass_whole_sections() -> None:
    """No rule lists keys: it asks for the settings of a stage, or for a section as it is."""
    for path in (ROOT / "rules").glob("*.smk"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"model_fields|model_dump|sections_json|\bsection\(", text), path
        for call in re.finditer(r"\b(section_json|settings)\(", text):
            end = closing(text, call.end() - 1)
            arguments = text[call.end() : end]
            assert "[" not in arguments or "HUB_MODELS[" in arguments or "CONFIG.models[" in arguments, (
                path,
                arguments,
            )


def closing(text: str, start: int) -> int:
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth:
            return place
    raise ValueError("a call is not closed")


def test_stages_have_no_default_for_what_the_configuration_says() -> None:
    """`--settings`, `--model` and `--clip` are required wherever a stage takes them."""
    for path in (ROOT / "pipeline/infodecomp").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
                names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                if {"--settings", "--clip"} & set(names):
                    options = {keyword.arg for keyword in node.keywords}
                    assert "required" in options and "default" not in options, (path, names)
