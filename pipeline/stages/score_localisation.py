"""Score every map of a dataset against the mask of its word: IoU at thresholds, average precision, pointing game."""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from pipeline.config import DatasetSection, LocalisationSection, parse_section
from pipeline.datasets.cases import read_cases
from pipeline.datasets.folders import dataset_root, instances_file
from pipeline.datasets.masks import load_mask, open_instances
from pipeline.errors import InputError
from pipeline.images import Resize, fit_mask
from pipeline.metrics.heatmaps import geometric_mean, is_constant, min_max, upsample_bilinear
from pipeline.metrics.localisation import SCORE_COLUMNS, MapScores, score_map, score_whole_image, threshold_grid
from pipeline.one_model import check_one_model
from pipeline.progress import Progress
from pipeline.provenance import write_provenance
from pipeline.storage import array_names, read_arrays, write_table_rows

STAGE = "score_localisation"

# How much is kept in memory, however many cases there are: masks of images, maps of cases (those of an image's other
# words and of another image serve its controls), and rows of scores.
_IMAGES_AT_HAND, _CASES_AT_HAND, _CASES_AT_ONCE = 8, 32, 16

Record = dict[str, Any]

# Which stage records the maps of a method. attention_information is recorded in the estimator's own evaluations.
_SOURCES: dict[str, tuple[str, ...]] = {
    "mi": ("information",),
    "cmi": ("information",),
    "attention": ("attention",),
    "attention_information": ("information", "attention"),
    "gradient": ("gradients",),
}

# Methods made from recorded maps, which are those of the orthogonal estimator.
_MADE_FROM: dict[str, tuple[tuple[str, str], ...]] = {
    "shuffled": (("cmi", "orthogonal"),),
    "saliency": (("mi", "orthogonal"),),
    "cmi_times_attention": (("cmi", "orthogonal"), ("attention_information", "-")),
}


# Methods whose maps are walked, or are none, so that all have as many steps as their setting says.
_STEPPED = ("whole_image", "attention", "gradient")


class Setting(NamedTuple):
    """One row of the table of methods; `str` of it is the key of its map."""

    method: str
    estimator: str
    steps: int

    def __str__(self) -> str:
        return f"{self.method}/{self.estimator}/{self.steps}"

    @classmethod
    def parse(cls, key: str) -> Setting:
        """The setting of a key such as "cmi/orthogonal/100"."""
        method, estimator, steps = key.split("/")
        return cls(method, estimator, int(steps))


@dataclass(frozen=True)
class Failure:
    """Why there is no score: a code and one sentence."""

    status: str
    reason: str


Outcome = np.ndarray | Failure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases, the shards with the statuses of their maps, and the folders of the maps."""
    parser.add_argument("--cases", type=Path, required=True, help="cases.parquet of the dataset")
    parser.add_argument("--estimates", type=Path, nargs="*", default=[], help="shards of estimate_information")
    parser.add_argument("--attention", type=Path, nargs="*", default=[], help="shards of record_attention")
    parser.add_argument("--gradients", type=Path, nargs="*", default=[], help="shards of record_gradients")
    parser.add_argument("--maps-information", type=Path, required=True, help="folder of <case_id>.npz")
    parser.add_argument("--maps-attention", type=Path, required=True, help="folder of <case_id>.npz")
    parser.add_argument("--maps-gradients", type=Path, help="folder of <case_id>.npz, where --gradients are given")
    parser.add_argument("--dataset-section", required=True, help="the dataset's section of the configuration, JSON")
    parser.add_argument("--section", required=True, help="the localisation section of the configuration, JSON")
    parser.add_argument("--resize", choices=("squeeze", "letterbox"), default="squeeze", help="as the model's images")
    parser.add_argument("--seed", type=int, required=True, help="of the pairing of images for the method shuffled")
    parser.add_argument("--output", type=Path, required=True, help="scores.parquet to write")


def run(args: argparse.Namespace) -> None:
    """Read cases, maps and masks, score them, write the scores and their provenance."""
    section = parse_section(LocalisationSection, args.section)
    dataset = parse_section(DatasetSection, args.dataset_section)
    cases = read_cases(args.cases).sort_values("position", kind="stable")
    shards = {"information": args.estimates, "attention": args.attention, "gradients": args.gradients}
    if args.gradients and args.maps_gradients is None:
        raise InputError("--maps-gradients is missing; --gradients are shards of maps in that folder.")
    tables = [path for paths in shards.values() for path in paths]
    check_one_model(tables)
    folders = {"information": args.maps_information, "attention": args.maps_attention}
    folders |= {"gradients": args.maps_gradients} if args.gradients else {}
    maps = Maps(cases, {name: read_statuses(paths) for name, paths in shards.items()}, folders, args.seed)
    masks = Masks(dataset, section.map_size, args.resize)
    rows, failures = 0, Counter[tuple[str, str]]()

    def frames() -> Iterator[pd.DataFrame]:
        nonlocal rows
        for frame in score_cases(cases, maps, masks, section):
            rows += len(frame)
            failed = frame[frame["status"] != "ok"]
            failures.update(zip(failed["method"], failed["status"], strict=True))
            yield frame

    write_table_rows(args.output, frames(), SCORE_COLUMNS)
    if failures:
        counts = "\n".join(f"{method} {status} {count}" for (method, status), count in sorted(failures.items()))
        print(f"{STAGE}: rows without a score, by method and status:\n{counts}")
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section={"localisation": section.model_dump(mode="json"), "dataset": dataset.model_dump(mode="json")},
        inputs=[args.cases, *tables],
        extra={"seed": args.seed, "resize": args.resize, "rows": rows},
    )


def read_statuses(shards: Sequence[Path]) -> dict[str, Failure | None]:
    """Case id → why its maps are missing, None where they are there, from shard tables.

    Raises InputError for a shard that cannot be read or lacks the columns case_id, status and reason.
    """
    statuses: dict[str, Failure | None] = {}
    for path in shards:
        try:
            with path.open("rb") as handle:  # a handle, so that a name such as a=b is not taken for a partition
                frame = pd.read_parquet(handle, columns=["case_id", "status", "reason"])
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not a readable shard with case_id, status and reason ({error}).") from error
        for case_id, status, reason in frame.itertuples(index=False):
            statuses[str(case_id)] = None if status == "ok" else Failure(str(status), str(reason))
    return statuses


class Maps:
    """The recorded maps of a dataset and those made from them, read when asked for."""

    def __init__(
        self,
        cases: pd.DataFrame,
        statuses: Mapping[str, Mapping[str, Failure | None]],
        folders: Mapping[str, Path],
        seed: int,
    ) -> None:
        """`statuses` and `folders` by source: "information", "attention", "gradients"; `seed` pairs images of `shuffled`."""
        self._statuses, self._folders = statuses, folders
        self._words = dict(zip(cases["case_id"], cases["word"], strict=True))
        usable = cases[cases["status"] == "ok"]
        self._siblings = {str(image): list(rows["case_id"]) for image, rows in usable.groupby("image_id")}
        self._image = dict(zip(usable["case_id"], usable["image_id"], strict=True))
        self._donor = self._pair_images(seed)
        self._read = lru_cache(maxsize=_CASES_AT_HAND)(self._read_case)

    def settings(self, methods: Sequence[str], estimators: Sequence[str]) -> list[Setting]:
        """What can be scored, in the order of `methods`; a method without any map stands once, with 0 steps."""
        keys = {key for case_id in self._image for path in self._files(case_id) for key in array_names(path)}
        recorded = {Setting.parse(key) for key in keys if key.count("/") == 2}
        found = []
        for method in methods:
            allowed = ("-", *estimators) if method in _SOURCES else ("-", "orthogonal")
            known = recorded if method in _SOURCES else set(_made_settings(method, recorded))
            chosen = sorted(s for s in known if s.method == method and s.estimator in allowed)
            found += chosen or [Setting(method, "-", 0)]
        return found

    def heat(self, case_id: str, setting: Setting) -> Outcome:
        """The map (h, w) of a case at the latent image's resolution, or why there is none."""
        if setting.method == "shuffled":
            return self._shuffled(case_id, setting.steps)
        if setting.method == "saliency":
            return self._saliency(case_id, setting.steps)
        if setting.method == "cmi_times_attention":
            return self._product(case_id, setting.steps)
        return self._recorded(case_id, setting)

    def _recorded(self, case_id: str, setting: Setting) -> Outcome:
        heat = self._read(case_id).get(str(setting))
        if heat is None:
            return self._why_missing(case_id, setting)
        if not np.isfinite(heat).all():
            return Failure("non_finite_map", f"the map {setting} has values that are not finite.")
        return Failure("constant_map", f"the map {setting} is constant.") if is_constant(heat) else heat

    def draws(self, case_id: str, setting: Setting) -> int:
        """Steps that a map took: fewer than those of its setting where the estimator ended the case early."""
        if setting.method in _STEPPED:
            return setting.steps
        drawn = self._read(case_id).get("draws")
        return setting.steps if drawn is None else min(setting.steps, int(drawn))

    def _shuffled(self, case_id: str, steps: int) -> Outcome:
        own = self._recorded(case_id, Setting("cmi", "orthogonal", steps))
        if isinstance(own, Failure):
            return own
        donor_image = self._donor[self._image[case_id]]
        if donor_image is None:
            return Failure("no_other_image", "there is no other image with a CMI map.")
        donors = self._with_information(donor_image)
        index = sorted(self._siblings[self._image[case_id]]).index(case_id) % len(donors)
        return self._recorded(donors[index], Setting("cmi", "orthogonal", steps))

    def _saliency(self, case_id: str, steps: int) -> Outcome:
        setting = Setting("mi", "orthogonal", steps)
        own = self._recorded(case_id, setting)
        if isinstance(own, Failure):
            return own
        word = self._words[case_id]
        others = [other for other in self._siblings[self._image[case_id]] if self._words[other] != word]
        heats = [heat for other in others if not isinstance(heat := self._recorded(other, setting), Failure)]
        if not heats:
            return Failure("no_other_word", "the image has no other word with an MI map.")
        mean = np.mean([min_max(heat) for heat in heats], axis=0)
        return Failure("constant_map", "the mean over the other words is constant.") if is_constant(mean) else mean

    def _product(self, case_id: str, steps: int) -> Outcome:
        cmi = self._recorded(case_id, Setting("cmi", "orthogonal", steps))
        attention = self._recorded(case_id, Setting("attention_information", "-", steps))
        if isinstance(cmi, Failure) or isinstance(attention, Failure):
            return cmi if isinstance(cmi, Failure) else attention
        product = geometric_mean(cmi, attention)
        return Failure("constant_map", "the product of the maps is constant.") if is_constant(product) else product

    def _why_missing(self, case_id: str, setting: Setting) -> Failure:
        for source in _SOURCES[setting.method]:
            failure = self._statuses[source].get(case_id)
            if failure is not None:
                return failure
        if not any(case_id in self._statuses[source] for source in _SOURCES[setting.method]):
            return Failure("not_estimated", f"no shard has the case, so there is no map {setting}.")
        return Failure("map_missing", f"the files of the case hold no map {setting}.")

    def _with_information(self, image_id: str) -> list[str]:
        """Cases of an image whose information was estimated, in order of their ids."""
        statuses = self._statuses["information"]
        return sorted(case_id for case_id in self._siblings[image_id] if statuses.get(case_id, 0) is None)

    def _pair_images(self, seed: int) -> dict[str, str | None]:
        """Image → another image: the next on a circle of hashes, so that a new image changes one pair only."""
        estimated = [image for image in self._siblings if self._with_information(image)]
        images = sorted(estimated, key=lambda image: _hash(f"{seed}:shuffled:{image}"))
        if len(images) < 2:
            return dict.fromkeys(self._siblings)
        following = dict(zip(images, [*images[1:], images[0]], strict=True))
        return {image: following.get(image) for image in self._siblings}

    def _files(self, case_id: str) -> Iterator[Path]:
        for source, folder in self._folders.items():
            path = folder / f"{case_id}.npz"
            # A map file without a row in the shards is left over from another run.
            if self._statuses[source].get(case_id, 0) is None and path.is_file():
                yield path

    def _read_case(self, case_id: str) -> dict[str, np.ndarray]:
        return {key: heat for path in self._files(case_id) for key, heat in read_arrays(path).items()}


def _made_settings(method: str, recorded: set[Setting]) -> Iterator[Setting]:
    """Settings of a method made from recorded maps: the steps at which all of these are there."""
    if method == "whole_image":
        yield Setting(method, "-", 0)
        return
    steps = [{s.steps for s in recorded if (s.method, s.estimator) == part} for part in _MADE_FROM[method]]
    yield from (Setting(method, "orthogonal", count) for count in set.intersection(*steps))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Masks:
    """Masks of cases at the size at which maps are compared with them."""

    def __init__(self, dataset: DatasetSection, size: int, resize: Resize) -> None:
        """Open the annotations of `dataset`; InputError if they cannot be read."""
        self._root, self._crowd = dataset_root(dataset), dataset.crowd
        instances = instances_file(dataset)
        self._instances = open_instances(instances) if instances is not None else None
        self._size, self._resize = (size, size), resize

    def of(self, case: Mapping[str, Any]) -> Outcome:
        """The mask (size, size) bool of a row of the cases table, or why there is none to score against."""
        if not case["mask"]:
            return Failure("no_mask", "the case has no mask.")
        try:
            mask = fit_mask(load_mask(case, self._instances, self._root, self._crowd), self._size, self._resize)
        except InputError as error:
            return Failure("mask_unreadable", str(error))
        return mask if mask.any() else Failure("empty_mask", f"the object covers no pixel of {self._size[0]}².")


def score_cases(cases: pd.DataFrame, maps: Maps, masks: Masks, section: LocalisationSection) -> Iterator[pd.DataFrame]:
    """One row per case and setting (`SCORE_COLUMNS`), in the order of the cases; failed ones with their status.

    Frames of some cases each: the rows of all would take more memory than anything else.
    """
    settings = maps.settings(section.methods, section.estimators)
    thresholds = threshold_grid(**section.thresholds.model_dump())
    records = {image: cast(list[Record], rows.to_dict("records")) for image, rows in cases.groupby("image_id")}

    @lru_cache(maxsize=_IMAGES_AT_HAND)
    def found(image: str) -> dict[str, Outcome]:
        return {case["case_id"]: masks.of(case) for case in records[image] if case["status"] == "ok"}

    with Progress(STAGE, total=len(cases), unit="cases") as progress:
        for start in range(0, len(cases), _CASES_AT_ONCE):
            rows = []
            for case in cast(list[Record], cases[start : start + _CASES_AT_ONCE].to_dict("records")):
                of_image = found(case["image_id"])
                others = _other_objects(case, records[case["image_id"]], of_image)
                rows += [
                    _row(case, setting, maps, _score(case, setting, maps, of_image, others, thresholds))
                    for setting in settings
                ]
                progress.advance()
            yield pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def _other_objects(
    case: Mapping[str, Any], records: Sequence[Mapping[str, Any]], masks: Mapping[str, Outcome]
) -> list[np.ndarray]:
    """Masks of the other labels of the image, one a label."""
    others: dict[str, np.ndarray] = {}
    for other in records:
        mask = masks.get(other["case_id"])
        if other["label"] != case["label"] and isinstance(mask, np.ndarray):
            others.setdefault(other["label"], mask)
    return list(others.values())


def _score(
    case: Mapping[str, Any],
    setting: Setting,
    maps: Maps,
    masks: Mapping[str, Outcome],
    others: Sequence[np.ndarray],
    thresholds: np.ndarray,
) -> MapScores | Failure:
    if case["status"] != "ok":
        return Failure(case["status"], case["reason"])
    mask = masks[case["case_id"]]
    if isinstance(mask, Failure):
        return mask
    if setting.method == "whole_image":
        return score_whole_image(mask, thresholds)
    heat = maps.heat(case["case_id"], setting)
    if isinstance(heat, Failure):
        return heat
    # Scaled after upsampling, as published: interpolation cuts single-pixel peaks and so moves the thresholds.
    scaled = min_max(upsample_bilinear(heat, (mask.shape[0], mask.shape[1])))
    return score_map(scaled, mask, others, thresholds)


def _row(case: Mapping[str, Any], setting: Setting, maps: Maps, scores: MapScores | Failure) -> dict[str, Any]:
    values = MapScores(np.empty(0), np.nan, np.nan, np.nan) if isinstance(scores, Failure) else scores
    return {
        **{name: case[name] for name in ("case_id", "dataset", "image_id", "label")},
        **setting._asdict(),
        "draws": 0 if isinstance(scores, Failure) else maps.draws(case["case_id"], setting),
        "status": scores.status if isinstance(scores, Failure) else "ok",
        "reason": scores.reason if isinstance(scores, Failure) else "",
        "iou": values.iou,
        "average_precision": values.average_precision,
        "pointing_game": values.pointing_game,
        "named_hotter": values.named_hotter,
    }
