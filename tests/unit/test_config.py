from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from functools import reduce
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
    EditCaptionsSection,
    EditingSection,
    GeneratedDataset,
    InformationSection,
    OrderRetrievalDataset,
    PairRetrievalDataset,
    RangeSection,
    RetrievalDatasetSection,
    RetrievalSection,
    ScenesModelSection,
    Section,
    StatisticsSection,
    WordListDataset,
    default_config,
    load_config,
    parse,
    render_yaml,
    section_json,
    settings_of,
)
from infodecomp.config.generated import with_generated
from infodecomp.config.key_table import replace_tables
from infodecomp.config.keys import field_at, section_at
from infodecomp.config.moved import MOVED
from infodecomp.config.reading import converted
from infodecomp.config.rendering import render_recipe
from infodecomp.config.schema import config_schema
from infodecomp.config.section import Design
from infodecomp.config.settings import SETTINGS, ScoreRetrieval, WriteReport
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


def nested(path: Sequence[str], value: object) -> dict[str, Any]:
    """The YAML of one value at a path."""
    return {path[0]: nested(path[1:], value) if path[1:] else value}


def section_of(values: Any, path: Sequence[str]) -> Any:
    """The value at a path."""
    return reduce(lambda inner, key: inner[key], path, values)


def swapped(swaps: list[list[str]]) -> dict[str, Any]:
    return {"captions": {"swaps": swaps}}


def scored(steps: list[int], stopping: str = "none") -> dict[str, Any]:
    return {"scoring": {"steps": steps, "stopping": stopping}}


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
    assert len(lines) <= 260
    assert lines[0] == "# yaml-language-server: $schema=docs/config.schema.json"
    contents = re.findall(r"\w+", " ".join(line.partition(":")[2] for line in lines[4:12]))
    written = [line.partition(":")[0] for line in lines if re.match(r"\w+:", line)]
    recipes = {"scenes_model", "representation_model"}
    assert [key for key in contents if key in Config.model_fields and key not in recipes] == written
    assert set(written) == set(Config.model_fields) - recipes


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


def test_every_key_has_a_comment_of_its_own(repository: Path) -> None:
    """In the file, or in docs/configure.md where a few numbers stand on one line."""

    def sections(cls: type[Section]) -> list[type[Section]]:
        inner = [f.annotation for f in cls.model_fields.values() if isinstance(f.annotation, type)]
        return [cls, *(s for found in inner if issubclass(found, Section) for s in sections(found))]

    text = render_yaml(default_config()) + render_recipe(default_config())
    page = (repository / "docs" / "configure.md").read_text(encoding="utf-8")
    short = re.findall(r"^ +\w+: \{(.*?)\}(?: +# |$)", text, re.MULTILINE)
    on_one_line = {frozenset(re.findall(r"(\w+): ", keys)) for keys in short}
    assert len(on_one_line) <= 20
    for section in sections(Config):
        for name, field in section.settable().items():
            assert field.description and "\n" not in field.description, name
            if frozenset(section.settable()) in on_one_line:
                assert field.description in page, name
            else:
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
    assert study.information.budget.steps == study.attention.steps == (50, 100, 200)
    assert study.datasets["COCO10"].per_label == 1
    assert not study.datasets["COCO-WL"].localisation
    assert study.localisation.map_size == 512
    assert list(study.retrieval_datasets) == ["vg_relation", "vg_attribution", "coco_order", "flickr30k_order"]
    assert {name: data.kind for name, data in study.retrieval_datasets.items()} == {
        n: n for n in study.retrieval_datasets
    }
    assert [data.minimum_group for data in study.retrieval_datasets.values()] == [1, 25, 1, 1]
    assert study.clip.id == "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"
    assert study.retrieval.scoring.steps == (100,)
    assert study.editing.captions.swaps == SWAPS
    assert [name for name, data in study.datasets.items() if data.editing] == ["COCO100-IT"]
    assert (study.editing.flow.sampler, study.editing.flow.steps, study.editing.captions.omit) == (
        "heun",
        100,
        "underscore",
    )
    assert study.editing.estimator(study.information).budget.steps == (2400,)


@pytest.mark.parametrize("overlays", [["paper"], ["paper", "released"]])
def test_edits_of_the_published_study_integrate_over_the_trained_range(repository: Path, overlays: list[str]) -> None:
    """The log-SNRs of Stable Diffusion 2.1's 1000 timesteps: betas 0.00085 to 0.012, evenly spaced in their roots."""
    parts = [yaml.safe_load((repository / "config" / f"{name}.yaml").read_text(encoding="utf-8")) for name in overlays]
    study = load_config(merged(*parts))
    kept = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
    trained = np.log(kept[[-1, 0]] / (1 - kept[[-1, 0]]))
    edits = study.editing.estimator(study.information)
    span = edits.range
    low, high = span.loc - span.clip * span.scale, span.loc + span.clip * span.scale
    assert trained[0] <= low <= trained[0] + 1e-3 and trained[1] - 1e-3 <= high <= trained[1]
    assert edits.draws == study.information.draws
    assert edits.range.beyond_trained_range == study.information.range.beyond_trained_range


def test_full_grid_of_validation(repository: Path) -> None:
    overlay = yaml.safe_load((repository / "config" / "validation.yaml").read_text(encoding="utf-8"))
    validation = load_config(merged(overlay)).validation
    assert validation.problems == get_args(ValidationProblem) and validation.grid.designs == get_args(Design)


def test_paper_and_released_differ_where_the_code_does(repository: Path) -> None:
    parts = [
        yaml.safe_load((repository / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in ("paper", "released")
    ]
    paper, released = load_config(merged(parts[0])), load_config(merged(*parts))
    assert (paper.information.range.clip, released.information.range.clip) == (3.0, 4.0)
    assert (paper.attention.heads, released.attention.heads) == ("all", "second_half")
    assert (paper.attention.image_range, released.attention.image_range) == ("signed", "unit")
    assert (paper.model.latents, released.model.latents) == ("mean", "sample")
    assert paper.model.id == released.model.id
    assert {getattr(data, "word_removal", None) for data in released.datasets.values()} == {"substring"}
    assert (paper.retrieval.table.ties, released.retrieval.table.ties) == ("half", "wrong")
    assert paper.retrieval_datasets == released.retrieval_datasets
    assert (paper.editing.captions.swap_scope, released.editing.captions.swap_scope) == ("target", "all")
    assert (paper.editing.table.error, released.editing.table.error) == ("bootstrap_sd", "sd_over_10")


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
        ({"information": {"range": {"clip": -1}}}, "information → range → clip", "-1", "a number > 0"),
        (
            {"information": {"draws": {"density": "normal"}}},
            "information → draws → density",
            '"normal"',
            "logistic | uniform | grid",
        ),
        (
            {"information": {"draws": {"antithetic_eps": "yes"}}},
            "information → draws → antithetic_eps",
            '"yes"',
            "true | false",
        ),
        (
            {"information": {"budget": {"steps": []}}},
            "information → budget → steps",
            "[]",
            "a list with one or more of: a whole number > 0",
        ),
        (
            {"information": {"budget": {"steps": 50}}},
            "information → budget → steps",
            "50",
            "a list with one or more of: a whole number > 0",
        ),
        (
            {"information": {"budget": {"steps": [50, 0]}}},
            "information → budget → steps → 1",
            "0",
            "a whole number > 0",
        ),
        (
            {"information": {"budget": {"steps": [50.5]}}},
            "information → budget → steps → 0",
            "50.5",
            "a whole number > 0",
        ),
        ({"seed": -3}, "seed", "-3", "a whole number ≥ 0"),
        ({"shards": "four"}, "shards", '"four"', "a whole number ≥ 1 and ≤ 700"),
        ({"max_failed_fraction": 5}, "max_failed_fraction", "5", "a number ≥ 0 and ≤ 1"),
        ({"max_failed_fraction": None}, "max_failed_fraction", "null", "a number ≥ 0 and ≤ 1"),
        ({"study": "my study"}, "study", '"my study"', "letters, digits, `_` and, but for the first, `-`"),
        ({"study": 3.5}, "study", "3.5", "letters, digits, `_` and, but for the first, `-`"),
        ({"machine": {"device": "gpu"}}, "machine → device", '"gpu"', "auto | cpu | mps | cuda | cuda:N"),
        ({"machine": {"batch_size": 0}}, "machine → batch_size", "0", "a whole number ≥ 1 or auto"),
        ({"machine": {"batch_size": "all"}}, "machine → batch_size", '"all"', "a whole number ≥ 1 or auto"),
        ({"machine": {"threads": 0}}, "machine → threads", "0", "a whole number ≥ 1 or null"),
        ({"model": {"revision": 1.5}}, "model → revision", "1.5", "text or null; put it in quotes if it is text"),
        ({"localisation": {"methods": ["cmi", "gradcam"]}}, "localisation → methods → 1", '"gradcam"', "saliency"),
        ({"localisation": {"thresholds": {"count": 1}}}, "localisation → thresholds → count", "1", "number ≥ 2"),
        ({"datasets": {"scenes": {"crowd": True}}}, "datasets → scenes → crowd", "true", "include | exclude"),
        ({"datasets": {"mine": {"root": "x"}}}, "datasets → mine → kind", "missing", "coco_it | word_list | custom"),
        ({"information": {"range": {"loc": float("inf")}}}, "information → range → loc", "Infinity", "a number"),
        ({"attention": {"steps": [1000]}}, "attention → steps → 0", "1000", "a whole number ≥ 1 and ≤ 999"),
        ({"editing": {"flow": {"sampler": "rk4"}}}, "editing → flow → sampler", '"rk4"', "heun | euler | ddim"),
        ({"editing": {"flow": {"steps": 0}}}, "editing → flow → steps", "0", "a whole number ≥ 1 and ≤ 999"),
        ({"editing": {"flow": {"rho": 0}}}, "editing → flow → rho", "0", "a number > 0"),
        ({"editing": {"captions": {"omit": "mask"}}}, "editing → captions → omit", '"mask"', "underscore | delete"),
        (
            {"editing": {"captions": {"swap_scope": "caption"}}},
            "editing → captions → swap_scope",
            '"caption"',
            "target | all",
        ),
        (
            {"editing": {"captions": {"swaps": []}}},
            "editing → captions → swaps",
            "[]",
            "a list with one or more of: [text, text]",
        ),
        (
            {"editing": {"captions": {"swaps": [["dog"]]}}},
            "editing → captions → swaps → 0 → 1",
            "missing",
            "[text, text]",
        ),
        (
            {"editing": {"captions": {"swaps": [["dog", True]]}}},
            "editing → captions → swaps → 0 → 1",
            "true",
            "[text, text]",
        ),
        ({"editing": {"captions": {"swaps": ["dog"]}}}, "editing → captions → swaps → 0", '"dog"', "[text, text]"),
        ({"editing": {"table": {"error": "sd"}}}, "editing → table → error", '"sd"', "bootstrap_sd | sd_over_10"),
        ({"statistics": {"bootstrap": 10}}, "statistics → bootstrap", "10", "a whole number ≥ 100"),
        (
            {"editing": {"information": {"range": {"scale": 0}}}},
            "editing → information → range → scale",
            "0",
            "a number > 0 or null",
        ),
        (
            {"editing": {"information": {"steps": 50}}},
            "editing → information → steps",
            "50",
            "number > 0 or null",
        ),
        ({"statistics": {"confidence": 1}}, "statistics → confidence", "1", "a number > 0 and < 1"),
        ({"datasets": {"scenes": {"editing": 1}}}, "datasets → scenes → editing", "1", "true | false"),
        ({"retrieval": {"methods": ["clip", "blip"]}}, "retrieval → methods → 1", '"blip"', "text_only"),
        (
            {"retrieval": {"table": {"ties": "first"}}},
            "retrieval → table → ties",
            '"first"',
            "half | wrong | right | drop",
        ),
        ({"retrieval": {"scoring": {"error": 0}}}, "retrieval → scoring → error", "0", "a number > 0 and < 1"),
        (
            {"retrieval": {"diffitm": {"timesteps": [1000]}}},
            "retrieval → diffitm → timesteps → 0",
            "1000",
            "≥ 0 and ≤ 999",
        ),
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
        ({"information": {"range": {"clp": 3.5}}}, "information → range → clp", "clip"),
        ({"datasets": {"scenes": {"caption": "a.json"}}}, "datasets → scenes → caption", "captions"),
        ({"localization": {}}, "localization", "localisation"),
        ({"localisation": {"thresholds": {"hihg": 0.6}}}, "localisation → thresholds → hihg", "high"),
        ({"dataset": {}}, "dataset", "datasets"),
        ({"editing": {"captions": {"swap": [["dog", "cat"]]}}}, "editing → captions → swap", "swaps"),
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
    assert pasted(message({"information": {"range": {"clp": 3.5}}})) == {"information": {"range": {"clip": 3.5}}}


def test_key_like_no_other_lists_the_valid_ones() -> None:
    text = message({"machine": {"zzzzzz": 1}})
    assert "machine → zzzzzz is not a key; valid keys: device, batch_size, threads, checkpointing, compile" in text


@pytest.mark.parametrize("found", [3, None, "text", [1]])
def test_a_section_of_another_shape_shows_a_key_of_it(found: object) -> None:
    text = message({"information": found})
    assert text.startswith(f"information is {json.dumps(found)}; allowed is a section of keys and values")
    assert pasted(text) == {"information": {"range": {"loc": 1.0}}}
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
    overlay = yaml.safe_load("scenes_model: {denoiser: {learning_rate: 1e-3}}")
    assert overlay["scenes_model"]["denoiser"]["learning_rate"] == "1e-3"
    assert load_config(merged(overlay)).scenes_model.denoiser.learning_rate == 0.001


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
            "information={budget: {steps: [4, 8], extendable: True}, range: {clip: 2.5}, draws: {antithetic_eps: false}}",
            "information.budget.steps",
            (4, 8),
        ),
        ("information={range: {clip: 2.5}, draws: {antithetic_eps: false}}", "information.range.clip", 2.5),
        (
            "information={draws: {antithetic_eps: false}, budget: {steps: [5]}}",
            "information.draws.antithetic_eps",
            False,
        ),
        ("machine={batch_size: 8}", "machine.batch_size", 8),
        ("machine={batch_size: auto}", "machine.batch_size", "auto"),
        ("pairs={selection: {captions: null}}", "pairs.selection.captions", None),
        (
            "faithfulness={judging: {repeated_draws: ~, fractions: [0.5, 0.75]}}",
            "faithfulness.judging.repeated_draws",
            None,
        ),
        ("validation={grid: {antithetic_eps: [true, false]}}", "validation.grid.antithetic_eps", (True, False)),
        ("gradients={explanation: {boxes: [[0, 0, 8, 8]]}}", "gradients.explanation.boxes", ((0, 0, 8, 8),)),
        ("retrieval_datasets=null", "retrieval_datasets", {}),
        ("retrieval_datasets=", "retrieval_datasets", {}),
        ("model={revision: 12}", "model.revision", "12"),
        ("parts=[editing, pairs]", "parts", ("editing", "pairs")),
        ("seed=1e3", "seed", 1000),
        ("shards=2.0", "shards", 2),
        ("statistics={bootstrap: 1e3}", "statistics.bootstrap", 1000),
    ],
)
def test_values_of_the_command_line_have_the_type_of_their_key(entry: str, path: str, value: object) -> None:
    found: Any = load_config(merged(given_as(entry)))
    for key in path.split("."):
        found = getattr(found, key)
    assert found == value and type(found) is type(value)


def test_a_moved_key_of_the_command_line_is_shown_in_its_type() -> None:
    text = message(given_as("information={steps: [10, 20]}"))
    assert "information → steps has moved: write information → budget → steps instead" in text
    assert text.endswith("      steps: [10, 20]")
    load_config(merged(pasted(text)))


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
    read = {stage: settings_of(stage, study) for stage, cls in SETTINGS.items() if "statistics" in cls.model_fields}
    assert {f"tabulate_{part}" for part in get_args(Part) if part not in ("pairs", "validation")} <= set(read)
    for settings in read.values():
        assert settings.statistics == StatisticsSection(bootstrap=300, confidence=0.9)  # type: ignore[attr-defined]
    for name in ("localisation", "retrieval", "editing", "pairs", "faithfulness"):
        assert not {"bootstrap", "confidence"} & set(type(getattr(study, name)).model_fields)
    assert settings_of("tabulate_validation", study).confidence == 0.9  # type: ignore[attr-defined]
    default = StatisticsSection()
    assert (default.bootstrap, default.confidence) == (2000, 0.95) and default == default_config().statistics


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_a_key_that_moved_is_named_with_its_new_place(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    value = section_of(json.loads(section_json(default_config())), new)
    text = message(nested(old, value))
    assert text.startswith(f"{' → '.join(old)} has moved: write {' → '.join(new)} instead")
    assert pasted(text) == nested(new, value)
    load_config(merged(pasted(text)))


def test_every_old_key_of_a_section_that_is_gone_is_named() -> None:
    text = message({"partial_information": {"pairs": ["noun+noun"], "steps": 8}})
    assert "partial_information → pairs has moved: write pairs → selection → kinds instead" in text
    assert "partial_information → steps has moved: write pairs → sampling → steps instead" in text
    assert "partial_information is not a key" not in text
    assert "partial_information is not a key" in message({"partial_information": {"never": 1}})


def test_old_keys_lead_nowhere_and_new_ones_somewhere() -> None:
    for old, new in MOVED.items():
        place = section_at(old)  # a section may have the name that a key of its section had
        assert place or not section_at(old[:-1]) or old[-1] not in section_at(old[:-1]).settable()  # type: ignore[union-attr]
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
    assert EditCaptionsSection().swaps == SCENE_SWAPS


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
    assert "bootstrap" not in schema["$defs"]["EditingTableSection"]["properties"]
    assert "root" not in schema["$defs"]["GeneratedDataset"]["properties"]


@pytest.mark.parametrize(
    ("overlay", "path", "reason"),
    [
        ({"information": {"budget": {"steps": [100, 50]}}}, "information → budget → steps", "increasing"),
        ({"attention": {"steps": [25, 25]}}, "attention → steps", "increasing"),
        (
            {"information": {"budget": {"steps": [50, 120]}}},
            "information → budget → steps",
            "multiple of the one before",
        ),
        ({"information": {"budget": {"steps": [25]}}}, "information → budget → steps", "even numbers"),
        ({"information": {"budget": {"steps": [2, 4]}}}, "information → budget → steps", "6 or more"),
        (
            {"information": {"budget": {"steps": [2]}, "draws": {"antithetic_eps": False}}},
            "information → budget → steps",
            "3 or more",
        ),
        ({"information": {"draws": {"design": "midpoint"}}}, "information → budget → steps", "`design` is midpoint"),
        ({"information": {"draws": {"density": "grid"}}}, "information → budget → steps", "`density` is grid"),
        ({"localisation": {"thresholds": {"high": 0.05}}}, "localisation → thresholds → high", "> low = 0.1"),
        ({"localisation": {"methods": ["mi", "cmi", "mi"]}}, "localisation → methods", "each value once"),
        ({"validation": {"problems": ["plane", "plane"]}}, "validation → problems", "each value once"),
        ({"validation": {"grid": {"steps": [25, 50]}}}, "validation → grid → steps", "even numbers"),
        ({"validation": {"grid": {"steps": [50, 76]}}}, "validation → grid → steps", "multiple of the one before"),
        ({"validation": {"grid": {"steps": [4, 8]}}}, "validation → grid → steps", "6 or more at its start"),
        ({"validation": {"grid": {"steps": [100, 50]}}}, "validation → grid → steps", "increasing"),
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
        ({"flow": {"steps": 1}}, "flow → steps", "is 1; allowed is a whole number ≥ 2, because `sampler` is heun"),
        ({"flow": {"sampler": "euler", "steps": 1}}, "flow → steps", "because `sampler` is euler"),
        (swapped([["cup", "cup"]]), "captions → swaps → 0", 'is ["cup", "cup"]; allowed are two different words'),
        (swapped([["cup", "fork"], ["knife", "Cup"]]), "captions → swaps → 1", "are in no other pair, and 'cup' is"),
        (swapped([["cup", "fork"], ["fork", "cup"]]), "captions → swaps → 1", "are in no other pair"),
        (swapped([["cup", " fork"]]), "captions → swaps → 0", "two words without spaces"),
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
    assert load_config(merged({"editing": {"flow": {"sampler": "ddim", "steps": 1}}})).editing.flow.steps == 1
    swaps = [["teddy bear", "robot"], ["bear", "elephant"]]
    assert load_config(merged({"editing": {"captions": {"swaps": swaps}}})).editing.captions.swaps == tuple(
        map(tuple, swaps)
    )
    both = message(
        {"editing": {"captions": {"swaps": [["cup", "fork"], ["x", "X"], ["cup", "knife"]]}, "flow": {"steps": 1}}}
    )
    assert [line.partition(" is ")[0] for line in both.splitlines() if " is " in line and "→" in line] == [
        "editing → flow → steps",
        "editing → captions → swaps → 1",
        "editing → captions → swaps → 2",
    ]


def test_edits_estimate_as_the_study_does_unless_told_otherwise() -> None:
    study = load_config(merged({"information": {"budget": {"steps": [20]}, "range": {"loc": 0.5}}}))
    assert study.editing.estimator(study.information) == study.information
    logistic = {"information": {"draws": {"density": "logistic"}}}
    study = load_config(merged(logistic, {"editing": {"information": {"steps": [40, 80], "range": {"clip": 2.0}}}}))
    edits, others = study.editing.estimator(study.information), study.information
    assert (edits.budget.steps, edits.range.clip) == ((40, 80), 2.0)
    assert (others.budget.steps, others.range.clip) == ((50, 100), 3.0)
    changed = {
        "budget": others.budget.model_copy(update={"steps": (40, 80)}),
        "range": others.range.model_copy(update={"clip": 2.0}),
    }
    assert edits == others.model_copy(update=changed)


def test_draws_of_edits_are_checked_with_the_design_of_the_study() -> None:
    """One number where points are not nested; two problems where both sections have one."""
    grid = {"information": {"draws": {"density": "grid"}, "budget": {"steps": [50]}}}
    load_config(merged(grid, {"editing": {"information": {"steps": [200]}}}))
    text = message(grid, {"editing": {"information": {"steps": [100, 200]}}})
    assert text.startswith(
        "editing → information → steps is [100, 200]; allowed is one number, because `density` is grid"
    )
    text = message({"information": {"budget": {"steps": [25]}}, "editing": {"information": {"steps": [75]}}})
    problems = [line.partition(" is ")[0] for line in text.splitlines() if "allowed" in line]
    assert problems == ["information → budget → steps", "editing → information → steps"]


def test_swaps_survive_the_way_to_a_stage() -> None:
    section = load_config(merged({"editing": {"captions": {"swaps": [["cup", "teddy bear"]]}}})).editing
    assert parse(EditingSection, section_json(section)) == section


@pytest.mark.parametrize(
    "information",
    [
        {"draws": {"design": "iid"}, "budget": {"steps": [50, 120]}},
        {"draws": {"design": "sobol"}, "budget": {"steps": [50, 120]}},
        {"draws": {"antithetic_eps": False}, "budget": {"steps": [25, 75]}},
        {"draws": {"design": "midpoint"}, "budget": {"steps": [100]}},
        {"draws": {"density": "grid"}, "budget": {"steps": [100]}},
    ],
)
def test_steps_that_go_with_their_design(information: dict[str, Any]) -> None:
    found = load_config(merged({"information": information})).information.budget.steps
    assert list(found) == information["budget"]["steps"]


@pytest.mark.parametrize(
    ("overlay", "path", "reason"),
    [
        (scored([25]), "scoring → steps", "even numbers, because `antithetic_eps`"),
        (scored([4]), "scoring → steps", "6 or more"),
        (scored([20, 50]), "scoring → steps", "a multiple of the one before"),
        (scored([40, 20]), "scoring → steps", "increasing"),
        (scored([50], "racing"), "scoring → steps", "is [50]; allowed are two numbers or more"),
        (scored([4, 8], "racing"), "scoring → steps", "is [4, 8]; allowed is 6 or more at its start"),
        ({"diffitm": {"timesteps": [610, 110, 10]}}, "diffitm → timesteps", "increasing"),
        ({"diffitm": {"timesteps": [10, 110]}}, "diffitm → timesteps", "3 numbers or more"),
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
        ({"judging": {"fractions": [0.3, 0.1]}}, "judging → fractions", "increasing numbers"),
        ({"judging": {"fractions": [0.1, 1.0]}}, "judging → fractions", ""),
        ({"judging": {"draws": 3}}, "judging → draws", "even numbers, because `antithetic_eps`"),
        ({"judging": {"draws": 4}}, "judging → draws", "is 4; allowed is 6 or more"),
        ({"judging": {"repeated_draws": 7}}, "judging → repeated_draws", "even numbers, because `antithetic_eps`"),
        ({"judging": {"estimators": ["standard", "standard"]}}, "judging → estimators", "each value once"),
        ({"judging": {"filling": "blur"}}, "judging → filling", "denoiser"),
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
        (scored([50]), True),
        (scored([4, 8]), True),  # without racing only the last needs a standard error
        (scored([25]), False),
        (scored([6, 12, 60], "racing"), True),
        (scored([3, 15], "racing"), False),
    ],
)
def test_draws_of_a_case_that_go_with_their_looks(retrieval: dict[str, Any], antithetic: bool) -> None:
    study = load_config(merged({"retrieval": retrieval, "information": {"draws": {"antithetic_eps": antithetic}}}))
    assert list(study.retrieval.scoring.steps) == retrieval["scoring"]["steps"]


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
    text = message({"seed": -1, "information": {"range": {"clip": 0, "clop": 2}}})
    assert [line.split(" is ")[0] for line in text.splitlines() if " is " in line] == [
        "seed",
        "information → range → clip",
        "information → range → clop",
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
    section = load_config(merged({"information": {"budget": {"steps": [20, 40]}}})).information
    text = section_json(section)
    assert list(json.loads(text)) == sorted(InformationSection.model_fields)
    assert parse(InformationSection, text) == section
    dataset = default_config().datasets["scenes_words"]
    assert parse(WordListDataset, section_json(dataset)) == dataset


def test_a_stage_gets_the_keys_that_it_reads() -> None:
    study = load_config(merged({"retrieval": {"scoring": {"steps": [20]}, "table": {"ties": "drop"}}}))
    text = section_json(settings_of("score_retrieval", study))
    read = json.loads(text)
    assert sorted(read) == ["diffitm", "draws", "range", "scoring"] and read["scoring"]["steps"] == [20]
    assert parse(ScoreRetrieval, text).scoring.error == RetrievalSection().scoring.error
    assert "drop" not in text


def test_sections_by_name_survive_the_way_to_a_stage() -> None:
    settings = settings_of("write_report", load_config(merged()))
    parsed = parse(WriteReport, section_json(settings))
    assert parsed == settings and parsed.retrieval_datasets == default_config().retrieval_datasets


def test_order_of_keys_does_not_change_a_section() -> None:
    forward = merged()
    backward = {key: forward[key] for key in reversed(forward)}
    backward["information"] = dict(reversed(forward["information"].items()))
    assert section_json(load_config(forward)) == section_json(load_config(backward))


def test_wrong_section_text_is_an_input_error() -> None:
    with pytest.raises(InputError, match="RangeSection: clip is -1"):
        parse(RangeSection, '{"clip": -1}')
    with pytest.raises(InputError, match="InformationSection"):
        parse(InformationSection, "no json")


def test_sections_do_not_change_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        default_config().information.range.clip = 4.0  # type: ignore[misc]


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
    # All that the package depends on, but for Snakemake, which makes the environment and runs outside of it.
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.match(r"[\w-]+", one)[0].lower().replace("_", "-") for one in project["dependencies"]}
    assert {name.lower().replace("_", "-") for name in pins} == needed - {"snakemake"}


def test_replicates_of_pairs_are_whole_pairs_of_draws() -> None:
    text = message({"pairs": {"sampling": {"steps": 5}}})
    assert text.startswith("pairs → sampling → steps is 5; allowed is an even number")
    assert pasted(text) == {"pairs": {"sampling": {"steps": 6}}}
    assert "replicates" in message({"pairs": {"sampling": {"replicates": 1}}})
    load_config(merged({"pairs": {"sampling": {"steps": 5}}, "information": {"draws": {"antithetic_eps": False}}}))


def test_pairs_have_shards_of_their_own() -> None:
    study = load_config(merged({"shards": 3}))
    assert (study.shards_of("scenes"), study.pair_shards_of("scenes")) == (3, 1)
    study = load_config(merged({"shards": 3, "pairs": {"shards": None}}))
    assert study.pair_shards_of("scenes") == 3
