"""density.json: the density of log-SNRs that `pilot_density` fitted to a dataset, for `density: adaptive`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from infodecomp.estimator.adaptive_density import BINS, AdaptiveDensity
from infodecomp.estimator.interval import Interval
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked


def density_record(density: AdaptiveDensity) -> dict[str, Any]:
    """The keys of density.json that `read_density` reads."""
    return {"interval": asdict(density.interval), "root": density.root.tolist()}


def read_density(path: Path) -> AdaptiveDensity:
    """The density in a density.json; InputError if `pilot_density` did not write the file."""
    try:
        record = json.loads(checked(path).read_text(encoding="utf-8"))
        interval = Interval(**{name: float(value) for name, value in record["interval"].items()})
        root = np.array(record["root"], dtype=np.float64)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: this is not a density that pilot_density wrote ({error!r}).") from error
    if root.shape != (BINS,) or not np.isfinite(root).all() or (root < 0).any() or not root.any():
        raise InputError(f"{path}: `root` is {root.tolist()}; allowed are {BINS} numbers ≥ 0, not all of them 0.")
    return AdaptiveDensity(interval, root)
