"""Texts in braces: refused in one sentence where they are paths of inputs, and let through everywhere else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from snakemake.io import contains_wildcard

from infodecomp.config import load_config
from infodecomp.config.wildcards import WILDCARD
from infodecomp.runs.errors import InputError

BRACES = [
    "{word}",
    "{{x}}",
    "{0}",
    "{a.b}",
    "{a,b(}",
    "{ a , b{3,5}}",
    "{}",
    "{",
    "}",
    "{ ",
    "{a b}",
    '{"a": 1}',
    "}{",
    "{a{b",
]
# Paths of files that become inputs of a job: a key path, and the section that it needs beside it.
INPUTS: dict[str, dict[str, Any]] = {
    "datasets → mine → root": {"kind": "coco_it"},
    "datasets → mine → instances": {"kind": "coco_it"},
    "datasets → mine → captions": {"kind": "word_list", "list": "words.csv"},
    "datasets → mine → list": {"kind": "custom"},
    "retrieval_datasets → mine → file": {"kind": "vg_relation"},
    "models → hardneg_diffitm → lora": {},
    "model → id": {},
    "model → revision": {},
    "model → variant": {},
    "model → lora": {},
    "clip → id": {},
    "generate → source → list": {},
    "pairs → selection → list": {},
    "retrieval → table → symmetric_relations": {},
    "scenes → folder": {},
}


def overlay(path: str, value: str, beside: dict[str, Any]) -> dict[str, Any]:
    *sections, key = path.split(" → ")
    nested: dict[str, Any] = {**beside, key: value}
    for section in reversed(sections):
        nested = {section: nested}
    return nested


@pytest.mark.parametrize("text", BRACES)
def test_wildcards_are_those_of_snakemake(text: str) -> None:
    assert bool(WILDCARD.search(text)) == contains_wildcard(text)


@pytest.mark.parametrize(("path", "beside"), INPUTS.items())
@pytest.mark.parametrize("braces", ["{word}", "{{x}}"])
def test_a_path_of_an_input(path: str, beside: dict[str, Any], braces: str) -> None:
    value = f"my {braces}/a.parquet"
    with pytest.raises(InputError) as raised:
        load_config(overlay(path, value, beside))
    sentence, _, example = str(raised.value).partition(". Write for example:\n")
    assert (
        sentence.startswith(f"{path} is '{value}'; allowed is a path without `{{") and "make a link to it" in sentence
    )
    assert re.search(r"my (word|x)/a\.parquet", example)


def test_the_folder_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COCO_ROOT", "/data/{coco}")
    with pytest.raises(InputError, match=r"mine → root is null, and COCO_ROOT is '/data/\{coco\}'; allowed is a path"):
        load_config({"datasets": {"mine": {"kind": "coco_it"}}})
    load_config({"datasets": {"mine": {"kind": "coco_it", "root": "data/scenes"}}})


@pytest.mark.parametrize("braces", BRACES)
def test_texts_that_no_rule_fills_in(braces: str) -> None:
    mine = {"kind": "custom", "list": "mine.csv", "root": f"images {braces}", "localisation": False}
    config = load_config(
        {
            "generate": {"source": {"prompts": [f"a {braces} dog"]}},
            "editing": {"captions": {"swaps": [[braces.strip(), "dog"]]}},
            "figures": {"caption_image": braces},
            "fetch": {"sources": f"{braces}/sources.csv", "local_path": f"{braces}/files"},
            "datasets": {"mine": mine, "generated": {"kind": "generated"}},
        }
    )
    assert config.generate.source.prompts == (f"a {braces} dog",)
