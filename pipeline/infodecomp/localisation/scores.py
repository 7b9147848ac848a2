"""Read the scores of maps for their tables: a few rows at a time, kept as numbers, by method."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from infodecomp.config.settings import TabulateLocalisation
from infodecomp.maps.setting import Setting
from infodecomp.metrics.localisation import SCORE_COLUMNS
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_table_rows

# Rows of the file in memory at a time, half a kilobyte each.
_ROWS_AT_ONCE = 1024

_MEASURES = ["draws", "average_precision", "pointing_game", "named_hotter", "boxed"]


@dataclass(frozen=True)
class LocalisationScores:
    """The scores of one dataset. Images and labels are in order of first appearance, rows in that of the table."""

    images: list[str]
    labels: list[str]
    _rows: dict[Setting, list[np.ndarray]]
    _iou: dict[Setting, list[np.ndarray]]

    @property
    def settings(self) -> list[Setting]:
        """The settings that have scores."""
        return list(self._rows)

    def rows(self, setting: Setting) -> pd.DataFrame:
        """One row per case: image, its index in `images`; label; ok, whether it was scored; draws, average_precision,
        pointing_game, named_hotter and boxed as in `SCORE_COLUMNS`.
        """
        image, label, ok, *measures = np.concatenate(self._rows[setting]).T
        names = np.array(self.labels, dtype=object)[label.astype(np.int64)]
        measured = dict(zip(_MEASURES, measures, strict=True))
        return pd.DataFrame({"image": image.astype(np.int64), "label": names, "ok": ok.astype(bool), **measured})

    def iou(self, setting: Setting) -> np.ndarray:
        """IoU at every threshold, (n, T) float64, of the rows that were scored; (0, 0) if none was."""
        parts = self._iou.get(setting, [])
        return np.concatenate(parts) if parts else np.empty((0, 0))


def read_localisation_scores(path: Path, section: TabulateLocalisation) -> LocalisationScores:
    """Read a table of `SCORE_COLUMNS`; InputError if it was made with another number of thresholds or other methods."""
    scores = LocalisationScores([], [], {}, {})
    images: dict[str, int] = {}
    labels: dict[str, int] = {}
    for frame in read_table_rows(path, SCORE_COLUMNS, _ROWS_AT_ONCE):
        _check(path, frame, section)
        ok = (frame["status"] == "ok").to_numpy()
        numbers = [_numbers(frame["image_id"], images), _numbers(frame["label"], labels), ok]
        rows = np.column_stack([*numbers, frame[_MEASURES].to_numpy(dtype=np.float64)])
        iou = frame["iou"].to_numpy()
        groups = cast(dict[tuple[str, str, int], np.ndarray], frame.groupby(list(Setting._fields), sort=False).indices)
        for key, places in groups.items():
            setting, scored = Setting(*key), places[ok[places]]
            scores._rows.setdefault(setting, []).append(rows[places])
            if len(scored):
                scores._iou.setdefault(setting, []).append(np.stack(iou[scored].tolist()))
    scores.images.extend(images)
    scores.labels.extend(labels)
    return scores


def _numbers(names: pd.Series, known: dict[str, int]) -> np.ndarray:
    """The number of each name, in order of first appearance; new ones are added."""
    codes, found = pd.factorize(names)
    return np.array([known.setdefault(name, len(known)) for name in found], dtype=np.int64)[codes]


def _check(path: Path, scores: pd.DataFrame, section: TabulateLocalisation) -> None:
    lengths = {len(iou) for iou in scores.loc[scores["status"] == "ok", "iou"]} - {
        section.localisation.thresholds.count
    }
    if lengths:
        raise InputError(
            f"{path}: `iou` has {min(lengths)} values, but localisation → thresholds → count is "
            f"{section.localisation.thresholds.count}."
        )
    unknown = sorted(set(scores["method"]) - set(section.localisation.methods))
    if unknown:
        raise InputError(f"{path}: method {unknown[0]!r} is not among localisation.methods.")
