"""What the editing study writes and reads: the table of edits, the maps of a case, and the classifier's judgements.

Two interventions edit a case: `omit` removes its word from the caption, `swap` replaces it by the word's partner.
`unchanged` is the picture regenerated from the unchanged caption; every change is measured against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_arrays, read_table

INTERVENTIONS = ("omit", "swap")

# Maps of change: squared difference of the latents, squared difference of the pictures, and 1 − SSIM.
CHANGES = ("latent_l2", "pixel_l2", "ssim")

# Quantities that may predict a change; cmi_swap is against the swapped caption.
QUANTITIES = ("mi_s", "mi_o", "cmi_s", "cmi_o", "cmi_swap_s", "cmi_swap_o", "attention")

_NATS = QUANTITIES[:-1]

# Totals that only cases with a swap have.
_OF_SWAPS = ("cmi_swap_s", "cmi_swap_o", "preference_swap")

# Numbers of a finished case; its arrays have the same names.
NUMBERS: dict[str, str] = {
    "psnr": "float64",  # dB, the decoded `unchanged` against the real picture
    "psnr_decoded": "float64",  # dB, the decoded `unchanged` against the decoded real latent
    "psnr_autoencoder": "float64",  # dB, the real picture encoded and decoded, against itself
    "latent_error": "float64",  # root mean squared difference of `unchanged` and the real latent
    "noise_variance": "float64",  # mean square of the noise the image came to, over that of true noise: 1 is right
    "evaluations": "int64",  # denoiser evaluations
    **{name: "float64" for total in _NATS for name in (total, f"{total}_error")},  # nats, with standard error
    "attention": "float64",  # sum of the attention map
    "preference_swap": "float64",  # nats, i^s of the swapped caption against the caption, on the latent of `swap`
    "preference_swap_error": "float64",
}

# One row per case. A failed case has a status other than "ok" and NaN; a case without a swap has NaN only in
# cmi_swap and preference_swap.
EDIT_COLUMNS: dict[str, str] = {
    "case_id": "string",
    "status": "string",
    "reason": "string",
    "key": "string",  # of everything that determines the maps
    "swap_status": "string",  # "ok", "no_partner", "word_in_longer_name", or that of a failed case
    "swap_reason": "string",
    "prompt_unchanged": "string",
    "prompt_omit": "string",
    "prompt_swap": "string",  # "" without a swap
    **NUMBERS,
}

# What a classifier sees in a picture: one row per case and picture.
JUDGEMENT_COLUMNS: dict[str, str] = {
    "case_id": "string",
    "intervention": "string",  # unchanged, omit or swap
    "old": "bool",  # the category of the word
    "new": "bool",  # the category of its partner
    "old_score": "float64",  # probability
    "new_score": "float64",  # probability
    "status": "string",
    "reason": "string",
}


def has_swap(edits: pd.DataFrame) -> np.ndarray:
    """Which rows of the table of edits are finished cases with a swap, (n,) bool."""
    return ((edits["status"] == "ok") & (edits["swap_status"] == "ok")).to_numpy(dtype=bool)


def read_edits(paths: Sequence[Path], cases: pd.DataFrame) -> pd.DataFrame:
    """The table of edits of one dataset, one row per case in the order of `cases`.

    Args:
        paths: shards, tables of `EDIT_COLUMNS`.
        cases: the cases table of the dataset.

    Raises:
        InputError: rows of unknown cases, cases with two rows (within or across shards) or none, and totals of finished
            cases that are not finite; one sentence per kind and file.
    """
    tables = [read_table(path, EDIT_COLUMNS) for path in paths]
    edits = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(EDIT_COLUMNS))
    origins = [(path, row) for path, table in zip(paths, tables, strict=True) for row in range(len(table))]
    problems = [*_wrong_cases(edits["case_id"], cases, origins), *_wrong_totals(edits, origins)]
    lacking = cases.loc[~cases["case_id"].isin(edits["case_id"]), "case_id"].tolist()
    if lacking:
        shards = ", ".join(map(str, paths)) or "no shard"
        problems.append(
            f"{shards}: case {lacking[0]}{_more(len(lacking) - 1)} has no row; expected one for every case; "
            "run edit_images again."
        )
    if problems:
        raise InputError("\n".join(problems))
    return edits.set_index("case_id").loc[cases["case_id"]].reset_index()


def read_judgements(path: Path, cases: pd.DataFrame) -> pd.DataFrame:
    """Judgements of the pictures of one dataset, rows of `JUDGEMENT_COLUMNS`.

    Raises InputError for unknown cases, unknown interventions and pictures judged twice.
    """
    judgements = read_table(path, JUDGEMENT_COLUMNS)
    origins = [(path, row) for row in range(len(judgements))]
    known = judgements["intervention"].isin(("unchanged", *INTERVENTIONS)).to_numpy()
    problems = _sentences(
        ~known,
        origins,
        lambda row: f"`intervention` is {judgements['intervention'][row]!r}; allowed are unchanged, omit and swap.",
    )
    for _, rows in judgements[known].groupby("intervention", sort=False):
        problems += _wrong_cases(rows["case_id"], cases, [origins[row] for row in rows.index])
    if problems:
        raise InputError("\n".join(problems))
    return judgements


@dataclass(frozen=True)
class EditMaps:
    """Maps of one case on the latent grid, (h, w) float32.

    change: (change, intervention) → map; swap only if there is one. predictor: quantity → map. inside: (h, w) bool, the
    cells that lie wholly in the picture, not in letterbox bars.
    """

    change: Mapping[tuple[str, str], np.ndarray]
    predictor: Mapping[str, np.ndarray]
    inside: np.ndarray

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w)."""
        height, width = self.predictor["attention"].shape
        return height, width


def read_edit_maps(path: Path, swapped: bool) -> EditMaps:
    """The maps of one case from its npz file.

    Args:
        path: <case_id>.npz.
        swapped: whether the case has a swap.

    Raises:
        InputError: the file or one of the maps is missing, or the maps are not all on one grid.
    """
    arrays = read_arrays(path)
    interventions = INTERVENTIONS if swapped else INTERVENTIONS[:1]
    changes = {(change, name): f"change/{change}/{name}" for change in CHANGES for name in interventions}
    predictors = {name: f"predictor/{name}" for name in QUANTITIES if swapped or not name.startswith("cmi_swap")}
    keys = [*changes.values(), *predictors.values(), "inside"]
    missing = [key for key in keys if key not in arrays]
    if missing:
        raise InputError(f"{path}: the maps {', '.join(missing)} are missing; expected {', '.join(keys)}.")
    shapes = {arrays[key].shape for key in keys}
    if len(shapes) > 1 or len(next(iter(shapes))) != 2:
        raise InputError(f"{path}: its maps have the shapes {sorted(shapes)}; expected one grid (h, w) for all.")
    return EditMaps(
        {name: arrays[key] for name, key in changes.items()},
        {name: arrays[key] for name, key in predictors.items()},
        arrays["inside"].astype(bool),
    )


Origin = tuple[Path, int]


def _wrong_cases(case_ids: pd.Series, cases: pd.DataFrame, origins: Sequence[Origin]) -> list[str]:
    ids = case_ids.tolist()
    unknown, repeated = ~case_ids.isin(cases["case_id"]).to_numpy(), case_ids.duplicated().to_numpy()
    return [
        *_sentences(
            unknown, origins, lambda row: f"`case_id` is {ids[row]!r}; allowed are the ids in the cases table."
        ),
        *_sentences(repeated & ~unknown, origins, lambda row: f"case {ids[row]} has a row already; expected one."),
    ]


def _wrong_totals(edits: pd.DataFrame, origins: Sequence[Origin]) -> list[str]:
    finished, swapped = (edits["status"] == "ok").to_numpy(dtype=bool), has_swap(edits)
    return [
        sentence
        for name in (*QUANTITIES, "preference_swap")
        for sentence in _wrong_total(edits, name, swapped if name in _OF_SWAPS else finished, origins)
    ]


def _wrong_total(edits: pd.DataFrame, name: str, counted: np.ndarray, origins: Sequence[Origin]) -> list[str]:
    values = edits[name].to_numpy(dtype=np.float64)
    return _sentences(
        counted & ~np.isfinite(values),
        origins,
        lambda row: (
            f"`{name}` of the finished case {edits['case_id'][row]} is {values[row]}; expected a finite number."
        ),
    )


def _sentences(wrong: np.ndarray, origins: Sequence[Origin], sentence: Callable[[int], str]) -> list[str]:
    """One sentence per file with wrong rows, about the first of them."""
    by_file: dict[Path, list[int]] = {}
    for row in np.flatnonzero(wrong).tolist():
        by_file.setdefault(origins[row][0], []).append(row)
    return [
        f"{path}, row {origins[rows[0]][1]}{_more(len(rows) - 1)}: {sentence(rows[0])}"
        for path, rows in by_file.items()
    ]


def _more(count: int) -> str:
    return f" (and {count} more)" if count else ""
