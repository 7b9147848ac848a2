"""The maps that the page shows, where each comes from, and how it is to be read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Source = Literal["information", "attention", "gradients", "pairs", "explanations", "edits"]


@dataclass(frozen=True)
class Method:
    """A kind of map.

    id: name in the page's index. name: as people read it. letter: key that shows it. source: files that hold its map.
    prefix: key of the map there, less the number of steps. unit: of a cell of the map. scale: maps of one word that
    share it are drawn on one scale. signed: below zero has a meaning, so that zero is in the middle of the palette.
    zero: colours start at zero; otherwise at the map's lowest value. note: what the map says.
    """

    id: str
    name: str
    letter: str
    source: Source
    prefix: str
    unit: str
    scale: str
    signed: bool
    zero: bool
    note: str

    def key_in(self, keys: Collection[str]) -> str | None:
        """Key of the method's map at its largest number of steps; None if it is not among `keys`."""
        if self.source in ("edits", "explanations"):
            return self.prefix if self.prefix in keys else None
        found = [key for key in keys if key.rpartition("/")[0] == self.prefix]
        return max(found, key=lambda key: int(key.rpartition("/")[2]), default=None)

    @property
    def setting(self) -> tuple[str, str]:
        """Method and estimator in the scores of localisation."""
        method, _, estimator = self.prefix.partition("/")
        return method, estimator

    def described(self) -> dict[str, Any]:
        """What the page needs to know of it."""
        record = asdict(self)
        return {name: record[name] for name in ("id", "name", "letter", "unit", "scale", "signed", "zero", "note")}


_NATS, _CHANGE = "nats", "squared change"

METHODS = (
    Method(
        id="cmi",
        name="CMI",
        letter="c",
        source="information",
        prefix="cmi/orthogonal",
        unit=_NATS,
        scale="nats",
        signed=False,
        zero=True,
        note="what the word tells given the rest of the caption (orthogonal)",
    ),
    Method(
        id="mi",
        name="MI",
        letter="m",
        source="information",
        prefix="mi/orthogonal",
        unit=_NATS,
        scale="nats",
        signed=False,
        zero=True,
        note="what the word tells alone (orthogonal)",
    ),
    Method(
        id="attention",
        name="attention",
        letter="a",
        source="attention",
        prefix="attention/-",
        unit="attention",
        scale="attention",
        signed=False,
        zero=False,
        note="cross-attention to the word while the image is walked to noise and back",
    ),
    Method(
        id="attention_information",
        name="attention+information",
        letter="i",
        source="information",
        prefix="attention_information/-",
        unit="attention",
        scale="attention_information",
        signed=False,
        zero=False,
        note="cross-attention to the word in the estimator's own evaluations",
    ),
    Method(
        id="gradient",
        name="gradient",
        letter="g",
        source="gradients",
        prefix="gradient/-",
        unit="movement",
        scale="gradient",
        signed=False,
        zero=True,
        note="how far the prediction moves when the text moves towards the word",
    ),
    Method(
        id="unique",
        name="unique",
        letter="u",
        source="pairs",
        prefix="unique/orthogonal",
        unit=_NATS,
        scale="parts",
        signed=True,
        zero=True,
        note="what the word tells that the other words do not, one by one, given the rest; mean over them",
    ),
    Method(
        id="redundancy",
        name="redundancy",
        letter="r",
        source="pairs",
        prefix="redundancy/orthogonal",
        unit=_NATS,
        scale="parts",
        signed=True,
        zero=True,
        note="what the word and another word both tell; mean over the other words",
    ),
    Method(
        id="synergy",
        name="synergy",
        letter="y",
        source="pairs",
        prefix="synergy/orthogonal",
        unit=_NATS,
        scale="parts",
        signed=True,
        zero=True,
        note="what only the word and another word together tell; below zero where they say the same",
    ),
    Method(
        id="loss_gradient",
        name="gradient of the loss",
        letter="l",
        source="explanations",
        prefix="cells/loss",
        unit="gradient",
        scale="loss_gradient",
        signed=False,
        zero=True,
        note="what in the image the denoising loss hangs on; of all words together",
    ),
    Method(
        id="picture_gradient",
        name="gradient of the picture",
        letter="p",
        source="explanations",
        prefix="cells/image",
        unit="gradient",
        scale="picture_gradient",
        signed=False,
        zero=True,
        note="generated images: what in the noise or image at the start the picture hangs on; of all words together",
    ),
    Method(
        id="cmi_standard",
        name="CMI, signed",
        letter="d",
        source="information",
        prefix="cmi/standard",
        unit=_NATS,
        scale="signed",
        signed=True,
        zero=True,
        note="as CMI by the standard estimator, which may be below zero",
    ),
    Method(
        id="mi_standard",
        name="MI, signed",
        letter="s",
        source="information",
        prefix="mi/standard",
        unit=_NATS,
        scale="signed",
        signed=True,
        zero=True,
        note="as MI by the standard estimator, which may be below zero",
    ),
    Method(
        id="omit",
        name="change, left out",
        letter="o",
        source="edits",
        prefix="change/latent_l2/omit",
        unit=_CHANGE,
        scale="change",
        signed=False,
        zero=True,
        note="how the latent changes when the word is left out of the caption",
    ),
    Method(
        id="swap",
        name="change, swapped",
        letter="w",
        source="edits",
        prefix="change/latent_l2/swap",
        unit=_CHANGE,
        scale="change",
        signed=False,
        zero=True,
        note="how the latent changes when another word takes its place",
    ),
)

# Totals with standard errors that tables hold beside the maps: method → column of estimate_information.
TOTALS: Mapping[str, str] = {
    "cmi": "cmi_orthogonal",
    "mi": "mi_orthogonal",
    "cmi_standard": "cmi_standard",
    "mi_standard": "mi_standard",
}
