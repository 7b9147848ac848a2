"""Keys of samples that conflict are refused before anything is drawn, with the value that would do."""

from __future__ import annotations

from typing import Any

import pytest

from infodecomp.config.representation_samples import RepresentationJudgingSection, RepresentationSamplesSection
from infodecomp.config.sample_problems import FEATURES, sample_problems
from infodecomp.representation.factor_classifier import FactorClassifier


@pytest.mark.parametrize(
    ("samples", "judging", "found"),
    [
        ({}, {}, []),
        ({"split_step": 20}, {}, ["samples.split_step is 20; allowed is less than `steps`, 20 → 13"]),
        (
            {"count": 32},
            {},
            ["samples.count is 32; allowed is more than 32, because FID needs more images than classifier"],
        ),
        ({"count": 32}, {"features": ()}, []),
        ({"count": 800}, {"features": ("dinov2",)}, ["judging.dinov2 is null; allowed is the place of its weights"]),
        ({"count": 800}, {"features": ("dinov2",), "dinov2": "dinov2"}, []),
        (
            {"count": 3000},
            {"features": ("inception",), "inception": "x"},
            ["judging.real is 2000; allowed is more than 2048"],
        ),
    ],
)
def test_conflicts(samples: dict[str, Any], judging: dict[str, Any], found: list[str]) -> None:
    problems = sample_problems(RepresentationSamplesSection(**samples), RepresentationJudgingSection(**judging))
    texts = [f"{'.'.join(problem.path[1:])} {problem.matter} → {problem.right_value}" for problem in problems]
    assert len(texts) == len(found) and all(text.startswith(start) for text, start in zip(texts, found, strict=True))


def test_the_classifier_has_as_many_features_as_is_said() -> None:
    assert FactorClassifier((2,)).num_features == FEATURES["classifier"]
