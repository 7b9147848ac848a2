"""What two descriptions say about two images, on disk as the stages leave it: numbers that tests know by heart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.representation.estimates_table import IMAGE_COLUMNS
from infodecomp.representation.published import PAPER_COLUMNS
from infodecomp.representation.quality_columns import OVER_SEEDS, QUALITY_COLUMNS, SAMPLE_COLUMNS
from infodecomp.representation.quantities import information_pairs
from infodecomp.representation.table_columns import TABLES
from infodecomp.runs.storage import write_arrays, write_table

# Description → its parts, and whether a trained decoder is beside the exact denoiser.
DESCRIBED = {"factors": (("tint", "place"), True), "code": (("z0", "z1", "z2"), False)}
GRID = 4
# What the page does not read.
_EMPTY: dict[str, object] = {"int64": 1, "float64": 0.0, "list<float64>": []}
_UNUSED = {name: _EMPTY[kind] for name, kind in IMAGE_COLUMNS.items() if kind in _EMPTY and name != "number"}


def write_descriptions(results: Path) -> None:
    """Shards, maps, tables and figures of `DESCRIBED` in a study's folder; the last image has no maps, one failed."""
    for name, (parts, trained) in DESCRIBED.items():
        folder = results / "representation" / name / "estimate_representation"
        rows = []
        for number in range(4):
            case = f"{number:06d}"
            status, reason = ("failed", "it was too dark") if number == 3 else ("ok", "")
            rows.append({"case_id": case, "status": status, "reason": reason, "key": "k", "number": number})
            write_arrays(folder / "maps" / f"{case}.npz", _arrays(parts, trained, number, shown=number < 2))
        table = pd.DataFrame(rows)
        for column, empty in _UNUSED.items():
            table[column] = [empty] * len(rows)
        write_table(folder / "shard-0000.parquet", table, IMAGE_COLUMNS)
    _write_tables(results / "tables")


def heat(part: int, *, alone: bool, exact: bool) -> np.ndarray:
    """The map of a part: a row of its own, twice as hot given the others, and a quarter as hot by the model's decoder."""
    found = np.zeros((GRID, GRID), dtype=np.float32)
    found[part] = (1.0 if alone else 2.0) * (1.0 if exact else 0.25)
    return found


def _arrays(parts: tuple[str, ...], trained: bool, number: int, *, shown: bool) -> dict[str, np.ndarray]:
    pairs = list(information_pairs(parts))
    arrays = {}
    for prefix, exact in (("exact_", True), ("", False)) if trained else (("", True),):
        # The whole, each part alone, each part given the others: their places, and a fraction that tells images apart.
        arrays[f"{prefix}orthogonal"] = np.arange(len(pairs)) + number / 4 + (0.5 if exact else 0.0)
        arrays[f"{prefix}orthogonal_error"] = np.full(len(pairs), 0.125)
        if not shown:
            continue
        for pair in pairs:
            quantity, _, part = pair.partition(" ")
            place = parts.index(part) if part else 0
            arrays[f"{prefix}map/{pair}/orthogonal"] = heat(place, alone=quantity == "alone", exact=exact)
    return {**arrays, **({"picture": np.full((8, 8, 3), 90 + 50 * number, dtype=np.uint8)} if shown else {})}


def _write_tables(folder: Path) -> None:
    nan = float("nan")
    whole = {"images": 18, "entropy": 2.89, "evaluations": 4, "exact": 2.5, "exact_low": 2.25, "exact_high": 2.75}
    information = [
        {**whole, "model": "factors", "decoder": "trained", "delta_u": 1.5, "delta_c": 0.5, "tc": 0.0, "dtc": 0.0},
        {**whole, "model": "code", "decoder": "exact", "standard": 2.4, "standard_low": 2.0, "standard_high": 2.8},
    ]
    parts = [
        {"model": name, "part": part, "quantity": quantity, "exact": 1.0}
        for name, (of_model, _) in DESCRIBED.items()
        for part in of_model
        for quantity in ("alone", "given_rest")
    ]
    told = {"z0": 1.5, "z1": 0.25, "z2": 0.01}
    own = {"tint": 1.79, "place": 1.61}
    factors = [
        {
            "model": "factors",
            "factor": factor,
            "entropy": entropy,
            "part": part,
            "exact": entropy * (part in ("all", factor)),
        }
        for factor, entropy in own.items()
        for part in ("all", *own)
    ]
    factors += [
        {"model": "code", "factor": factor, "entropy": entropy, "part": part, "exact": told.get(part, 1.6) * share}
        for factor, entropy, share in (("place", own["place"], 0.5), ("tint", own["tint"], 1.0))
        for part in ("all", *told)
    ]
    score = {"model": "code", "factor": "", "error": 0.01, "spread": nan, "seeds": 1}
    quality = [{**score, "code": "z", "score": "mig", "value": 0.31, "images": 90}]
    samples = [{**score, "sampler": "ddim", "score": "valid", "value": 0.75, "samples": 40}]
    published = {"dataset": "shapes3d", "method": "DiffAE", "setting": "", "metric": "mig", "published": 0.007}
    texts = {"protocol": "ten seeds", "source": "a paper", "ours_score": "", "stand_in_score": "mig"}
    for name, rows, columns in (
        ("information", information, TABLES["information"]),
        ("by_dimension", parts, TABLES["by_dimension"]),
        ("by_factor", factors, TABLES["by_factor"]),
        ("quality", quality, {**QUALITY_COLUMNS, **OVER_SEEDS}),
        ("samples", samples, {**SAMPLE_COLUMNS, **OVER_SEEDS}),
        ("paper", [{**published, **texts, "stand_in": 0.31}], PAPER_COLUMNS),
    ):
        frame = pd.DataFrame(rows).reindex(columns=list(columns))
        write_table(folder / f"representation_{name}.parquet", frame, columns)
