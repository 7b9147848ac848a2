"""Keys of samples and of their judging that conflict with each other."""

from __future__ import annotations

from collections.abc import Iterator

from infodecomp.config.problems import Problem
from infodecomp.config.representation_samples import RepresentationJudgingSection, RepresentationSamplesSection

# Features of each network: FID needs more images than these.
FEATURES = {"classifier": 32, "dinov2": 768, "inception": 2048}


def sample_problems(samples: RepresentationSamplesSection, judging: RepresentationJudgingSection) -> Iterator[Problem]:
    """The split lies among the moves, networks of features have weights, and there are more images than features."""
    path = ("representation", "samples", "split_step")
    if samples.split_step >= samples.steps:
        matter = f"is {samples.split_step}; allowed is less than `steps`, {samples.steps}"
        yield Problem(path, matter, path, samples.steps * 2 // 3)
    for name in judging.features:
        if name != "classifier" and getattr(judging, name) is None:
            path = ("representation", "judging", name)
            matter = f"is null; allowed is the place of its weights, because `features` has {name}"
            yield Problem(path, matter, ("representation", "judging", "features"), ["classifier"])
        for section, key, count in (("samples", "count", samples.count), ("judging", "real", judging.real)):
            if count <= FEATURES[name]:
                path = ("representation", section, key)
                needed = f"more than {FEATURES[name]}, because FID needs more images than {name} has features"
                matter = f"is {count}; allowed is {needed}"
                yield Problem(path, matter, path, 2 * FEATURES[name])
