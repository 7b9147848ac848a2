"""The dataset of images that the study's model generates from prompts."""

from __future__ import annotations

from collections.abc import Iterator

from infodecomp.config.problems import Problem
from infodecomp.config.study import Config

# Name of the dataset, and of its folder below results/<study>/.
GENERATED = "generated"


def with_generated(config: Config) -> Config:
    """The configuration with the folder of generate_images as the root of the generated dataset, if there is one."""
    if not makes_images(config):
        return config
    root = f"results/{config.study}/{GENERATED}/generate_images"
    dataset = config.datasets[GENERATED].model_copy(update={"root": root})
    return config.model_copy(update={"datasets": {**config.datasets, GENERATED: dataset}})


def makes_images(config: Config) -> bool:
    """Whether the study generates images."""
    named = config.datasets.get(GENERATED)
    return named is not None and named.kind == "generated"


def generation_problems(config: Config) -> Iterator[Problem]:
    """Values of `generate` and of its dataset that conflict."""
    source, sampling = config.generate.source, config.generate.sampling
    if source.prompts is not None and not makes_images(config):
        path = ("datasets", GENERATED, "kind")
        found = config.datasets[GENERATED].kind if GENERATED in config.datasets else "missing"
        yield Problem(path, f"is {found}; allowed is generated, because `generate` has prompts", path, "generated")
    for name, dataset in config.datasets.items():
        if dataset.kind == "generated" and name != GENERATED:
            matter = f"is generated; allowed is that kind for the dataset `{GENERATED}` only"
            yield Problem(("datasets", name, "kind"), matter, ("datasets", GENERATED, "kind"), "generated")
    if makes_images(config) and source.prompts is None and source.list is None:
        matter = "is null; allowed is one prompt or more, because a dataset has `kind` generated"
        yield Problem(("generate", "source", "prompts"), matter, ("generate", "source", "prompts"), ["a dog on a bed"])
    if int(sampling.steps * sampling.strength) < 1:
        matter = (
            f"is {sampling.strength:g}; allowed is {1 / sampling.steps:.3g} or more, because of {sampling.steps} steps"
        )
        yield Problem(("generate", "sampling", "strength"), matter, ("generate", "sampling", "strength"), 0.7)


def gradient_problems(config: Config) -> Iterator[Problem]:
    """Boxes without area, and datasets to explain that do not exist."""
    path = ("gradients", "explanation", "boxes")
    for number, (x0, y0, x1, y1) in enumerate(config.gradients.explanation.boxes or ()):
        if x0 >= x1 or y0 >= y1:
            matter = f"is [{x0}, {y0}, {x1}, {y1}]; allowed is x0 < x1 and y0 < y1"
            yield Problem((*path, number), matter, path, [[0, 0, 16, 16]])
    known = list(config.datasets)
    for number, name in enumerate(config.gradients.datasets or ()):
        if name not in known:
            matter = f"is {name!r}; allowed are the names of datasets: {', '.join(known) or 'none is configured'}"
            yield Problem(("gradients", "datasets", number), matter, ("gradients", "datasets"), known[:1] or ["mine"])
