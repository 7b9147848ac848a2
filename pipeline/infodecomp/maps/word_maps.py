"""The maps of the words of a dataset: those that stages recorded, and those made from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.maps import made
from infodecomp.maps.outcomes import Failure, NoMap, Outcome
from infodecomp.maps.setting import Setting
from infodecomp.methods import METHODS
from infodecomp.metrics.heatmaps import is_constant
from infodecomp.runs.storage import array_names, read_arrays

# Cases whose maps are kept in memory: those of an image's other words and of another image serve its controls.
_CASES_AT_HAND = 32


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
        """`statuses` and `folders` by source, one of `methods.SOURCES`; `seed` pairs images for the method shuffled.

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
        """What can be scored, in the order of `methods`; a method without any map appears once, with 0 steps."""
        keys = {key for case_id in self._image for path in self._files(case_id) for key in array_names(path)}
        known = (key.removeprefix(self._part) for key in keys if key.startswith(self._part))
        recorded = {Setting.parse(key) for key in known if key.count("/") == 2}
        found = []
        for method in methods:
            if METHODS[method].sources:
                allowed = ("-", *estimators)
                chosen = sorted(s for s in recorded if s.method == method and s.estimator in allowed)
            else:
                chosen = sorted(_made_settings(method, recorded))
            found += chosen or [Setting(method, "-", 0)]
        return found

    def heat(self, case_id: str, setting: Setting) -> Outcome:
        """The map (h, w) of a case at the latent image's resolution, or why there is none."""
        if METHODS[setting.method].sources:
            return self._recorded(case_id, setting)
        try:
            return _checked(getattr(made, setting.method)(_AroundCase(self, case_id, setting.steps)), setting)
        except NoMap as missing:
            return missing.failure

    def draws(self, case_id: str, setting: Setting) -> int:
        """Draws or steps that a map took: fewer than those of its setting if the estimator ended the case early.

        Of `unique`, those of all pairs together that the word is in.
        """
        counted = METHODS[setting.method].draws
        if not counted:
            return setting.steps
        drawn = self._read(case_id).get(counted)
        if drawn is None:
            return setting.steps
        # A word of several pairs takes more draws than the map of one.
        return int(drawn) if METHODS[setting.method].of_pairs else min(setting.steps, int(drawn))

    def _recorded(self, case_id: str, setting: Setting) -> Outcome:
        heat = self._read(case_id).get(str(setting))
        return self._why_missing(case_id, setting) if heat is None else _checked(heat, setting)

    def _donor_case(self, case_id: str) -> str | None:
        """A case of another image, always the same one; None without another image that has maps."""
        image = self._image[case_id]
        donor_image = self._donor[image]
        if donor_image is None:
            return None
        donors = self._with_information(donor_image)
        return donors[sorted(self._siblings[image]).index(case_id) % len(donors)]

    def _other_words(self, case_id: str) -> list[str]:
        """Cases of the same image with another word."""
        word = self._words[case_id]
        return [other for other in self._siblings[self._image[case_id]] if self._words[other] != word]

    def _why_missing(self, case_id: str, setting: Setting) -> Failure:
        sources = METHODS[setting.method].sources
        for source in sources:
            failure = self._statuses.get(source, {}).get(case_id)
            if failure is not None:
                return failure
        if not any(case_id in self._statuses.get(source, {}) for source in sources):
            return Failure("not_estimated", f"no shard has the case, so there is no map {setting}.")
        if METHODS[setting.method].joint:
            reason = f"the model's text does not attend to the image, so that there is no {setting.method}."
            return Failure("no_joint_attention", reason)
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


class _AroundCase:
    """The recorded maps around a case at one number of draws: `infodecomp.maps.made.CaseMaps`."""

    def __init__(self, maps: Maps, case_id: str, steps: int) -> None:
        self._maps, self._case_id, self._steps = maps, case_id, steps

    def own(self, key: str) -> np.ndarray:
        return self._required(self._case_id, key)

    def of_other_words(self, key: str) -> list[np.ndarray]:
        outcomes = [self._of(other, key) for other in self._maps._other_words(self._case_id)]
        heats = [heat for heat in outcomes if not isinstance(heat, Failure)]
        if not heats:
            raise NoMap(Failure("no_other_word", f"the image has no other word with an {_label(key)} map."))
        return heats

    def of_another_image(self, key: str) -> np.ndarray:
        donor = self._maps._donor_case(self._case_id)
        if donor is None:
            raise NoMap(Failure("no_other_image", f"there is no other image with a {_label(key)} map."))
        return self._required(donor, key)

    def _of(self, case_id: str, key: str) -> Outcome:
        return self._maps._recorded(case_id, Setting.parse(f"{key}/{self._steps}"))

    def _required(self, case_id: str, key: str) -> np.ndarray:
        heat = self._of(case_id, key)
        if isinstance(heat, Failure):
            raise NoMap(heat)
        return heat


def _checked(heat: np.ndarray, setting: Setting) -> Outcome:
    """A map that ranks its cells, or why it does not."""
    if not np.isfinite(heat).all():
        return Failure("non_finite_map", f"the map {setting} has values that are not finite.")
    return Failure("constant_map", f"the map {setting} is constant.") if is_constant(heat) else heat


def _made_settings(method: str, recorded: set[Setting]) -> set[Setting]:
    """Settings of a method made from recorded maps: the numbers of steps at which all of these are there."""
    parts = METHODS[method].made_from
    if not parts:
        return {Setting(method, "-", 0)}
    steps = [{s.steps for s in recorded if f"{s.method}/{s.estimator}" == part} for part in parts]
    return {Setting(method, "orthogonal", count) for count in set.intersection(*steps)}


def _label(key: str) -> str:
    return METHODS[key.partition("/")[0]].style.label


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
