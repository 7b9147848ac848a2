"""Names of datasets that would share a folder with something else, or could be no folder, are refused in one sentence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from infodecomp.config import load_config
from infodecomp.config.dataset_names import STUDY_FOLDERS
from infodecomp.runs.errors import InputError

MINE = {"kind": "custom", "list": "mine.csv", "localisation": False}
SET = {"kind": "vg_relation", "file": "mine.parquet"}


def refused(config: dict[str, Any]) -> list[str]:
    """The sentences, without the YAML to paste."""
    with pytest.raises(InputError) as raised:
        load_config(config)
    return [line.split(". Write for example")[0] for line in str(raised.value).splitlines() if not line.startswith(" ")]


@pytest.mark.parametrize("name", [*STUDY_FOLDERS, "Tables"])
@pytest.mark.parametrize(("key", "section"), [("datasets", MINE), ("retrieval_datasets", SET)])
def test_folders_of_the_study(key: str, section: dict[str, Any], name: str) -> None:
    (sentence,) = refused({key: {name: section}})
    written = "figures, logs, report, representation, tables, validation"
    assert sentence.startswith(f"{key} → {name} is a folder that the study writes, as are {written}; ")
    assert sentence.endswith("allowed is another name, because results go to a folder of that name")


def test_the_rules_write_no_other_folder(repository: Path) -> None:
    rules = "".join(path.read_text(encoding="utf-8") for path in (repository / "rules").glob("*.smk"))
    assert set(re.findall(r"\{RESULTS\}/([A-Za-z_]+)", rules)) == set(STUDY_FOLDERS)


@pytest.mark.parametrize("name", ["", "-x", ".x", "a/b", "../x", "a b", "{word}", "{{x}}", "ä", "a.b"])
@pytest.mark.parametrize(("key", "section"), [("datasets", MINE), ("retrieval_datasets", SET)])
def test_names_that_are_no_folders(key: str, section: dict[str, Any], name: str) -> None:
    (sentence,) = (line for line in refused({key: {name: section}}) if line)
    assert sentence.endswith("is no name for a dataset; allowed are letters, digits, `_` and, but for the first, `-`")


@pytest.mark.parametrize("study", ["", "-x", ".", "..", "a/b", "a b", "{word}"])
def test_names_of_studies(study: str) -> None:
    (sentence,) = refused({"study": study})
    assert sentence == f'study is "{study}"; allowed is text of letters, digits, `_` and, but for the first, `-`'


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (
            {"datasets": {"mine": MINE, "Mine": MINE}},
            "Mine differs from `mine` under `datasets` by capital letters only",
        ),
        (
            {"datasets": {"mine": MINE}, "retrieval_datasets": {"MINE": SET}},
            "MINE differs from `mine` under `datasets` by capital letters only",
        ),
        ({"datasets": {"mine": MINE}, "retrieval_datasets": {"mine": SET}}, "mine is also a name under `datasets`"),
        (
            {"datasets": {"generated": None}, "retrieval_datasets": {"generated": SET}},
            "generated is the folder of the images that the study generates",
        ),
    ],
)
def test_two_of_one_folder(config: dict[str, Any], reason: str) -> None:
    (sentence,) = refused({**config, "datasets": {"scenes": {"kind": "coco_it"}, **config["datasets"]}})
    assert reason in sentence


def test_the_dataset_of_generated_images_has_its_kind() -> None:
    (sentence,) = refused({"datasets": {"generated": MINE}})
    assert sentence == (
        "datasets → generated → kind is custom; allowed is generated, because a dataset of that name holds generated images"
    )


def test_names_that_are_fine() -> None:
    names = ["scenes", "_", "2024", "a-b_c", "reports", "table"]
    assert list(load_config({"datasets": {name: MINE for name in names}}).datasets) == names
