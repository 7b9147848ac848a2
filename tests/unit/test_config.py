from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from pipeline import config
from pipeline.config import (
    Config,
    DatasetSection,
    InformationSection,
    Section,
    default_config,
    load_config,
    parse_section,
    render_yaml,
    section_json,
)
from pipeline.errors import InputError


def merged(*overlays: Mapping[str, Any]) -> dict[str, Any]:
    """The default with overlays, as Snakemake merges them."""
    result = yaml.safe_load(render_yaml(default_config()))
    for overlay in overlays:
        update_config(result, overlay)
    return result


def message(*overlays: Mapping[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        load_config(merged(*overlays))
    return str(caught.value)


def pasted(text: str) -> dict[str, Any]:
    """The YAML that a message with one problem offers."""
    return yaml.safe_load(text.partition("\n")[2])


def test_config_yaml_is_the_generated_one(repository: Path) -> None:
    written = (repository / "config.yaml").read_text(encoding="utf-8")
    assert written == render_yaml(default_config()), "run `python -m pipeline write_config --output config.yaml`"


def test_generated_yaml_reads_back_as_the_default() -> None:
    assert load_config(yaml.safe_load(render_yaml(default_config()))) == default_config()


def test_every_key_has_a_comment_of_its_own() -> None:
    def sections(cls: type[Section]) -> list[type[Section]]:
        inner = [f.annotation for f in cls.model_fields.values() if isinstance(f.annotation, type)]
        return [cls, *(s for found in inner if issubclass(found, Section) for s in sections(found))]

    text = render_yaml(default_config())
    for section in [*sections(Config), DatasetSection]:
        for name, field in section.model_fields.items():
            assert field.description and "\n" not in field.description, name
            assert f"# {field.description}" in text, name
    assert max(map(len, text.splitlines())) <= 130


@pytest.mark.parametrize("overlays", [["paper"], ["paper", "released"]])
def test_overlays_are_valid(repository: Path, overlays: list[str]) -> None:
    parts = [yaml.safe_load((repository / "config" / f"{name}.yaml").read_text(encoding="utf-8")) for name in overlays]
    study = load_config(merged(*parts))
    assert study.study == overlays[-1]
    assert list(study.datasets) == ["COCO-IT", "COCO100-IT", "COCO10", "COCO-WL"]
    assert study.information.steps == study.attention.steps == (50, 100, 200)
    assert study.datasets["COCO10"].per_label == 1
    assert not study.datasets["COCO-WL"].localisation
    assert study.localisation.map_size == 512


def test_paper_and_released_differ_where_the_code_does(repository: Path) -> None:
    parts = [
        yaml.safe_load((repository / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in ("paper", "released")
    ]
    paper, released = load_config(merged(parts[0])), load_config(merged(*parts))
    assert (paper.information.clip, released.information.clip) == (3.0, 4.0)
    assert (paper.attention.heads, released.attention.heads) == ("all", "second_half")
    assert (paper.attention.image_range, released.attention.image_range) == ("signed", "unit")
    assert (paper.model.latents, released.model.latents) == ("mean", "sample")
    assert paper.model.id == released.model.id
    assert {data.word_removal for data in released.datasets.values()} == {"substring"}


def test_overlays_comment_every_deviation(repository: Path) -> None:
    lines = (repository / "config" / "released.yaml").read_text(encoding="utf-8").splitlines()
    plain = [line for line in lines if re.match(r"\s+\w+: \S", line) and "#" not in line]
    known = {"kind", "density"}
    explained = {line.split(":")[0].strip() for line in lines if "#" in line}
    assert {line.split(":")[0].strip() for line in plain} <= known | explained


@pytest.mark.parametrize(
    ("overlay", "path", "found", "allowed"),
    [
        ({"information": {"clip": -1}}, "information → clip", "-1", "a number > 0"),
        ({"information": {"density": "normal"}}, "information → density", '"normal"', "logistic | uniform | grid"),
        ({"information": {"antithetic_eps": "yes"}}, "information → antithetic_eps", '"yes"', "true | false"),
        ({"information": {"steps": []}}, "information → steps", "[]", "a list with one or more of: a whole number > 0"),
        ({"information": {"steps": 50}}, "information → steps", "50", "a list with one or more of: a whole number > 0"),
        ({"information": {"steps": [50, 0]}}, "information → steps → 1", "0", "a whole number > 0"),
        ({"information": {"steps": [50.5]}}, "information → steps → 0", "50.5", "a whole number > 0"),
        ({"seed": -3}, "seed", "-3", "a whole number ≥ 0"),
        ({"shards": "4"}, "shards", '"4"', "a whole number ≥ 1"),
        ({"max_failed_fraction": 5}, "max_failed_fraction", "5", "a number ≥ 0 and ≤ 1"),
        ({"max_failed_fraction": None}, "max_failed_fraction", "null", "a number ≥ 0 and ≤ 1"),
        ({"study": "my study"}, "study", '"my study"', "letters, digits, `_` and `-`"),
        ({"study": 3}, "study", "3", "letters, digits, `_` and `-`"),
        ({"machine": {"device": "gpu"}}, "machine → device", '"gpu"', "auto | cpu | mps | cuda | cuda:N"),
        ({"machine": {"threads": 0}}, "machine → threads", "0", "a whole number ≥ 1 or null"),
        ({"model": {"revision": 12}}, "model → revision", "12", "text or null"),
        ({"localisation": {"methods": ["cmi", "gradcam"]}}, "localisation → methods → 1", '"gradcam"', "saliency"),
        ({"localisation": {"thresholds": {"count": 1}}}, "localisation → thresholds → count", "1", "number ≥ 2"),
        ({"datasets": {"scenes": {"crowd": True}}}, "datasets → scenes → crowd", "true", "include | exclude"),
        ({"datasets": {"mine": {"root": "x"}}}, "datasets → mine → kind", "missing", "coco_it | word_list | custom"),
        ({"information": {"loc": float("inf")}}, "information → loc", "Infinity", "a number"),
    ],
)
def test_message_has_path_value_and_what_is_allowed(
    overlay: dict[str, Any], path: str, found: str, allowed: str
) -> None:
    text = message(overlay)
    first = text.splitlines()[0]
    assert first.startswith(f"{path} is {found}"), text
    assert allowed in first.partition("; allowed is ")[2], text
    load_config(merged(overlay, pasted(text)))


@pytest.mark.parametrize(
    ("overlay", "path", "nearest"),
    [
        ({"information": {"clp": 3.5}}, "information → clp", "clip"),
        ({"datasets": {"scenes": {"caption": "a.json"}}}, "datasets → scenes → caption", "captions"),
        ({"localization": {}}, "localization", "localisation"),
        ({"localisation": {"thresholds": {"hihg": 0.6}}}, "localisation → thresholds → hihg", "high"),
        ({"dataset": {}}, "dataset", "datasets"),
    ],
)
def test_unknown_key_gets_the_nearest_valid_one(overlay: dict[str, Any], path: str, nearest: str) -> None:
    text = message(overlay)
    assert text.startswith(f"{path} is not a key; the nearest valid key is `{nearest}`"), text
    load_config(merged(pasted(text)))


def test_yaml_to_paste_keeps_the_value_that_was_meant() -> None:
    assert pasted(message({"information": {"clp": 3.5}})) == {"information": {"clip": 3.5}}


def test_key_like_no_other_lists_the_valid_ones() -> None:
    text = message({"machine": {"zzzzzz": 1}})
    assert "machine → zzzzzz is not a key; valid keys: device, batch_size, threads" in text


@pytest.mark.parametrize("found", [3, None, "text", [1]])
def test_a_section_of_another_shape_shows_a_key_of_it(found: object) -> None:
    text = message({"information": found})
    assert text.startswith(f"information is {json.dumps(found)}; allowed is a section of keys and values")
    assert pasted(text) == {"information": {"density": "logistic"}}
    assert "allowed is a section of keys and values" in message({"datasets": 3})
    assert "allowed is a section of keys and values" in message({"datasets": {"scenes": 3}})


def test_number_with_an_exponent_that_yaml_reads_as_text() -> None:
    overlay = yaml.safe_load("scenes_model: {learning_rate: 1e-3}")
    assert "such as 1.0e-3" in message(overlay)


@pytest.mark.parametrize(
    ("overlay", "path", "reason"),
    [
        ({"information": {"steps": [100, 50]}}, "information → steps", "increasing"),
        ({"attention": {"steps": [25, 25]}}, "attention → steps", "increasing"),
        ({"information": {"steps": [50, 120]}}, "information → steps", "multiple of the one before"),
        ({"information": {"steps": [25]}}, "information → steps", "even numbers"),
        ({"information": {"steps": [2, 4]}}, "information → steps", "6 or more"),
        ({"information": {"steps": [2], "antithetic_eps": False}}, "information → steps", "3 or more"),
        ({"information": {"design": "midpoint"}}, "information → steps", "`design` is midpoint"),
        ({"information": {"density": "grid"}}, "information → steps", "`density` is grid"),
        ({"localisation": {"thresholds": {"high": 0.05}}}, "localisation → thresholds → high", "> low = 0.1"),
        ({"localisation": {"methods": ["mi", "cmi", "mi"]}}, "localisation → methods", "each value once"),
        ({"datasets": {"words": {"kind": "word_list"}}}, "datasets → words → list", "because `kind` is word_list"),
        ({"datasets": {"mine": {"kind": "custom"}}}, "datasets → mine → list", "because `kind` is custom"),
        ({"datasets": {"scenes": {"list": "a.csv"}}}, "datasets → scenes → list", "reads no list"),
    ],
)
def test_values_that_do_not_go_together(overlay: dict[str, Any], path: str, reason: str) -> None:
    text = message(overlay)
    assert text.startswith(f"{path} is ") and reason in text.splitlines()[0], text
    load_config(merged(overlay, pasted(text)))


@pytest.mark.parametrize(
    "information",
    [
        {"design": "iid", "steps": [50, 120]},
        {"design": "sobol", "steps": [50, 120]},
        {"antithetic_eps": False, "steps": [25, 75]},
        {"design": "midpoint", "steps": [100]},
        {"density": "grid", "steps": [100]},
    ],
)
def test_steps_that_go_with_their_design(information: dict[str, Any]) -> None:
    assert list(load_config(merged({"information": information})).information.steps) == information["steps"]


def test_names_of_datasets_become_folders() -> None:
    text = message({"datasets": {"my images": {"kind": "coco_it"}}})
    assert text.startswith("datasets → my images is no name for a dataset")
    assert pasted(text) == {"datasets": {"my_images": {"kind": "coco_it"}}}


def test_all_problems_are_told_at_once() -> None:
    text = message({"seed": -1, "information": {"clip": 0, "clop": 2}})
    assert [line.split(" is ")[0] for line in text.splitlines() if " is " in line] == [
        "seed",
        "information → clip",
        "information → clop",
    ]


def test_null_takes_a_dataset_out() -> None:
    assert list(load_config(merged({"datasets": {"scenes_words": None}})).datasets) == ["scenes"]
    assert "needs one dataset or more" in message({"datasets": {"scenes": None, "scenes_words": None}})


def test_section_survives_the_way_to_a_stage() -> None:
    section = load_config(merged({"information": {"steps": [20, 40]}})).information
    text = section_json(section)
    assert list(json.loads(text)) == sorted(InformationSection.model_fields)
    assert parse_section(InformationSection, text) == section
    dataset = default_config().datasets["scenes_words"]
    assert parse_section(DatasetSection, section_json(dataset)) == dataset


def test_order_of_keys_does_not_change_a_section() -> None:
    forward = merged()
    backward = {key: forward[key] for key in reversed(forward)}
    backward["information"] = dict(reversed(forward["information"].items()))
    assert section_json(load_config(forward)) == section_json(load_config(backward))


def test_wrong_section_text_is_an_input_error() -> None:
    with pytest.raises(InputError, match="InformationSection: clip is -1"):
        parse_section(InformationSection, '{"clip": -1}')
    with pytest.raises(InputError, match="InformationSection"):
        parse_section(InformationSection, "no json")


def test_sections_do_not_change_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        default_config().information.clip = 4.0  # type: ignore[misc]


def test_configuration_needs_no_torch() -> None:
    code = f"import sys, {config.__name__}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_environment_and_lock_name_the_same_versions(repository: Path) -> None:
    lock = dict(
        line.split("==")
        for line in (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
    environment = yaml.safe_load((repository / "envs" / "pipeline.yaml").read_text(encoding="utf-8"))
    pins = dict(pin.split("==") for pin in environment["dependencies"][-1]["pip"])
    assert pins and pins.items() <= lock.items()
