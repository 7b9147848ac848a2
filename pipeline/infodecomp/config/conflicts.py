"""Values of a configuration that are each allowed but conflict with each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from infodecomp.config.dataset_names import dataset_name_problems
from infodecomp.config.datasets import DatasetSection
from infodecomp.config.draws import draw_problems
from infodecomp.config.editing import EditingSection
from infodecomp.config.generated import generation_problems, gradient_problems
from infodecomp.config.image_problems import image_problems
from infodecomp.config.keys import example_at
from infodecomp.config.problems import Problem
from infodecomp.config.retrieval import SecondModel
from infodecomp.config.retrieval_datasets import OrderRetrievalDataset, RetrievalDataset
from infodecomp.config.sample_problems import sample_problems
from infodecomp.config.study import Config
from infodecomp.config.wildcards import wildcard_problems


def conflicts(config: Config) -> Iterator[Problem]:
    """Every such problem, each with values that would not conflict."""
    yield from dataset_name_problems(config)
    yield from wildcard_problems(config)
    yield from _parts(config)
    yield from _retrieval_files(config.retrieval_datasets)
    yield from draw_problems(config)
    yield from generation_problems(config)
    yield from gradient_problems(config)
    yield from _repeated_values(config)
    yield from _second_models(config)
    yield from _flow_steps(config.editing)
    yield from _swaps(config.editing)
    yield from _faithfulness(config)
    yield from _described(config)
    yield from image_problems(config.representation.images)
    yield from sample_problems(config.representation.samples, config.representation.judging)
    thresholds = config.localisation.thresholds
    if not thresholds.low < thresholds.high:
        path = ("localisation", "thresholds", "high")
        yield Problem(path, f"is {thresholds.high}; allowed is a number > low = {thresholds.low}", path, 0.5)


def _parts(config: Config) -> Iterator[Problem]:
    """Every part that was chosen has something to do; where all are chosen that need data, those without are left out."""
    missing = {
        "localisation": None if config.datasets else "`datasets` is empty",
        "retrieval": None if config.retrieval_datasets else "`retrieval_datasets` is empty",
        "editing": _none_of(config.datasets, "editing"),
        "pairs": _none_of(config.datasets, "word_pairs"),
        "faithfulness": None if config.judged_datasets else "it names no dataset whose maps are judged",
    }
    if missing.keys() <= set(config.parts):
        return
    for number, part in enumerate(config.parts):
        if reason := missing.get(part):
            left = [one for one in config.parts if not missing.get(one)] or ["validation"]
            matter = f"is {part}; allowed are parts with something to do, and {reason}"
            yield Problem(("parts", number), matter, ("parts",), left)


def _none_of(datasets: Mapping[str, DatasetSection], key: str) -> str | None:
    return None if any(getattr(one, key) for one in datasets.values()) else f"no dataset has `{key}: true`"


def _retrieval_files(datasets: Mapping[str, RetrievalDataset]) -> Iterator[Problem]:
    for name, dataset in datasets.items():
        mirror = dataset.file.endswith(".parquet")
        path = ("retrieval_datasets", name, "images")
        if not mirror and dataset.images is None:
            matter = "is null; allowed is a folder, because `file` is JSON, which only names its images"
            yield Problem(path, matter, path, str(Path(dataset.file).parent))
        if mirror and dataset.images is not None:
            matter = f"is {json.dumps(dataset.images)}; allowed is null, because a Parquet mirror has its images inside"
            yield Problem(path, matter, path, None)
        if not isinstance(dataset, OrderRetrievalDataset):
            continue
        path = ("retrieval_datasets", name, "tagger")
        if not mirror and dataset.tagger is None:
            matter = (
                "is null; allowed is `scenes` or a spaCy pipeline, because the captions of "
                f"`kind` {dataset.kind} in JSON are shuffled by word class"
            )
            yield Problem(path, matter, path, "en_core_web_sm")
        if mirror and dataset.tagger is not None:
            found = json.dumps(dataset.tagger)
            matter = f"is {found}; allowed is null, because a Parquet mirror has its false captions inside"
            yield Problem(path, matter, path, None)


def _repeated_values(config: Config) -> Iterator[Problem]:
    start: Any = config
    path: tuple[str, ...]
    for path in (
        ("parts",),
        ("gradients", "explanation", "boxes"),
        ("gradients", "datasets"),
        ("generate", "source", "prompts"),
        ("generate", "source", "seeds"),
        ("localisation", "methods"),
        ("localisation", "estimators"),
        ("faithfulness", "datasets"),
        ("faithfulness", "judging", "estimators"),
        ("retrieval", "methods"),
        ("pairs", "selection", "kinds"),
        ("representation", "models"),
        ("validation", "problems"),
        ("validation", "grid", "designs"),
        ("validation", "grid", "densities"),
        ("validation", "grid", "antithetic_eps"),
    ):
        values = reduce(getattr, path, start) or ()
        if len(set(values)) < len(values):
            matter = f"is {json.dumps(values)}; allowed is each value once"
            yield Problem(path, matter, path, list(dict.fromkeys(values)))


def _described(config: Config) -> Iterator[Problem]:
    """Results of a model go to a folder of its name, the last part of its own folder, beside those of the images."""
    entries, path = config.representation.models, ("representation", "models")
    if len(set(entries)) == len(entries) != len(config.described):
        matter = f"is {json.dumps(entries)}; allowed are folders of different names, because results go to such folders"
        yield Problem(path, matter, path, list(config.described.values()))
    for name in {"images", "logs"} & config.described.keys():
        matter = (
            f"is {json.dumps(entries)}; allowed are folders of other names, because the study writes `{name}` itself"
        )
        yield Problem(path, matter, path, ["factors"])


def _second_models(config: Config) -> Iterator[Problem]:
    for method in get_args(SecondModel):
        if method in config.retrieval.methods and method not in config.models:
            matter = f"is missing; allowed are the keys of `model`, because `methods` of `retrieval` names {method}"
            right = ("models", method, "id")
            yield Problem(("models", method), matter, right, example_at(right))


def _flow_steps(editing: EditingSection) -> Iterator[Problem]:
    """The flow needs a first and a last noise level."""
    if editing.flow.sampler != "ddim" and editing.flow.steps < 2:
        path = ("editing", "flow", "steps")
        matter = f"is {editing.flow.steps}; allowed is a whole number ≥ 2, because `sampler` is {editing.flow.sampler}"
        yield Problem(path, matter, path, 2)


def _swaps(editing: EditingSection) -> Iterator[Problem]:
    """A word has one partner, which is another word."""
    path, seen, kept = ("editing", "captions", "swaps"), set[str](), list[list[str]]()
    for number, pair in enumerate(editing.captions.swaps):
        words = [word.lower() for word in pair]
        repeated = [word for word in words if word in seen]
        found = f"is {json.dumps(list(pair), ensure_ascii=False)}"
        if any(not word or word != word.strip() for word in words):
            matter = f"{found}; allowed are two words without spaces around them"
        elif words[0] == words[1]:
            matter = f"{found}; allowed are two different words"
        elif repeated:
            matter = f"{found}; allowed are words that are in no other pair, and {repeated[0]!r} is"
        else:
            kept.append(list(pair))
            seen.update(words)
            continue
        yield Problem((*path, number), matter, path, kept or [["dog", "cat"]])


def _faithfulness(config: Config) -> Iterator[Problem]:
    """Datasets exist, shares increase, draws come in pairs, and some method ranks pixels."""
    section, where = config.faithfulness, "faithfulness"
    for number, name in enumerate(section.datasets or ()):
        if name not in config.datasets:
            matter = (
                f"is {name!r}; allowed are the names of datasets: {', '.join(config.datasets) or 'none is configured'}"
            )
            yield Problem(
                (where, "datasets", number), matter, (where, "datasets"), list(config.datasets)[:1] or ["mine"]
            )
    fractions = section.judging.fractions
    if not all(earlier < later for earlier, later in pairwise(fractions)):
        matter = f"is {list(fractions)}; allowed are increasing numbers"
        yield Problem((where, "judging", "fractions"), matter, (where, "judging", "fractions"), sorted(set(fractions)))
    if "faithfulness" in config.parts and config.judged_datasets and not config.judged_methods:
        matter = f"is {list(config.localisation.methods)}; allowed is one more, because `faithfulness` judges maps"
        yield Problem(("localisation", "methods"), matter, ("localisation", "methods"), ["cmi"])
