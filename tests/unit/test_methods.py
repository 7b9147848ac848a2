"""The table of methods: complete, and light enough for the configuration to import."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from infodecomp.config import LocalisationSection
from infodecomp.config.retrieval import RetrievalMethod
from infodecomp.maps import made
from infodecomp.maps.setting import Setting
from infodecomp.methods import METHODS, OF_EVERY_CASE, OF_PAIRS, RETRIEVAL_STYLES, SOURCES, recorded_maps
from infodecomp.metrics.word_parts import PROMPTS_A_PAIR


def test_every_map_is_recorded_or_has_a_function() -> None:
    for key, method in METHODS.items():
        assert key == method.key
        assert set(method.sources) <= set(SOURCES)
        assert not (method.sources and method.made_from)
        assert callable(getattr(made, key, None)) == bool(method.made_from)
        assert method.has_map == (key != "whole_image")
        for part in Setting(key, "orthogonal", 100).parts if method.made_from else ():
            assert METHODS[part.method].sources and part.steps == 100


def test_costs() -> None:
    assert METHODS["unique"].evaluations == PROMPTS_A_PAIR
    assert [METHODS[key].evaluations for key in ("whole_image", "mi", "cmi", "attention_information")] == [0, 2, 2, 1]


def test_what_must_be_recorded() -> None:
    assert recorded_maps(["whole_image"]) == set()
    assert recorded_maps(["cmi_times_attention"]) == {"information", "attention"}
    assert recorded_maps(["unique", "gradient"]) == {"pairs", "gradients"}


def test_the_configuration_offers_these_methods() -> None:
    assert (
        LocalisationSection().methods
        == OF_EVERY_CASE
        == tuple(key for key in METHODS if key not in OF_PAIRS and not METHODS[key].joint)
    )
    assert LocalisationSection(methods=tuple(METHODS)).methods == tuple(METHODS)
    with pytest.raises(ValueError, match="'whole_image', 'shuffled', 'saliency'"):
        LocalisationSection(methods=("another",))
    assert set(RETRIEVAL_STYLES) == set(get_args(RetrievalMethod)) | {"text_only"}


def test_the_table_imports_nothing_heavy() -> None:
    program = (
        "import sys, infodecomp.methods; print(sorted({'numpy', 'pandas', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"
