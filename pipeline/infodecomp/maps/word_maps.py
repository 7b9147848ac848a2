"""The maps of words of a dataset: those that stages recorded, and those made from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from infodecomp.metrics.heatmaps import geometric_mean, is_constant, min_max
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import array_names, read_arrays

# Maps of cases that are kept in memory: those of an image's other words and of another image serve its controls.
_CASES_AT_HAND = 32

# Which stage records the maps of a method. attention_information is recorded in the estimator's own evaluations.
_SOURCES: dict[str, tuple[str, ...]] = {
    "mi": ("information",),
    "cmi": ("information",),
    "attention": ("attention",),
    "attention_information": ("information", "attention"),
    "gradient": ("gradients",),
    "unique": ("pairs",),
}

SOURCES = ("information", "attention", "gradients", "pairs")

# Methods made from recorded maps, which are those of the orthogonal estimator.
_MADE_FROM: dict[str, tuple[tuple[str, str], ...]] = {
    "shuffled": (("cmi", "orthogonal"),),
    "saliency": (("mi", "orthogonal"),),
    "cmi_times_attention": (("cmi", "orthogonal"), ("attention_information", "-")),
}


# Methods that have a map of each estimator.
MEASURED = ("mi", "cmi", "unique")

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

    @property
    def parts(self) -> list[Setting]:
        """The recorded maps that it is made from: itself, if it is one."""
        made_from = _MADE_FROM.get(self.method, ((self.method, self.estimator),))
        return [Setting(method, estimator, self.steps) for method, estimator in made_from]

    @property
    def source(self) -> str:
        """Where its map is recorded: information, attention, gradients or pairs."""
        return _SOURCES[self.method][0]


@dataclass(frozen=True)
class Failure:
    """Why there is no score: a code and one sentence."""

    status: str
    reason: str


Outcome = np.ndarray | Failure


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
        part: str = "",
    ) -> None:
        """`statuses` and `folders` by source, one of `SOURCES`; `seed` pairs images of `shuffled`.

        `part`: read the maps whose keys begin with it, such as "seed/", instead of those whose keys are settings.
        """
        self._statuses, self._folders, self._part = statuses, folders, part
        self._words = dict(zip(cases["case_id"], cases["word"], strict=True))
        usable = cases[cases["status"] == "ok"]
        self._siblings = {str(image): list(rows["case_id"]) for image, rows in usable.groupby("image_id")}
        self._image = dict(zip(usable["case_id"], usable["image_id"], strict=True))
        self._donor = self._pair_images(seed)
        self._read = lru_cache(maxsize=_CASES_AT_HAND)(self._read_case)

    def settings(self, methods: Sequence[str], estimators: Sequence[str]) -> list[Setting]:
        """What can be scored, in the order of `methods`; a method without any map stands once, with 0 steps."""
        keys = {key for case_id in self._image for path in self._files(case_id) for key in array_names(path)}
        known = (key.removeprefix(self._part) for key in keys if key.startswith(self._part))
        recorded = {Setting.parse(key) for key in known if key.count("/") == 2}
        found = []
        for method in methods:
            allowed = ("-", *estimators) if method in _SOURCES else ("-", "orthogonal")
            possible = recorded if method in _SOURCES else set(_made_settings(method, recorded))
            chosen = sorted(s for s in possible if s.method == method and s.estimator in allowed)
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
        """Steps that a map took: fewer than those of its setting where the estimator ended the case early.

        Of `unique`, those of all pairs together that the word is in.
        """
        if setting.method in _STEPPED:
            return setting.steps
        if setting.method == "unique":
            return int(self._read(case_id).get("pair_draws", setting.steps))
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
            failure = self._statuses.get(source, {}).get(case_id)
            if failure is not None:
                return failure
        if not any(case_id in self._statuses.get(source, {}) for source in _SOURCES[setting.method]):
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
        return {
            key.removeprefix(self._part): heat
            for path in self._files(case_id)
            for key, heat in read_arrays(path).items()
            if key.startswith(self._part)
        }


def _made_settings(method: str, recorded: set[Setting]) -> Iterator[Setting]:
    """Settings of a method made from recorded maps: the steps at which all of these are there."""
    if method == "whole_image":
        yield Setting(method, "-", 0)
        return
    steps = [{s.steps for s in recorded if (s.method, s.estimator) == part} for part in _MADE_FROM[method]]
    yield from (Setting(method, "orthogonal", count) for count in set.intersection(*steps))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
