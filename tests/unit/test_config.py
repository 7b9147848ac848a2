from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from snakemake.cli import parse_config
from snakemake.utils import update_config

from infodecomp import config
from infodecomp.config import (
    CocoDataset,
    Config,
    CustomDataset,
    DatasetSection,
    EditingSection,
    GeneratedDataset,
    InformationSection,
    OrderRetrievalDataset,
    PairRetrievalDataset,
    RetrievalDatasetSection,
    RetrievalSection,
    ScenesModelSection,
    Section,
    StatisticsSection,
    WordListDataset,
    default_config,
    load_config,
    parse_section,
    render_yaml,
    section_json,
    sections_json,
)
from infodecomp.config.generated import with_generated
from infodecomp.config.key_table import replace_tables
from infodecomp.config.keys import field_at, section_at
from infodecomp.config.moved import MOVED
from infodecomp.config.reading import converted
from infodecomp.config.rendering import render_recipe
from infodecomp.config.schema import config_schema
from infodecomp.config.section import Design
from infodecomp.config.study import Part
from infodecomp.config.validation import ValidationProblem
from infodecomp.runs.errors import InputError
from infodecomp.scenes.partners import SCENE_SWAPS
from infodecomp.words.swaps import SWAPS


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
    assert written == render_yaml(default_config()), "run `python -m infodecomp run write_config --output config.yaml`"


def test_recipe_and_schema_are_the_generated_ones(repository: Path) -> None:
    recipe = (repository / "config" / "scenes_model.yaml").read_text(encoding="utf-8")
    assert recipe == render_recipe(default_config()), (
        "run `python -m infodecomp run write_config --recipe config/scenes_model.yaml`"
    )
    schema = (repository / "docs" / "config.schema.json").read_text(encoding="utf-8")
    assert schema == config_schema(), "run `python -m infodecomp run write_config --schema docs/config.schema.json`"


def test_config_yaml_is_short_and_lists_its_contents() -> None:
    lines = render_yaml(default_config()).splitlines()
    assert len(lines) <= 230
    assert lines[0] == "# yaml-language-server: $schema=docs/config.schema.json"
    contents = re.findall(r"\w+", " ".join(line.partition(":")[2] for line in lines[4:12]))
    written = [line.partition(":")[0] for line in lines if re.match(r"\w+:", line)]
    assert [key for key in contents if key in Config.model_fields and key != "scenes_model"] == written
    assert set(written) == set(Config.model_fields) - {"scenes_model"}


def test_the_recipe_is_read_without_its_file() -> None:
    """The training rules use its defaults; the file is an overlay for those who change them."""
    assert "scenes_model" not in merged()
    recipe = yaml.safe_load(render_recipe(default_config()))
    assert load_config(merged()).scenes_model == load_config(merged(recipe)).scenes_model == ScenesModelSection()


def test_tables_of_keys_are_the_generated_ones(repository: Path) -> None:
    page = (repository / "docs" / "configure.md").read_text(encoding="utf-8")
    assert page == replace_tables(page, default_config()), (
        "run `python -m infodecomp run write_config --keys docs/configure.md`"
    )
    assert "| `palette` | `cividis` | cividis \\| viridis" in page


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="the page needs the lines"):
        replace_tables("# Configure\n", default_config())


def test_generated_yaml_reads_back_as_the_default() -> None:
    assert load_config(yaml.safe_load(render_yaml(default_config()))) == with_generated(default_config())


def test_every_key_has_a_comment_of_its_own() -> None:
    def sections(cls: type[Section]) -> list[type[Section]]:
        inner = [f.annotation for f in cls.model_fields.values() if isinstance(f.annotation, type)]
        return [cls, *(s for found in inner if issubclass(found, Section) for s in sections(found))]

    text = render_yaml(default_config()) + render_recipe(default_config())
    for section in sections(Config):
        for name, field in section.settable().items():
            assert field.description and "\n" not in field.description, name
            assert f"# {field.description}" in text, name
    assert max(map(len, text.splitlines())) <= 130


def test_every_key_of_a_dataset_is_explained(repository: Path) -> None:
    """Those that the embedded datasets use in config.yaml, and all of them in docs/configure.md."""
    text, page = render_yaml(default_config()), (repository / "docs" / "configure.md").read_text(encoding="utf-8")
    kinds = (CocoDataset, WordListDataset, CustomDataset, GeneratedDataset, PairRetrievalDataset, OrderRetrievalDataset)
    for kind in kinds:
        for name, field in kind.settable().items():
            assert field.description and "\n" not in field.description, name
            assert f"| `{name}` |" in page and field.description in page, name
    for name in ("kind", "root", "first", "draws", "shards", "editing", "word_pairs", "localisation"):
        assert f"# {DatasetSection.model_fields[name].description}" in text, name
    for name in ("kind", "file", "images", "first", "shards"):
        assert f"# {RetrievalDatasetSection.model_fields[name].description}" in text, name


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
    assert list(study.retrieval_datasets) == ["vg_relation", "vg_attribution", "coco_order", "flickr30k_order"]
    assert {name: data.kind for name, data in study.retrieval_datasets.items()} == {
        n: n for n in study.retrieval_datasets
    }
    assert [data.minimum_group for data in study.retrieval_datasets.values()] == [1, 25, 1, 1]
    assert study.clip.id == "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"
    assert study.retrieval.steps == (100,)
    assert study.editing.swaps == SWAPS
    assert [name for name, data in study.datasets.items() if data.editing] == ["COCO100-IT"]
    assert (study.editing.sampler, study.editing.steps, study.editing.omit) == ("heun", 100, "underscore")
    assert study.editing.estimator(study.information).steps == (2400,)


@pytest.mark.parametrize("overlays", [["paper"], ["paper", "released"]])
def test_edits_of_the_published_study_integrate_over_the_trained_range(repository: Path, overlays: list[str]) -> None:
    """The log-SNRs of Stable Diffusion 2.1's 1000 timesteps: betas 0.00085 to 0.012, evenly spaced in their roots."""
    parts = [yaml.safe_load((repository / "config" / f"{name}.yaml").read_text(encoding="utf-8")) for name in overlays]
    study = load_config(merged(*parts))
    kept = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
    trained = np.log(kept[[-1, 0]] / (1 - kept[[-1, 0]]))
    edits = study.editing.estimator(study.information)
    low, high = edits.loc - edits.clip * edits.scale, edits.loc + edits.clip * edits.scale
    assert trained[0] <= low <= trained[0] + 1e-3 and trained[1] - 1e-3 <= high <= trained[1]
    kept_keys = ("density", "design", "antithetic_eps", "beyond_trained_range")
    assert [getattr(edits, key) for key in kept_keys] == [getattr(study.information, key) for key in kept_keys]


def test_full_grid_of_validation(repository: Path) -> None:
    overlay = yaml.safe_load((repository / "config" / "validation.yaml").read_text(encoding="utf-8"))
    validation = load_config(merged(overlay)).validation
    assert validation.problems == get_args(ValidationProblem) and validation.designs == get_args(Design)


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
    assert {getattr(data, "word_removal", None) for data in released.datasets.values()} == {"substring"}
    assert (paper.retrieval.ties, released.retrieval.ties) == ("half", "wrong")
    assert paper.retrieval_datasets == released.retrieval_datasets
    assert (paper.editing.swap_scope, released.editing.swap_scope) == ("target", "all")
    assert (paper.editing.error, released.editing.error) == ("bootstrap_sd", "sd_over_10")


def test_hardneg_overlay_of_the_published_study(repository: Path) -> None:
    """The lines that paper.yaml offers in a comment are YAML that works."""
    text = (repository / "config" / "paper.yaml").read_text(encoding="utf-8")
    offered = re.search(r"^  #   models:\n(  #     .*\n)+", text, re.MULTILINE)
    assert offered
    models = yaml.safe_load(offered[0].replace("  #   ", ""))
    methods = {"retrieval": {"methods": ["diffitm", "hardneg_diffitm"]}}
    study = load_config(merged(yaml.safe_load(text), models, methods))
    assert study.models["hardneg_diffitm"].lora
    assert study.models["hardneg_diffitm"].revision == study.model.revision


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
        ({"shards": "four"}, "shards", '"four"', "a whole number ≥ 1 and ≤ 700"),
        ({"max_failed_fraction": 5}, "max_failed_fraction", "5", "a number ≥ 0 and ≤ 1"),
        ({"max_failed_fraction": None}, "max_failed_fraction", "null", "a number ≥ 0 and ≤ 1"),
        ({"study": "my study"}, "study", '"my study"', "letters, digits, `_` and `-`"),
        ({"study": 3.5}, "study", "3.5", "letters, digits, `_` and `-`"),
        ({"machine": {"device": "gpu"}}, "machine → device", '"gpu"', "auto | cpu | mps | cuda | cuda:N"),
        ({"machine": {"batch_size": 0}}, "machine → batch_size", "0", "a whole number ≥ 1 or auto"),
        ({"machine": {"batch_size": "all"}}, "machine → batch_size", '"all"', "a whole number ≥ 1 or auto"),
        ({"machine": {"threads": 0}}, "machine → threads", "0", "a whole number ≥ 1 or null"),
        ({"model": {"revision": 1.5}}, "model → revision", "1.5", "text or null; put it in quotes if it is text"),
        ({"localisation": {"methods": ["cmi", "gradcam"]}}, "localisation → methods → 1", '"gradcam"', "saliency"),
        ({"localisation": {"thresholds": {"count": 1}}}, "localisation → thresholds → count", "1", "number ≥ 2"),
        ({"datasets": {"scenes": {"crowd": True}}}, "datasets → scenes → crowd", "true", "include | exclude"),
        ({"datasets": {"mine": {"root": "x"}}}, "datasets → mine → kind", "missing", "coco_it | word_list | custom"),
        ({"information": {"loc": float("inf")}}, "information → loc", "Infinity", "a number"),
        ({"attention": {"steps": [1000]}}, "attention → steps → 0", "1000", "a whole number ≥ 1 and ≤ 999"),
        ({"editing": {"sampler": "rk4"}}, "editing → sampler", '"rk4"', "heun | euler | ddim"),
        ({"editing": {"steps": 0}}, "editing → steps", "0", "a whole number ≥ 1 and ≤ 999"),
        ({"editing": {"rho": 0}}, "editing → rho", "0", "a number > 0"),
        ({"editing": {"omit": "mask"}}, "editing → omit", '"mask"', "underscore | delete"),
        ({"editing": {"swap_scope": "caption"}}, "editing → swap_scope", '"caption"', "target | all"),
        ({"editing": {"swaps": []}}, "editing → swaps", "[]", "a list with one or more of: [text, text]"),
        ({"editing": {"swaps": [["dog"]]}}, "editing → swaps → 0 → 1", "missing", "[text, text]"),
        ({"editing": {"swaps": [["dog", True]]}}, "editing → swaps → 0 → 1", "true", "[text, text]"),
        ({"editing": {"swaps": ["dog"]}}, "editing → swaps → 0", '"dog"', "[text, text]"),
        ({"editing": {"error": "sd"}}, "editing → error", '"sd"', "bootstrap_sd | sd_over_10"),
        ({"statistics": {"bootstrap": 10}}, "statistics → bootstrap", "10", "a whole number ≥ 100"),
        ({"editing": {"information": {"scale": 0}}}, "editing → information → scale", "0", "a number > 0 or null"),
        ({"editing": {"information": {"steps": 50}}}, "editing → information → steps", "50", "number > 0 or null"),
        ({"statistics": {"confidence": 1}}, "statistics → confidence", "1", "a number > 0 and < 1"),
        ({"datasets": {"scenes": {"editing": 1}}}, "datasets → scenes → editing", "1", "true | false"),
        ({"retrieval": {"methods": ["clip", "blip"]}}, "retrieval → methods → 1", '"blip"', "text_only"),
        ({"retrieval": {"ties": "first"}}, "retrieval → ties", '"first"', "half | wrong | right | drop"),
        ({"retrieval": {"error": 0}}, "retrieval → error", "0", "a number > 0 and < 1"),
        ({"retrieval": {"diffitm_timesteps": [1000]}}, "retrieval → diffitm_timesteps → 0", "1000", "≥ 0 and ≤ 999"),
        (
            {"retrieval_datasets": {"mine": {"file": "a.json", "images": "i"}}},
            "retrieval_datasets → mine → kind",
            "missing",
            "vg_relation | vg_attribution | coco_order | flickr30k_order",
        ),
        (
            {"retrieval_datasets": {"mine": {"kind": "vg_relation", "images": "i"}}},
            "retrieval_datasets → mine → file",
            "missing",
            "the path of a .json or .parquet file",
        ),
        (
            {"retrieval_datasets": {"scenes_vg_relation": {"file": "a.csv"}}},
            "retrieval_datasets → scenes_vg_relation → file",
            '"a.csv"',
            "the path of a .json or .parquet file",
        ),
        ({"models": {"hardneg_diffitm": {"lora": [5]}}}, "models → hardneg_diffitm → lora", "[5]", "text or null"),
        (
            {"models": {"hardneg_diffitm": {"precision": "int8"}}},
            "models → hardneg_diffitm → precision",
            '"int8"',
            "tf32",
        ),
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
        ({"editing": {"swap": [["dog", "cat"]]}}, "editing → swap", "swaps"),
        ({"retrieval_dataset": {}}, "retrieval_dataset", "retrieval_datasets"),
        (
            {"retrieval_datasets": {"scenes_coco_order": {"taggers": "scenes"}}},
            "retrieval_datasets → scenes_coco_order → taggers",
            "tagger",
        ),
        ({"models": {"hardneg_diffitm": {"loras": "x"}}}, "models → hardneg_diffitm → loras", "lora"),
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
    assert "machine → zzzzzz is not a key; valid keys: device, batch_size, threads, checkpointing, compile" in text


@pytest.mark.parametrize("found", [3, None, "text", [1]])
def test_a_section_of_another_shape_shows_a_key_of_it(found: object) -> None:
    text = message({"information": found})
    assert text.startswith(f"information is {json.dumps(found)}; allowed is a section of keys and values")
    assert pasted(text) == {"information": {"density": "logistic"}}
    assert "allowed is a section of keys and values" in message({"datasets": 3})
    assert "allowed is a section of keys and values" in message({"datasets": {"scenes": 3}})


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("datasets", {"scenes": {"kind": "coco_it"}}),
        ("retrieval_datasets", {"scenes_vg_relation": {"kind": "vg_relation"}}),
        ("models", {"hardneg_diffitm": {"id": "data/models/scenes"}}),
    ],
)
def test_sections_by_name_of_another_shape_show_a_section(key: str, right: dict[str, Any]) -> None:
    text = message({key: 3})
    assert text.startswith(f"{key} is 3; allowed is a section of keys and values")
    assert pasted(text) == {key: right}


def test_number_with_an_exponent_that_yaml_reads_as_text() -> None:
    overlay = yaml.safe_load("scenes_model: {learning_rate: 1e-3}")
    assert overlay["scenes_model"]["learning_rate"] == "1e-3"
    assert load_config(merged(overlay)).scenes_model.learning_rate == 0.001


def given_as(*entries: str) -> dict[str, Any]:
    """What `snakemake --config` makes of its arguments."""
    parsed: dict[str, Any] = parse_config(list(entries))
    return parsed


@pytest.mark.parametrize(
    ("entry", "path", "value"),
    [
        ("study=2024", "study", "2024"),
        ("shards=4", "shards", 4),
        (
            "information={steps: [4, 8], clip: 2.5, antithetic_eps: false, extendable: True}",
            "information.steps",
            (4, 8),
        ),
        ("information={clip: 2.5, antithetic_eps: false}", "information.clip", 2.5),
        ("information={antithetic_eps: false, steps: [5]}", "information.antithetic_eps", False),
        ("machine={batch_size: 8}", "machine.batch_size", 8),
        ("machine={batch_size: auto}", "machine.batch_size", "auto"),
        ("partial_information={captions: null}", "partial_information.captions", None),
        ("faithfulness={repeated_draws: ~, fractions: [0.5, 0.75]}", "faithfulness.repeated_draws", None),
        ("validation={antithetic_eps: [true, false]}", "validation.antithetic_eps", (True, False)),
        ("gradients={boxes: [[0, 0, 8, 8]]}", "gradients.boxes", ((0, 0, 8, 8),)),
        ("retrieval_datasets=null", "retrieval_datasets", {}),
        ("retrieval_datasets=", "retrieval_datasets", {}),
        ("model={revision: 12}", "model.revision", "12"),
        ("parts=[editing, pairs]", "parts", ("editing", "pairs")),
    ],
)
def test_values_of_the_command_line_have_the_type_of_their_key(entry: str, path: str, value: object) -> None:
    found: Any = load_config(merged(given_as(entry)))
    for key in path.split("."):
        found = getattr(found, key)
    assert found == value and type(found) is type(value)


def test_datasets_of_the_command_line() -> None:
    study = load_config(merged(given_as("datasets={scenes: {first: 5, editing: false}, scenes_words: null}")))
    assert (study.datasets["scenes"].first, study.datasets["scenes"].editing) == (5, False)
    assert "scenes_words" not in study.datasets


def test_text_that_may_be_null_is_not_guessed() -> None:
    text = message(given_as("model={revision: null}"))
    assert text.startswith('model → revision is the text "null"; allowed is text or null, and null can be written in a')
    load_config(merged(pasted(text)))


def test_what_has_no_one_reading_stays() -> None:
    assert [converted(value, kind) for value, kind in (("yes", bool), ("4.5", int), ("nan", float), (True, str))] == [
        "yes",
        "4.5",
        "nan",
        True,
    ]
    assert converted(["1", "2", "3"], tuple[int, int]) == [1, 2, "3"]
    assert converted("7", int | None) == 7 and converted(7, str | None) == "7" and converted("7", str | None) == "7"


def test_intervals_are_set_once_for_every_section() -> None:
    study = load_config(merged({"statistics": {"bootstrap": 300, "confidence": 0.9}}))
    for name in ("localisation", "retrieval", "editing", "partial_information", "faithfulness"):
        section = getattr(study, name)
        assert (section.bootstrap, section.confidence) == (300, 0.9)
        assert "bootstrap" not in section.settable()
    assert study.validation.confidence == 0.9
    default = StatisticsSection()
    assert (default.bootstrap, default.confidence) == (default_config().editing.bootstrap, 0.95)


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_a_key_that_moved_is_named_with_its_new_place(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    value = {"bootstrap": 150, "confidence": 0.9}[old[-1]]
    text = message({old[0]: {old[1]: value}})
    assert text.startswith(f"{' → '.join(old)} has moved: write {' → '.join(new)} instead")
    assert pasted(text) == {new[0]: {new[1]: value}}
    load_config(merged(pasted(text)))


def test_old_keys_lead_nowhere_and_new_ones_somewhere() -> None:
    for old, new in MOVED.items():
        assert not section_at(old[:-1]) or old[-1] not in section_at(old[:-1]).settable()  # type: ignore[union-attr]
        assert field_at(new) is not None


@pytest.mark.parametrize(
    ("dataset", "key", "owners"),
    [
        ({"kind": "coco_it", "list": "a.csv"}, "list", "word_list, custom"),
        ({"kind": "coco_it", "outside_root": True}, "outside_root", "custom"),
        ({"kind": "generated", "root": "x"}, "root", "coco_it, word_list, custom"),
        ({"kind": "generated", "localisation": False}, "localisation", "coco_it, word_list, custom"),
        ({"kind": "custom", "list": "a.csv", "crowd": "include"}, "crowd", "coco_it, word_list"),
        ({"kind": "word_list", "list": "a.csv", "outside_root": False}, "outside_root", "custom"),
    ],
)
def test_a_key_of_another_kind_is_refused(dataset: dict[str, Any], key: str, owners: str) -> None:
    name = "generated" if dataset["kind"] == "generated" else "mine"
    overlay = {"datasets": {name: dataset}}
    text = message(overlay)
    assert text.startswith(
        f"datasets → {name} → {key} is {json.dumps(dataset[key])}; allowed is null, because `kind` {dataset['kind']} "
        f"has no key `{key}`, which belongs to {owners}. Write for example:"
    )
    load_config(merged(overlay, pasted(text)))


def test_a_key_of_another_set_of_captions_is_refused() -> None:
    text = message({"retrieval_datasets": {"scenes_coco_order": {"minimum_group": 5}}})
    assert "has no key `minimum_group`, which belongs to vg_relation, vg_attribution" in text


def test_sections_print_the_keys_of_their_kind_only() -> None:
    generated = merged()["datasets"]["generated"]
    assert generated == {"kind": "generated", "draws": 12, "shards": 1}
    assert "list" not in CocoDataset.settable() and "root" not in GeneratedDataset.settable()


def test_the_embedded_swaps_are_those_of_the_scenes() -> None:
    assert EditingSection().swaps == SCENE_SWAPS


@pytest.mark.parametrize(
    ("overlay", "parts", "number", "reason", "left"),
    [
        ({"retrieval_datasets": None}, ["editing", "retrieval"], 1, "`retrieval_datasets` is empty", ["editing"]),
        ({"datasets": {"scenes": None}}, ["editing"], 0, "no dataset has `editing: true`", ["validation"]),
        (
            {"datasets": {"scenes": None}},
            ["validation", "pairs"],
            1,
            "no dataset has `word_pairs: true`",
            ["validation"],
        ),
        ({"faithfulness": {"datasets": []}}, ["faithfulness"], 0, "it names no dataset", ["validation"]),
        ({"datasets": None}, ["localisation", "validation"], 0, "`datasets` is empty", ["validation"]),
    ],
)
def test_parts_that_were_chosen_have_something_to_do(
    overlay: dict[str, Any], parts: list[str], number: int, reason: str, left: list[str]
) -> None:
    text = message(overlay, {"parts": parts})
    assert (
        text.startswith(f"parts → {number} is {parts[number]}; allowed are parts with something to do")
        and reason in text
    )
    assert pasted(text) == {"parts": left}
    load_config(merged(overlay, {"parts": parts}, pasted(text)))


def test_parts() -> None:
    assert load_config(merged()).parts == get_args(Part)
    assert load_config(merged({"retrieval_datasets": None})).parts == get_args(Part)
    assert message({"parts": ["editing", "editing"]}).startswith(
        'parts is ["editing", "editing"]; allowed is each value'
    )
    assert "parts is []" in message({"parts": []}) and 'parts → 0 is "all"' in message({"parts": ["all"]})
    whole = {"localisation": {"methods": ["whole_image"]}, "datasets": {"scenes": {"word_pairs": False}}}
    assert load_config(merged(whole, {"parts": ["localisation", "editing"]})).judged_methods == []


def test_schema_takes_the_study_and_null_for_what_has_a_name() -> None:
    schema = json.loads(config_schema())
    assert schema["additionalProperties"] is False and set(schema["properties"]) == set(Config.model_fields)
    for key in ("datasets", "retrieval_datasets", "models"):
        assert schema["properties"][key]["type"] == ["object", "null"]
    assert "bootstrap" not in schema["$defs"]["EditingSection"]["properties"]
    assert "root" not in schema["$defs"]["GeneratedDataset"]["properties"]


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
        ({"validation": {"problems": ["plane", "plane"]}}, "validation → problems", "each value once"),
        ({"validation": {"steps": [25, 50]}}, "validation → steps", "even numbers"),
        ({"validation": {"steps": [50, 76]}}, "validation → steps", "multiple of the one before"),
        ({"validation": {"steps": [4, 8]}}, "validation → steps", "6 or more at its start"),
        ({"validation": {"steps": [100, 50]}}, "validation → steps", "increasing"),
        ({"datasets": {"words": {"kind": "word_list"}}}, "datasets → words → list", "because `kind` is word_list"),
        ({"datasets": {"mine": {"kind": "custom"}}}, "datasets → mine → list", "because `kind` is custom"),
        ({"datasets": {"scenes": {"list": "a.csv"}}}, "datasets → scenes → list", "`kind` coco_it has no key `list`"),
    ],
)
def test_values_that_do_not_go_together(overlay: dict[str, Any], path: str, reason: str) -> None:
    text = message(overlay)
    assert text.startswith(f"{path} is ") and reason in text.splitlines()[0], text
    load_config(merged(overlay, pasted(text)))


@pytest.mark.parametrize(
    ("editing", "path", "reason"),
    [
        ({"steps": 1}, "steps", "is 1; allowed is a whole number ≥ 2, because `sampler` is heun"),
        ({"sampler": "euler", "steps": 1}, "steps", "because `sampler` is euler"),
        ({"swaps": [["cup", "cup"]]}, "swaps → 0", 'is ["cup", "cup"]; allowed are two different words'),
        ({"swaps": [["cup", "fork"], ["knife", "Cup"]]}, "swaps → 1", "are in no other pair, and 'cup' is"),
        ({"swaps": [["cup", "fork"], ["fork", "cup"]]}, "swaps → 1", "are in no other pair"),
        ({"swaps": [["cup", " fork"]]}, "swaps → 0", "two words without spaces"),
        ({"information": {"steps": [100, 50]}}, "information → steps", "increasing"),
        ({"information": {"steps": [25]}}, "information → steps", "even numbers"),
        ({"information": {"steps": [50, 120]}}, "information → steps", "multiple of the one before"),
        ({"information": {"steps": [4]}}, "information → steps", "6 or more"),
    ],
)
def test_edits_that_do_not_go_together(editing: dict[str, Any], path: str, reason: str) -> None:
    text = message({"editing": editing})
    assert text.startswith(f"editing → {path} is ") and reason in text.splitlines()[0], text
    load_config(merged({"editing": editing}, pasted(text)))


def test_edits_that_go_together() -> None:
    assert load_config(merged({"editing": {"sampler": "ddim", "steps": 1}})).editing.steps == 1
    swaps = [["teddy bear", "robot"], ["bear", "elephant"]]
    assert load_config(merged({"editing": {"swaps": swaps}})).editing.swaps == tuple(map(tuple, swaps))
    both = message({"editing": {"swaps": [["cup", "fork"], ["x", "X"], ["cup", "knife"]], "steps": 1}})
    assert [line.partition(" is ")[0] for line in both.splitlines() if " is " in line and "→" in line] == [
        "editing → steps",
        "editing → swaps → 1",
        "editing → swaps → 2",
    ]


def test_edits_estimate_as_the_study_does_unless_told_otherwise() -> None:
    study = load_config(merged({"information": {"steps": [20], "loc": 0.5}}))
    assert study.editing.estimator(study.information) == study.information
    logistic = {"information": {"density": "logistic"}}
    study = load_config(merged(logistic, {"editing": {"information": {"steps": [40, 80], "clip": 2.0}}}))
    edits, others = study.editing.estimator(study.information), study.information
    assert (edits.steps, edits.clip) == ((40, 80), 2.0) and (others.steps, others.clip) == ((50, 100), 3.0)
    assert edits == others.model_copy(update={"steps": (40, 80), "clip": 2.0})


def test_draws_of_edits_are_checked_with_the_design_of_the_study() -> None:
    """One number where points are not nested; two problems where both sections have one."""
    grid = {"information": {"density": "grid", "steps": [50]}}
    load_config(merged(grid, {"editing": {"information": {"steps": [200]}}}))
    text = message(grid, {"editing": {"information": {"steps": [100, 200]}}})
    assert text.startswith(
        "editing → information → steps is [100, 200]; allowed is one number, because `density` is grid"
    )
    text = message({"information": {"steps": [25]}, "editing": {"information": {"steps": [75]}}})
    problems = [line.partition(" is ")[0] for line in text.splitlines() if "allowed" in line]
    assert problems == ["information → steps", "editing → information → steps"]


def test_swaps_survive_the_way_to_a_stage() -> None:
    section = load_config(merged({"editing": {"swaps": [["cup", "teddy bear"]]}})).editing
    assert parse_section(EditingSection, section_json(section)) == section


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


@pytest.mark.parametrize(
    ("overlay", "path", "reason"),
    [
        ({"steps": [25]}, "steps", "even numbers, because `antithetic_eps`"),
        ({"steps": [4]}, "steps", "6 or more"),
        ({"steps": [20, 50]}, "steps", "a multiple of the one before"),
        ({"steps": [40, 20]}, "steps", "increasing"),
        ({"stopping": "racing", "steps": [50]}, "steps", "is [50]; allowed are two numbers or more"),
        ({"stopping": "racing", "steps": [4, 8]}, "steps", "is [4, 8]; allowed is 6 or more at its start"),
        ({"diffitm_timesteps": [110, 10]}, "diffitm_timesteps", "increasing"),
        ({"methods": ["i_s", "clip", "i_s"]}, "methods", "each value once"),
    ],
)
def test_retrieval_values_that_do_not_go_together(overlay: dict[str, Any], path: str, reason: str) -> None:
    text = message({"retrieval": overlay})
    assert text.startswith(f"retrieval → {path} is ") and reason in text.splitlines()[0], text
    load_config(merged({"retrieval": overlay}, pasted(text)))


@pytest.mark.parametrize(
    ("overlay", "path", "reason"),
    [
        (
            {"datasets": ["scenes", "mine"]},
            "datasets → 1",
            "allowed are the names of datasets: scenes, scenes_words",
        ),
        ({"datasets": ["scenes", "scenes"]}, "datasets", "each value once"),
        ({"fractions": [0.3, 0.1]}, "fractions", "increasing numbers"),
        ({"fractions": [0.1, 1.0]}, "fractions", ""),
        ({"draws": 3}, "draws", "even numbers, because `antithetic_eps`"),
        ({"repeated_draws": 7}, "repeated_draws", "even numbers, because `antithetic_eps`"),
        ({"estimators": ["standard", "standard"]}, "estimators", "each value once"),
        ({"filling": "blur"}, "filling", "denoiser"),
    ],
)
def test_values_of_faithfulness_that_are_not_allowed(overlay: dict[str, Any], path: str, reason: str) -> None:
    text = message({"faithfulness": overlay})
    assert text.startswith(f"faithfulness → {path}") and reason in text.splitlines()[0], text
    load_config(merged({"faithfulness": overlay}, pasted(text)))


def test_judged_maps_are_those_of_methods_that_rank_pixels() -> None:
    assert load_config(merged()).judged_datasets == ["scenes"]
    assert "whole_image" not in load_config(merged()).judged_methods
    overlay: dict[str, Any] = {"localisation": {"methods": ["whole_image"]}}
    assert load_config(merged(overlay)).judged_methods == ["unique"]  # of pairs of words, which the dataset has
    overlay["datasets"] = {"scenes": {"word_pairs": False}}
    text = message(overlay)
    assert text.startswith("localisation → methods is ") and "because `faithfulness` judges maps" in text
    load_config(merged(overlay, {"faithfulness": {"datasets": []}}))


@pytest.mark.parametrize(
    ("retrieval", "antithetic"),
    [
        ({"steps": [50]}, True),
        ({"steps": [4, 8]}, True),  # without racing only the last needs a standard error
        ({"steps": [25]}, False),
        ({"stopping": "racing", "steps": [6, 12, 60]}, True),
        ({"stopping": "racing", "steps": [3, 15]}, False),
    ],
)
def test_draws_of_a_case_that_go_with_their_looks(retrieval: dict[str, Any], antithetic: bool) -> None:
    study = load_config(merged({"retrieval": retrieval, "information": {"antithetic_eps": antithetic}}))
    assert list(study.retrieval.steps) == retrieval["steps"]


@pytest.mark.parametrize(
    ("dataset", "key", "reason"),
    [
        ({"kind": "vg_relation", "file": "a.json"}, "images", "a folder, because `file` is JSON"),
        ({"kind": "vg_relation", "file": "a.parquet", "images": "i"}, "images", "null, because a Parquet mirror"),
        ({"kind": "coco_order", "file": "a.json", "images": "i"}, "tagger", "`kind` coco_order in JSON are shuffled"),
        ({"kind": "flickr30k_order", "file": "a.json", "images": "i"}, "tagger", "`scenes` or a spaCy pipeline"),
        (
            {"kind": "vg_attribution", "file": "a.json", "images": "i", "tagger": "scenes"},
            "tagger",
            "null, because `kind` vg_attribution has no key `tagger`",
        ),
        (
            {"kind": "coco_order", "file": "a.parquet", "tagger": "scenes"},
            "tagger",
            "null, because a Parquet mirror has its false captions inside",
        ),
    ],
)
def test_files_of_a_retrieval_set(dataset: dict[str, Any], key: str, reason: str) -> None:
    overlay = {"retrieval_datasets": {"mine": dataset}}
    text = message(overlay)
    assert text.startswith(f"retrieval_datasets → mine → {key} is "), text
    assert f"allowed is {reason}" in text or reason in text.splitlines()[0], text
    load_config(merged(overlay, pasted(text)))


def test_a_method_with_a_second_model_needs_it() -> None:
    overlay = {"retrieval": {"methods": ["diffitm", "hardneg_diffitm"]}, "models": {"hardneg_diffitm": None}}
    text = message(overlay)
    assert text.startswith("models → hardneg_diffitm is missing; allowed are the keys of `model`, because `methods`")
    study = load_config(merged(overlay, pasted(text)))
    assert study.models["hardneg_diffitm"] == study.model
    assert not load_config(
        merged(overlay, pasted(text), {"models": {"hardneg_diffitm": None}}, {"retrieval": {"methods": ["diffitm"]}})
    ).models


def test_names_of_second_models_are_methods() -> None:
    text = message({"models": {"negclip": {"id": "x"}}})
    assert text.startswith("models → negclip is no name here; allowed is hardneg_diffitm")
    assert pasted(text) == {"models": {"hardneg_diffitm": {"id": "data/models/scenes"}}}


@pytest.mark.parametrize("key", ["datasets", "retrieval_datasets"])
def test_names_of_datasets_become_folders(key: str) -> None:
    kind = {"datasets": "coco_it", "retrieval_datasets": "vg_relation"}[key]
    text = message(
        {key: {"my images": {"kind": kind, "file": "a.json", "images": "i"} if key != "datasets" else {"kind": kind}}}
    )
    assert text.startswith(f"{key} → my images is no name for a dataset")
    assert pasted(text) == {key: {"my_images": {"kind": kind}}}


def test_a_wrong_name_and_what_is_wrong_below_it_are_both_told() -> None:
    text = message({"datasets": {"my images": {"kind": "coco"}}})
    assert "datasets → my images is no name" in text and 'datasets → my images → kind is "coco"' in text


def test_a_name_belongs_to_one_dataset() -> None:
    text = message({"retrieval_datasets": {"scenes": {"kind": "vg_relation", "file": "a.json", "images": "i"}}})
    assert text.startswith("retrieval_datasets → scenes is also a name under `datasets`; allowed is another name")


def test_all_problems_are_told_at_once() -> None:
    text = message({"seed": -1, "information": {"clip": 0, "clop": 2}})
    assert [line.split(" is ")[0] for line in text.splitlines() if " is " in line] == [
        "seed",
        "information → clip",
        "information → clop",
    ]


def test_null_takes_a_dataset_out() -> None:
    assert list(load_config(merged({"datasets": {"scenes_words": None}})).datasets) == ["scenes", "generated"]
    sets = {"retrieval_datasets": {name: None for name in list(default_config().retrieval_datasets)[1:]}}
    assert list(load_config(merged(sets)).retrieval_datasets) == ["scenes_vg_relation"]


def test_null_takes_all_datasets_of_a_part_out() -> None:
    """A study may have one part only, but not none."""
    every = {"datasets": {"scenes": None, "scenes_words": None, "generated": None}}
    assert not load_config(merged(every)).datasets
    assert not load_config(merged({"datasets": None})).datasets
    assert not load_config(merged({"retrieval_datasets": None})).retrieval_datasets
    text = message(every, {"retrieval_datasets": None})
    assert text.startswith("datasets is empty, and so is `retrieval_datasets`; a study needs at least one dataset")
    load_config(merged(every, {"retrieval_datasets": None}, pasted(text)))


def test_section_survives_the_way_to_a_stage() -> None:
    section = load_config(merged({"information": {"steps": [20, 40]}})).information
    text = section_json(section)
    assert list(json.loads(text)) == sorted(InformationSection.model_fields)
    assert parse_section(InformationSection, text) == section
    dataset = default_config().datasets["scenes_words"]
    assert parse_section(DatasetSection, section_json(dataset)) == dataset


def test_a_stage_gets_the_keys_that_it_reads() -> None:
    study = load_config(merged({"retrieval": {"steps": [20], "ties": "drop"}}))
    text = section_json(study.retrieval, ["steps", "error"])
    assert json.loads(text) == {"steps": [20], "error": RetrievalSection().error}
    assert parse_section(RetrievalSection, text) == RetrievalSection(steps=(20,))
    assert section_json(study.retrieval, []) == "{}"


def test_sections_by_name_survive_the_way_to_a_stage() -> None:
    sections = default_config().retrieval_datasets
    parsed = {
        name: parse_section(RetrievalDatasetSection, json.dumps(section))
        for name, section in json.loads(sections_json(sections)).items()
    }
    assert parsed == sections


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


def test_replicates_of_pairs_are_whole_pairs_of_draws() -> None:
    text = message({"partial_information": {"steps": 5}})
    assert text.startswith("partial_information → steps is 5; allowed is an even number")
    assert pasted(text) == {"partial_information": {"steps": 6}}
    assert "replicates" in message({"partial_information": {"replicates": 1}})
    load_config(merged({"partial_information": {"steps": 5}, "information": {"antithetic_eps": False}}))


def test_pairs_have_shards_of_their_own() -> None:
    study = load_config(merged({"shards": 3}))
    assert (study.shards_of("scenes"), study.pair_shards_of("scenes")) == (3, 1)
    study = load_config(merged({"shards": 3, "partial_information": {"shards": None}}))
    assert study.pair_shards_of("scenes") == 3
