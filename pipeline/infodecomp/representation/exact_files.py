"""What `exact_representation` writes of a description, and how it is read: values of images, curves, a record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked
from infodecomp.runs.storage import read_table, write_table, write_text

# Pointwise values in nats, whose means over images are informations. Lists run over the parts of the description, over the
# factors, or over the factors and for each of them over the parts.
VALUE_COLUMNS = {
    "number": "int64",
    "whole": "float64",
    **dict.fromkeys(("alone", "given_rest", "factor_whole", "factor_alone"), "list<float64>"),
}
# I(x_α; what a prompt knows), nats, with its standard error over images.
CURVE_COLUMNS = {"prompt": "string", "logsnr": "float64", "value": "float64", "error": "float64"}

VALUES, CURVES, DESCRIPTION = "values.parquet", "curves.parquet", "description.json"


@dataclass(frozen=True)
class DescriptionRecord:
    """What is described and by what.

    images: their number K. entropy: ln K. parts: of the description. factors: name → number of values. noise: whether the
    description is random. rate: E KL(q(z|x) ‖ N(0, I)), nats; None without noise, where it is infinite, and for factors.
    """

    images: int
    entropy: float
    parts: list[str]
    factors: dict[str, int]
    noise: bool
    rate: float | None
    mmd: float | None


def write_exact(folder: Path, values: pd.DataFrame, curves: pd.DataFrame, record: DescriptionRecord) -> None:
    """Write the three files of a description."""
    write_table(folder / VALUES, values, VALUE_COLUMNS)
    write_table(folder / CURVES, curves, CURVE_COLUMNS)
    write_text(folder / DESCRIPTION, json.dumps(asdict(record), indent=2) + "\n")


def read_exact(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, DescriptionRecord]:
    """The three files of a description; InputError if one is missing or no such file."""
    path = folder / DESCRIPTION
    try:
        found: Mapping[str, object] = json.loads(checked(path).read_text(encoding="utf-8"))
        record = DescriptionRecord(**found)  # type: ignore[arg-type]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: this is not what exact_representation wrote ({error!r}); run it again.") from error
    return read_table(folder / VALUES, VALUE_COLUMNS), read_table(folder / CURVES, CURVE_COLUMNS), record
