"""The configuration: every key with its default, range and meaning.

`config.yaml` is generated from this file (`python -m pipeline write_config`); its values are the embedded demo study.
Snakemake merges overlays (`--configfile`) into it, `load_config` checks the result, and each stage gets its own
section as JSON.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError
from pydantic.fields import FieldInfo

from pipeline.errors import InputError

# Names become folder names, and parts of them words of a file name.
_NAME = r"^[A-Za-z0-9_-]+$"
_NAME_MEANING = "letters, digits, `_` and `-`"

Steps = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
# A model has 1000 timesteps, and the path starts one stride below the last.
AttentionSteps = Annotated[tuple[Annotated[int, Field(ge=1, le=999)], ...], Field(min_length=1)]
Method = Literal[
    "whole_image", "shuffled", "saliency", "attention", "mi", "cmi", "attention_information", "cmi_times_attention"
]
Estimator = Literal["orthogonal", "standard"]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values are not converted, and nothing changes once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ScenesSection(Section):
    """The embedded evaluation scenes, drawn anew from their seed."""

    seed: int = Field(0, ge=0, description="another seed draws other scenes; never those of training")
    count: int = Field(240, ge=1, description="number of pictures")
    folder: str = Field("data/scenes", min_length=1, description="where they are written, in COCO layout")


class DatasetSection(Section):
    """One dataset of images, captions and words."""

    kind: Literal["coco_it", "word_list", "custom"] = Field(
        description="cases from every category named in a caption, a list of words, or your own CSV"
    )
    root: str | None = Field(
        None,
        description="folder in COCO layout (null: $COCO_ROOT or data/coco); custom: start of the CSV's paths",
    )
    images: str = Field("val2017", description="image folder below root")
    instances: str = Field("annotations/instances_val2017.json", description="objects and masks, below root")
    captions: str = Field("annotations/captions_val2017.json", description="captions, below root")
    list: str | None = Field(
        None,
        description="word_list: CSV of image_id, caption_id, label, word, word_type; "
        "custom: CSV of image, caption, word (and mask, label)",
    )
    word_removal: Literal["word", "substring"] = Field(
        "word", description="take it out of the caption as a whole word, or wherever its letters stand"
    )
    crowd: Literal["include", "exclude"] = Field("include", description="crowd regions are part of a category's mask")
    first: int | None = Field(None, ge=1, description="take only the first so many cases (null: all)")
    per_label: int | None = Field(None, ge=1, description="take only the first so many cases of each label (null: all)")
    localisation: bool = Field(True, description="the words have masks: score them; false: heat maps only")


class ModelSection(Section):
    """The diffusion model."""

    id: str = Field(
        "data/models/scenes",
        min_length=1,
        description="folder of a diffusers pipeline, or its id on the Hugging Face Hub",
    )
    revision: str | None = Field(None, description="commit on the Hub (null: the newest)")
    variant: str | None = Field(None, description="weight files of this variant, such as fp16 (null: the plain ones)")
    dtype: Literal["float32", "float16", "bfloat16"] = Field("float32", description="number format of the model")
    resize: Literal["squeeze", "letterbox"] = Field(
        "squeeze", description="fit images to the model's size by stretching or by padding"
    )
    latents: Literal["mean", "sample"] = Field("mean", description="latent of an image: the encoder's mean or one draw")


class InformationSection(Section):
    """The estimator of information: where the integral over log-SNR is sampled, and between which prompts."""

    density: Literal["logistic", "uniform", "grid"] = Field(
        "logistic", description="density of the log-SNRs, whose inverse weights the integrand"
    )
    design: Literal["iid", "stratified", "midpoint", "sobol"] = Field(
        "stratified", description="how the draws are spread over the density"
    )
    antithetic_eps: bool = Field(True, description="draw log-SNRs in pairs with noise of opposite sign")
    loc: float = Field(1.0, description="centre of the log-SNRs")
    scale: float = Field(2.0, gt=0, description="their scale")
    clip: float = Field(3.0, gt=0, description="log-SNRs reach from loc - clip*scale to loc + clip*scale")
    beyond_trained_range: bool = Field(
        False, description="do not cut that range to the log-SNRs the model was trained on"
    )
    steps: Steps = Field((50, 100), description="numbers of draws to report, nested in one run")
    word_prompt: Literal["word", "label"] = Field(
        "word", description="prompt of MI: the word as it stands in the caption, or its label"
    )
    missing_word: Literal["delete", "underscore"] = Field(
        "delete", description="caption without the word: take it out, or write `_` for it"
    )


class AttentionSection(Section):
    """Cross-attention maps of words."""

    heads: Literal["all", "second_half"] = Field("all", description="attention heads that are averaged")
    image_range: Literal["signed", "unit"] = Field(
        "signed", description="pixel values given to the encoder: -1 to 1 as in its training, or 0 to 1"
    )
    steps: AttentionSteps = Field((25, 50), description="steps of inversion and of denoising, one run each")


class ThresholdsSection(Section):
    """Thresholds on min-max scaled maps, evenly spaced."""

    low: float = Field(0.1, ge=0, lt=1, description="lowest")
    high: float = Field(0.5, ge=0, lt=1, description="highest")
    count: int = Field(50, ge=2, description="how many")


class LocalisationSection(Section):
    """How maps are compared with masks."""

    methods: Annotated[tuple[Method, ...], Field(min_length=1)] = Field(
        get_args(Method), description="rows of the table"
    )
    estimators: Annotated[tuple[Estimator, ...], Field(min_length=1)] = Field(
        get_args(Estimator), description="for methods that measure information"
    )
    thresholds: ThresholdsSection = Field(
        ThresholdsSection(), description="Thresholds on min-max scaled maps, evenly spaced"
    )
    bootstrap: int = Field(2000, ge=100, description="resamples of images behind each interval")
    confidence: float = Field(0.95, gt=0, lt=1, description="level of the intervals")
    map_size: int = Field(64, ge=8, description="side in pixels at which maps (bilinear) meet masks (nearest)")


class FiguresSection(Section):
    """How figures look."""

    palette: Literal["cividis", "viridis", "magma", "inferno", "plasma"] = Field(
        "cividis", description="colours of heat maps, all perceptually uniform"
    )
    panels: int = Field(12, ge=1, description="cases shown as panels, for each dataset")
    format: Literal["pdf", "png", "svg"] = Field("pdf", description="file format")


class ScenesModelSection(Section):
    """Recipe of the embedded model; used only by `snakemake train_scenes_model`."""

    seed: int = Field(0, ge=0, description="seed of weights, scenes and noise")
    text_steps: int = Field(1200, ge=1, description="steps of the text encoder")
    decoder_steps: int = Field(1600, ge=1, description="steps of the autoencoder's decoder")
    unet_steps: int = Field(11500, ge=1, description="steps of the denoiser")
    batch: int = Field(32, ge=1, description="scenes in a step")
    learning_rate: float = Field(0.001, gt=0, description="peak learning rate of the denoiser")
    text_learning_rate: float = Field(0.00002, ge=0, description="that of the text encoder while the denoiser learns")
    decay_from: float = Field(0.7, ge=0, lt=1, description="share of the steps after which the learning rate falls")
    bind_from: int = Field(
        2000, ge=0, description="step from which most scenes hold two things and most captions say which is where"
    )
    bind_until: int = Field(5000, ge=0, description="step from which the mixture is the first one again")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights, which are the ones saved")
    hide_padding: float = Field(0.5, ge=0, le=1, description="share of prompts whose padding the denoiser cannot read")
    focus: float = Field(
        0.6, ge=0, le=1, description="share of noise levels drawn where words tell most (log-SNR -2.4 to 3)"
    )
    silence: float = Field(
        0.8, ge=0, le=1, description="share of prompts left empty at log-SNRs where the scene is plain to see (above 2)"
    )


class MachineSection(Section):
    """Facts about the computer. They never change a result, and changing them runs nothing again."""

    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="auto: a GPU where there is one, else the CPU",
    )
    batch_size: int = Field(64, ge=1, description="rows in one call of the denoiser")
    threads: int | None = Field(None, ge=1, description="CPU threads of a job that runs the model (null: one)")


_DEMO_DATASETS = {
    "scenes": DatasetSection(kind="coco_it", root="data/scenes", first=120),
    "scenes_words": DatasetSection(
        kind="word_list", root="data/scenes", list="data/scenes/words.csv", localisation=False
    ),
}


class Config(Section):
    """A whole study."""

    study: str = Field("demo", pattern=_NAME, description="results go to results/<study>/")
    seed: int = Field(0, ge=0, description="seed of every draw; results depend on nothing else that is random")
    shards: int = Field(2, ge=1, description="jobs into which the images of a dataset are divided")
    max_failed_fraction: float = Field(0.05, ge=0, le=1, description="a stage fails when more of its cases failed")
    scenes: ScenesSection = Field(ScenesSection(), description="The embedded evaluation scenes, drawn from their seed")
    datasets: dict[str, DatasetSection] = Field(
        _DEMO_DATASETS,
        description="Datasets by name; results go to results/<study>/<name>/. An overlay adds to them; "
        "`name: null` takes one out",
    )
    model: ModelSection = Field(ModelSection(), description="The diffusion model")
    information: InformationSection = Field(InformationSection(), description="The estimator of information")
    attention: AttentionSection = Field(AttentionSection(), description="Cross-attention maps of words")
    localisation: LocalisationSection = Field(LocalisationSection(), description="How maps are compared with masks")
    figures: FiguresSection = Field(FiguresSection(), description="How figures look")
    scenes_model: ScenesModelSection = Field(
        ScenesModelSection(), description="Recipe of the embedded model, for `snakemake train_scenes_model` only"
    )
    machine: MachineSection = Field(
        MachineSection(), description="The computer: never changes a result, and changing it runs nothing again"
    )


SectionType = TypeVar("SectionType", bound=Section)


def default_config() -> Config:
    """The embedded demo study."""
    return Config()


def load_config(mapping: Mapping[str, Any]) -> Config:
    """Check a merged configuration and return it typed; a dataset whose value is null is left out.

    Raises InputError with one paragraph a problem: key path, value found, what is allowed, and the YAML to paste.
    """
    settled = dict(mapping)
    if isinstance(settled.get("datasets"), Mapping):
        settled["datasets"] = {name: data for name, data in settled["datasets"].items() if data is not None}
    try:
        config = Config.model_validate_json(json.dumps(settled, default=str))
    except ValidationError as error:
        found = [_schema_problem(details) for details in error.errors()]
        # A list whose only entry is wrong is reported twice: for the entry, and as a list that is too short.
        problems = [
            p for p in found if not any(len(p.path) < len(q.path) and q.path[: len(p.path)] == p.path for q in found)
        ]
    else:
        problems = list(_conflicts(config))
        if not problems:
            return config
    raise InputError("\n".join(problem.text() for problem in problems))


def section_json(section: BaseModel) -> str:
    """One section as JSON with sorted keys, as rules pass it to stages; equal values give equal text."""
    return json.dumps(section.model_dump(mode="json"), sort_keys=True)


def parse_section(cls: type[SectionType], text: str) -> SectionType:
    """The reverse of `section_json`; InputError if the text does not hold that section."""
    try:
        return cls.model_validate_json(text)
    except ValidationError as error:
        details = error.errors()[0]
        where = " → ".join(map(str, details["loc"])) or "the text"
        raise InputError(f"{cls.__name__}: {where} is {details['input']!r}: {details['msg']}.") from error


def render_yaml(config: Config) -> str:
    """The whole configuration as YAML, with a comment for each key."""
    header = [
        "# The embedded demo study. Generated from pipeline/config.py by `python -m pipeline write_config`.",
        "# Change values in an overlay of your own: snakemake --cores all --configfile my.yaml",
        "",
    ]
    return "\n".join([*header, *_render(config, indent=0, commented=True), ""])


# --- Problems -------------------------------------------------------------------------------------------------------


class _Problem(NamedTuple):
    """One thing wrong with a configuration: where, what is the matter, and a key and value that would be right."""

    path: tuple[str | int, ...]
    matter: str
    right_path: tuple[str, ...]
    right_value: Any

    def text(self) -> str:
        lines = [f"{' → '.join(map(str, self.path))} {self.matter}. Write for example:"]
        for depth, key in enumerate(self.right_path[:-1]):
            lines.append(f"{'  ' * (depth + 1)}{key}:")
        lines.append(f"{'  ' * len(self.right_path)}{self.right_path[-1]}: {_scalar(self.right_value)}")
        return "\n".join(lines)


def _schema_problem(details: Any) -> _Problem:
    """What one pydantic error means for the author of the YAML."""
    path: tuple[str | int, ...] = details["loc"]
    keys = tuple(str(key) for key in path if not isinstance(key, int))
    if details["type"] == "extra_forbidden":
        return _unknown_key(path, keys, details["input"])
    field = _field(keys)
    allowed = _allowed(field.annotation, field.metadata) if field else "a section of keys and values"
    if details["type"] == "missing":
        matter = f"is missing; allowed is {allowed}"
    else:
        matter = f"is {json.dumps(details['input'], default=str)}; allowed is {allowed}"
        if _is_exponent_text(details["input"]):
            matter += "; YAML takes a number with an exponent only with a point and a sign, such as 1.0e-3"
    if field is None:
        # A whole section has another shape: show its first key.
        section = _section(keys)
        first = next(iter(section.model_fields)) if section else "kind"
        keys = (*keys, first)
    return _Problem(path, matter, keys, _example(keys))


def _unknown_key(path: tuple[str | int, ...], keys: tuple[str, ...], found: Any) -> _Problem:
    section = _section(keys[:-1])
    valid = list(section.model_fields) if section else []
    near = difflib.get_close_matches(keys[-1], valid, n=1, cutoff=0.5)
    right = (*keys[:-1], near[0] if near else valid[0])
    matter = "is not a key; " + (f"the nearest valid key is `{near[0]}`" if near else f"valid keys: {', '.join(valid)}")
    usable = near and not isinstance(found, dict | list) and not _is_section(right)
    if _is_section(right):
        inner = _section(right)
        right = (*right, next(iter(inner.model_fields))) if inner else (*right, "scenes", "kind")
    return _Problem(path, matter, right, found if usable else _example(right))


def _conflicts(config: Config) -> Iterator[_Problem]:
    """Values that are allowed by themselves but not together."""
    yield from _dataset_conflicts(config.datasets)
    yield from _steps_conflicts(config)
    thresholds = config.localisation.thresholds
    if not thresholds.low < thresholds.high:
        path = ("localisation", "thresholds", "high")
        yield _Problem(path, f"is {thresholds.high}; allowed is a number > low = {thresholds.low}", path, 0.5)
    for key in ("methods", "estimators"):
        values = getattr(config.localisation, key)
        if len(set(values)) < len(values):
            path2 = ("localisation", key)
            matter = f"is {json.dumps(values)}; allowed is each value once"
            yield _Problem(path2, matter, path2, list(dict.fromkeys(values)))


def _dataset_conflicts(datasets: Mapping[str, DatasetSection]) -> Iterator[_Problem]:
    if not datasets:
        yield _Problem(
            ("datasets",), "is empty; a study needs one dataset or more", ("datasets", "scenes", "kind"), "coco_it"
        )
    for name, dataset in datasets.items():
        path = ("datasets", name)
        if not re.match(_NAME, name):
            near = re.sub(r"[^A-Za-z0-9_-]+", "_", name) or "my_images"
            matter = f"is no name for a dataset; allowed are {_NAME_MEANING}"
            yield _Problem(path, matter, ("datasets", near, "kind"), dataset.kind)
        if dataset.kind != "coco_it" and dataset.list is None:
            matter = f"is null; allowed is the path of a CSV, because `kind` is {dataset.kind}"
            yield _Problem((*path, "list"), matter, (*path, "list"), "my_words.csv")
        if dataset.kind == "coco_it" and dataset.list is not None:
            matter = f"is {json.dumps(dataset.list)}; allowed is null, because `kind` coco_it reads no list"
            yield _Problem((*path, "list"), matter, (*path, "list"), None)


def _steps_conflicts(config: Config) -> Iterator[_Problem]:
    information = config.information
    for section, steps in (("information", information.steps), ("attention", config.attention.steps)):
        if any(later <= earlier for earlier, later in pairwise(steps)):
            path = (section, "steps")
            yield _Problem(path, f"is {list(steps)}; allowed are increasing numbers", path, sorted(set(steps)))
            return
    steps, path = information.steps, ("information", "steps")
    if information.antithetic_eps and any(n % 2 for n in steps):
        matter = f"is {list(steps)}; allowed are even numbers, because `antithetic_eps` draws in pairs"
        yield _Problem(path, matter, path, sorted({n + n % 2 for n in steps}))
    fewest = 6 if information.antithetic_eps else 3
    if steps[-1] < fewest:
        pairs = ", which `antithetic_eps` draws in pairs" if information.antithetic_eps else ""
        matter = f"is {list(steps)}; allowed is {fewest} or more at its end: a standard error takes three draws{pairs}"
        yield _Problem(path, matter, path, [fewest])
    if len(steps) > 1 and (information.design == "midpoint" or information.density == "grid"):
        reason = "`design` is midpoint" if information.design == "midpoint" else "`density` is grid"
        matter = f"is {list(steps)}; allowed is one number, because {reason} and its points are not nested"
        yield _Problem(path, matter, path, [steps[-1]])
    elif information.design == "stratified" and any(b % a for a, b in pairwise(steps)):
        matter = (
            f"is {list(steps)}; allowed are numbers each of which is a multiple of the one before, because `design` is "
            "stratified and smaller samples are part of larger ones"
        )
        yield _Problem(path, matter, path, [steps[0] * 2**k for k in range(len(steps))])


# --- What a key allows ----------------------------------------------------------------------------------------------


def _section(keys: Sequence[str]) -> type[BaseModel] | None:
    """The section that a key path leads to; None if it leads to `datasets` itself, a plain value or nowhere."""
    section: type[BaseModel] | None = Config
    remaining = list(keys)
    while remaining and section is not None:
        key = remaining.pop(0)
        if section is Config and key == "datasets":
            if not remaining:
                return None
            remaining.pop(0)
            section = DatasetSection
        else:
            annotation = section.model_fields[key].annotation if key in section.model_fields else None
            section = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return section


def _is_section(keys: Sequence[str]) -> bool:
    return _section(keys) is not None or tuple(keys) == ("datasets",)


def _field(keys: Sequence[str]) -> FieldInfo | None:
    """The plain value at a key path, None if that is a section."""
    parent = _section(keys[:-1])
    return parent.model_fields.get(keys[-1]) if parent and not _is_section(keys) else None


def _example(keys: Sequence[str]) -> Any:
    """The default at a key path of plain value, and a valid one where there is no default."""
    if keys[0] == "datasets":
        field = DatasetSection.model_fields[keys[-1]]
        return "coco_it" if field.is_required() else field.default
    value: Any = default_config()
    for key in keys:
        value = getattr(value, key)
    return value


_LIST_OF = "a list with one or more of: "


def _allowed(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """The values of a type in words, such as `a number > 0` or `pdf | png`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _allowed(arguments[0], [*arguments[1:], *metadata])
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if origin in (Union, UnionType):
        choices = [_allowed(choice, metadata) for choice in arguments if choice is not NoneType]
        return " or ".join([*choices, *(["null"] if NoneType in arguments else [])])
    if origin is tuple:
        return _LIST_OF + _allowed(arguments[0])
    if annotation is bool:
        return "true | false"
    if annotation in (int, float):
        return ("a whole number" if annotation is int else "a number") + _range(metadata)
    pattern = next((found for item in metadata if (found := getattr(item, "pattern", None))), None)
    if pattern == _NAME:
        return f"text of {_NAME_MEANING}"
    return "auto | cpu | mps | cuda | cuda:N" if pattern else "text"


def _range(metadata: Sequence[Any]) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    bounds = [
        f"{sign} {bound:g}"
        for item in metadata
        for key, sign in signs.items()
        if (bound := getattr(item, key, None)) is not None
    ]
    return f" {' and '.join(bounds)}" if bounds else ""


def _is_exponent_text(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value) is not None


# --- YAML -----------------------------------------------------------------------------------------------------------

_COMMENT_COLUMN = 40
_WIDTH = 120


def _render(section: BaseModel, indent: int, commented: bool) -> Iterator[str]:
    pad = "  " * indent
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel | dict):
            yield from [""] * (indent == 0)
            yield f"{pad}# {field.description}."
            yield f"{pad}{name}:"
            yield from _render_datasets(value) if isinstance(value, dict) else _render(value, indent + 1, commented)
            continue
        line, comment = f"{pad}{name}: {_scalar(value)}", _comment(field)
        beside = f"{line:<{_COMMENT_COLUMN - 2}}  # {comment}"
        if not commented:
            yield line
        elif len(beside) <= _WIDTH:
            yield beside
        else:
            yield from (f"{pad}# {comment}", line)


def _render_datasets(datasets: Mapping[str, DatasetSection]) -> Iterator[str]:
    """The keys are explained once, at the first dataset."""
    for position, (name, dataset) in enumerate(datasets.items()):
        yield f"  {name}:"
        yield from _render(dataset, indent=2, commented=position == 0)


def _comment(field: FieldInfo) -> str:
    """The description, with the choices or the range where it has them."""
    allowed = _allowed(field.annotation, field.metadata).removeprefix(_LIST_OF)
    limits = allowed if "|" in allowed and field.annotation is not bool else _range(field.metadata).strip()
    return f"{field.description} [{limits}]" if limits else str(field.description)


def _scalar(value: Any) -> str:
    """A plain value or a list of them as YAML on one line."""
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump([plain], default_flow_style=True, width=10**6).strip()[1:-1]
