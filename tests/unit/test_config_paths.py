"""`~` and variables of the environment in the paths of a configuration."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml

from infodecomp.config import load_config
from infodecomp.config.keys import field_at
from infodecomp.config.paths import PATH_KEYS, with_paths_written_out
from infodecomp.runs.errors import InputError


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("SCRATCH", "/scratch/ada lovelace")
    monkeypatch.delenv("UNSET", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("keys", PATH_KEYS, ids=".".join)
def test_every_key_that_holds_a_path(keys: tuple[str, ...]) -> None:
    """Each is a key of text, and is written out wherever it stands."""
    place = tuple("mine" if key == "*" else key for key in keys)
    nested: Any = reduce(lambda value, key: {key: value}, reversed(place), "$SCRATCH/a")
    written, problems = with_paths_written_out(nested)
    assert not problems and reduce(lambda value, key: value[key], place, written) == "/scratch/ada lovelace/a"
    kinds = ("coco_it", "custom", "vg_relation") if keys[0] in ("datasets", "retrieval_datasets") else ("",)
    found = [field_at((*place[:-1], *filter(None, [kind]), place[-1])) for kind in kinds]
    annotations = [str(field.annotation) for field in found if field]
    assert annotations and all("str" in annotation for annotation in annotations)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("~/photos", "/home/ada/photos"),
        ("$SCRATCH/photos", "/scratch/ada lovelace/photos"),
        ("${SCRATCH}_2/photos", "/scratch/ada lovelace_2/photos"),
        ("photos", "photos"),
        ("photos ~ $(x) `y` $", "photos ~ $(x) `y` $"),
    ],
)
def test_paths_are_written_out(given: str, written: str) -> None:
    study = load_config({"datasets": {"p": {"kind": "custom", "list": "c.csv", "root": given}}, "model": {"id": given}})
    assert study.datasets["p"].root == study.model.id == written


def test_paths_of_a_list_are_written_out() -> None:
    study = load_config({"representation": {"models": ["factors", "$SCRATCH/codes", "~/mine"]}})
    assert study.representation.models == ("factors", "/scratch/ada lovelace/codes", "/home/ada/mine")


def test_a_folder_of_such_a_name_stays(tmp_path: Path) -> None:
    (tmp_path / "$SCRATCH").mkdir()
    (tmp_path / "~").mkdir()
    study = load_config({"datasets": {"p": {"kind": "custom", "list": "~", "root": "$SCRATCH"}}})
    assert (study.datasets["p"].root, getattr(study.datasets["p"], "list")) == ("$SCRATCH", "~")  # noqa: B009


def test_what_cannot_be_written_out_is_told_at_once() -> None:
    given = {
        "datasets": {"p": {"kind": "custom", "list": "c.csv", "root": "$UNSET/photos"}},
        "model": {"id": "~no-such-user/model"},
    }
    with pytest.raises(InputError) as raised:
        load_config(given)
    text = str(raised.value)
    assert (
        "datasets → p → root is '$UNSET/photos', and UNSET is not set in the environment; set it (`export UNSET=…`)"
        in text
    )
    assert "model → id is '~no-such-user/model', and there is no such user; write the path out" in text
    example = yaml.safe_load(text[text.index("  datasets:") : text.index("model → id")])
    assert example["datasets"]["p"]["root"] == "/full/path/photos"


@pytest.mark.parametrize("given", ["drawn/", "./drawn", "drawn//", "drawn"])
def test_the_folder_of_the_scenes_has_one_spelling(given: str) -> None:
    assert load_config({"scenes": {"folder": given}}).scenes.folder == "drawn"
