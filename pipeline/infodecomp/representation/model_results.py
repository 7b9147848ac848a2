"""Everything that the stages found of one model: estimates of images, and exact values and curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.representation.estimates_table import read_images
from infodecomp.representation.exact_files import DescriptionRecord, read_exact
from infodecomp.representation.quantities import ALL


@dataclass(frozen=True)
class ModelResults:
    """estimates: a row an image, of `estimates_table.IMAGE_COLUMNS`. values, curves: of `exact_files`."""

    name: str
    estimates: pd.DataFrame
    values: pd.DataFrame
    curves: pd.DataFrame
    record: DescriptionRecord

    @classmethod
    def read(cls, name: str, shards: Sequence[Path], exact: Path) -> ModelResults:
        """Of the model's shards and its folder of exact values; InputError if a file is missing."""
        return cls(name, read_images(shards), *read_exact(exact))

    @property
    def trained(self) -> bool:
        """Whether a trained decoder was run beside the exact denoiser."""
        return bool(len(self.estimates["exact_standard"].iloc[0]))

    @property
    def interval(self) -> tuple[float, float]:
        """The range of log-SNRs."""
        return float(self.curves["logsnr"].min()), float(self.curves["logsnr"].max())

    def totals(self, column: str) -> np.ndarray:
        """A list column of the estimates, (n, 1 + 2·parts); exact ones are the decoder's own where it is the exact one."""
        own = column if self.trained else column.removeprefix("exact_")
        return np.array(self.estimates[own].tolist())

    def exact(self, column: str) -> np.ndarray:
        """A column of the exact values, (n,) or (n, …)."""
        return np.array(self.values[column].tolist())

    def of_prompt(self, prompt: str = ALL) -> pd.DataFrame:
        """The exact curve of a prompt, by log-SNR."""
        return self.curves[self.curves["prompt"] == prompt].sort_values("logsnr")
