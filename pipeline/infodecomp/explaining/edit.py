"""A picture made again from an edited caption: what changed where, and whether CMI and MI predicted it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infodecomp.explaining.explanation import Quantity, Span
from infodecomp.runs.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Predictor = Literal["cmi", "cmi_standard", "mi", "attention"]
Change = Literal["latent_l2", "pixel_l2", "ssim"]


@dataclass(frozen=True)
class Agreement:
    """How well a map predicts a map of change, over cells: Pearson's r and Spearman's ρ; NaN if either map is constant."""

    r: float
    rho: float


@dataclass(frozen=True, eq=False)
class Edit:
    """A picture carried to noise along the model's flow with its caption, and back with an edited one (Kong et al., §3.3).

    span: the word that was left out or replaced. caption, edited_caption: before and after. picture, round_trip, edited:
    uint8 (H, W, 3): the picture, the same brought back with its own caption, and with the edited one; both start from the
    same noise. changes: map by map, (h, w) float32, between round trip and edited picture: "latent_l2" and "pixel_l2",
    squared differences summed over channels, and "ssim", 1 − SSIM. quantities: "cmi" (orthogonal), "cmi_standard" and "mi";
    CMI is that of the caption against the edited one, whose draws are those of the explanation. attention: (h, w), recorded
    on the way back. agreements: (predictor, change) → their agreement. psnr, psnr_autoencoder: dB, of the round trip, and of
    the picture encoded and decoded, against the picture. inside: (h, w) bool, cells that are no letterbox bars.
    steps: noise levels of the flow. evaluations: of the denoiser. warnings: sentences.
    """

    span: Span
    caption: str
    edited_caption: str
    picture: np.ndarray
    round_trip: np.ndarray
    edited: np.ndarray
    changes: Mapping[str, np.ndarray]
    quantities: Mapping[str, Quantity]
    attention: np.ndarray
    agreements: Mapping[tuple[str, str], Agreement]
    psnr: float
    psnr_autoencoder: float
    inside: np.ndarray
    steps: int
    evaluations: int
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        rho = self.correlation()
        return (
            f"Edit({self.caption!r} → {self.edited_caption!r}: ρ of CMI and change {rho:.2f}, PSNR {self.psnr:.1f} dB)"
        )

    @property
    def change(self) -> np.ndarray:
        """Where the picture changed, (h, w): the squared difference of the latents, summed over channels."""
        return self.changes["latent_l2"]

    def correlation(self, predictor: Predictor = "cmi", change: Change = "latent_l2") -> float:
        """Spearman's ρ of a predictor's map and a map of change over the cells; NaN if one of them is constant.

        Raises InputError for another predictor or change.
        """
        if (predictor, change) not in self.agreements:
            predictors, changes = (", ".join(dict.fromkeys(names)) for names in zip(*self.agreements, strict=True))
            raise InputError(
                f"there is no correlation of {predictor!r} and {change!r}; allowed are {predictors} with {changes}."
            )
        return self.agreements[predictor, change].rho

    def table(self) -> pd.DataFrame:
        """One row a predictor and change: predictor, nats (its total; NaN for attention), change, changed (its sum), r, rho.

        changed is the mean for "ssim".
        """
        import pandas as pd

        sums = {name: float(one.mean() if name == "ssim" else one.sum()) for name, one in self.changes.items()}
        rows = []
        for (predictor, change), agreement in self.agreements.items():
            found = self.quantities.get(predictor)
            nats = found.total if found else float("nan")
            rows.append((predictor, nats, change, sums[change], agreement.r, agreement.rho))
        return pd.DataFrame(rows, columns=["predictor", "nats", "change", "changed", "r", "rho"])

    def plot(self, **options: Any) -> Figure:
        """The three pictures, change and predictors: see `infodecomp.explaining.edit_figure.edit_figure`."""
        from infodecomp.explaining.edit_figure import edit_figure

        return edit_figure(self, **options)
