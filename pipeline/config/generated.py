"""The dataset of images that the study's model makes: it stands in the configuration by its prompts alone."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.config.problems import Problem
from pipeline.config.sections import Config, DatasetSection

# Name of the dataset, and below results/<study>/ the folder of its images, and of the latents they were made through.
GENERATED = "generated"
IMAGES = "images"


def with_generated(config: Config) -> Config:
    """The configuration with the dataset of what `generate` makes, if it makes anything.

    A section `datasets → generated` keeps its keys. Its root is the folder of generate_images, and it has no masks.
    """
    if not makes_images(config):
        return config
    given = config.datasets.get(GENERATED, DatasetSection(kind="generated"))
    root = f"results/{config.study}/{GENERATED}/generate_images"
    dataset = given.model_copy(update={"root": root, "images": IMAGES, "localisation": False})
    return config.model_copy(update={"datasets": {**config.datasets, GENERATED: dataset}})


def makes_images(config: Config) -> bool:
    """Whether the study generates images."""
    return config.generate.prompts is not None or config.generate.list is not None


def generation_problems(config: Config) -> Iterator[Problem]:
    """Values of `generate` and of its dataset that do not go together."""
    generate = config.generate
    if generate.prompts is not None and generate.list is not None:
        matter = f"is {generate.list!r}; allowed is null, because `prompts` are given"
        yield Problem(("generate", "list"), matter, ("generate", "list"), None)
    for name, dataset in config.datasets.items():
        if dataset.kind == "generated" and name != GENERATED:
            matter = f"is generated; allowed is that for the dataset `{GENERATED}` alone"
            yield Problem(("datasets", name, "kind"), matter, ("datasets", GENERATED, "kind"), "generated")
    named = config.datasets.get(GENERATED)
    if named is not None and named.kind == "generated":
        if not makes_images(config):
            matter = "is null; allowed are one prompt or more, because a dataset has `kind` generated"
            yield Problem(("generate", "prompts"), matter, ("generate", "prompts"), ["a dog on a bed"])
        for key, wrong in (("localisation", True), ("list", named.list), ("root", named.root)):
            if key in named.model_fields_set and wrong:
                allowed = "false, because generated images have no masks" if key == "localisation" else "null"
                matter = f"is {str(wrong).lower() if wrong is True else repr(wrong)}; allowed is {allowed}"
                path = ("datasets", GENERATED, key)
                yield Problem(path, matter, path, False if key == "localisation" else None)
    elif makes_images(config) and (named is not None or GENERATED in config.retrieval_datasets):
        where = "datasets" if named is not None else "retrieval_datasets"
        matter = "is the name of the images that `generate` makes; allowed is another name"
        yield Problem((where, GENERATED), matter, (where, "mine", "kind"), "custom")
    if int(generate.steps * generate.strength) < 1:
        matter = (
            f"is {generate.strength:g}; allowed is {1 / generate.steps:.3g} or more, because of {generate.steps} steps"
        )
        yield Problem(("generate", "strength"), matter, ("generate", "strength"), 0.7)


def gradient_problems(config: Config) -> Iterator[Problem]:
    """Boxes without area, and datasets to explain that there are not."""
    path = ("gradients", "boxes")
    for number, (x0, y0, x1, y1) in enumerate(config.gradients.boxes or ()):
        if x0 >= x1 or y0 >= y1:
            matter = f"is [{x0}, {y0}, {x1}, {y1}]; allowed is x0 < x1 and y0 < y1"
            yield Problem((*path, number), matter, path, [[0, 0, 16, 16]])
    known = [*config.datasets, *([GENERATED] if makes_images(config) else [])]
    for number, name in enumerate(config.gradients.explain or ()):
        if name not in known:
            matter = (
                f"is {name!r}; allowed are the names of datasets: {', '.join(dict.fromkeys(known)) or 'there is none'}"
            )
            yield Problem(("gradients", "explain", number), matter, ("gradients", "explain"), known[:1] or ["mine"])
