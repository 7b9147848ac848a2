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
    generate = config.generate
    if generate.prompts is not None and not makes_images(config):
        path = ("datasets", GENERATED, "kind")
        found = config.datasets[GENERATED].kind if GENERATED in config.datasets else "missing"
        yield Problem(path, f"is {found}; allowed is generated, because `generate` has prompts", path, "generated")
    for name, dataset in config.datasets.items():
        if dataset.kind == "generated" and name != GENERATED:
            matter = f"is generated; allowed is that kind for the dataset `{GENERATED}` only"
            yield Problem(("datasets", name, "kind"), matter, ("datasets", GENERATED, "kind"), "generated")
    if makes_images(config) and generate.prompts is None and generate.list is None:
        matter = "is null; allowed is one prompt or more, because a dataset has `kind` generated"
        yield Problem(("generate", "prompts"), matter, ("generate", "prompts"), ["a dog on a bed"])
    if int(generate.steps * generate.strength) < 1:
        matter = (
            f"is {generate.strength:g}; allowed is {1 / generate.steps:.3g} or more, because of {generate.steps} steps"
        )
        yield Problem(("generate", "strength"), matter, ("generate", "strength"), 0.7)


def gradient_problems(config: Config) -> Iterator[Problem]:
    """Boxes without area, and datasets to explain that do not exist."""
    path = ("gradients", "boxes")
    for number, (x0, y0, x1, y1) in enumerate(config.gradients.boxes or ()):
        if x0 >= x1 or y0 >= y1:
            matter = f"is [{x0}, {y0}, {x1}, {y1}]; allowed is x0 < x1 and y0 < y1"
            yield Problem((*path, number), matter, path, [[0, 0, 16, 16]])
    known = list(config.datasets)
    for number, name in enumerate(config.gradients.explain or ()):
        if name not in known:
            matter = f"is {name!r}; allowed are the names of datasets: {', '.join(known) or 'none is configured'}"
            yield Problem(("gradients", "explain", number), matter, ("gradients", "explain"), known[:1] or ["mine"])
