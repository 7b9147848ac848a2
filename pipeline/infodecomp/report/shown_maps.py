"""The maps that the page shows: those of the methods in `infodecomp.methods` and those of other studies."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from infodecomp.methods import METHODS


@dataclass(frozen=True)
class ShownMap:
    """A kind of map on the page.

    id: name in the page's index. name: label. letter: key that shows it. source: files that hold its map, as named by
    `StudyFolder.maps`. prefix: key of the map there, without the number of draws or steps. unit: of a cell of the map.
    scale: maps of one word that share it are drawn on one scale. signed: values below zero have a meaning, so that zero is
    in the middle of the palette. zero: colours start at zero; otherwise at the map's lowest value. note: what the map shows.
    """

    id: str
    name: str
    letter: str
    source: str
    prefix: str
    unit: str
    scale: str
    signed: bool
    zero: bool
    note: str

    def key_in(self, keys: Collection[str]) -> str | None:
        """Key of its map with the most draws or steps; None if it is not among `keys`."""
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
        """What the page's scripts read of it."""
        record = asdict(self)
        return {name: record[name] for name in ("id", "name", "letter", "unit", "scale", "signed", "zero", "note")}


# Methods that come first, in this order; any others follow in the order of their table.
_FIRST = ("cmi", "mi", "attention", "attention_information")


def _of_methods() -> Iterator[ShownMap]:
    """The recorded maps of the methods that are on the page; of those with two estimators the orthogonal one's."""
    for key in dict.fromkeys((*_FIRST, *METHODS)):
        method = METHODS[key]
        if method.page:
            yield ShownMap(
                id=key,
                name=method.style.label,
                letter=method.page.letter,
                source=method.sources[0],
                prefix=f"{key}/{'orthogonal' if method.estimators else '-'}",
                unit=method.unit,
                scale=method.page.scale,
                signed=method.page.signed,
                zero=method.page.from_zero,
                note=method.page.note,
            )


def _of_standard_estimator() -> Iterator[ShownMap]:
    for key in dict.fromkeys((*_FIRST, *METHODS)):
        method = METHODS[key]
        if method.page and method.page.signed_letter:
            yield ShownMap(
                id=f"{key}_standard",
                name=f"{method.style.label}, signed",
                letter=method.page.signed_letter,
                source=method.sources[0],
                prefix=f"{key}/standard",
                unit=method.unit,
                scale="signed",
                signed=True,
                zero=True,
                note=f"{method.style.label} by the standard estimator, which can be negative",
            )


_PARTS = (
    ShownMap(
        id="redundancy",
        name="redundancy",
        letter="r",
        source="pairs",
        prefix="redundancy/orthogonal",
        unit="nats",
        scale="parts",
        signed=True,
        zero=True,
        note="information that the word and another word both carry; mean over the other words",
    ),
    ShownMap(
        id="synergy",
        name="synergy",
        letter="y",
        source="pairs",
        prefix="synergy/orthogonal",
        unit="nats",
        scale="parts",
        signed=True,
        zero=True,
        note="information that the word and another word carry only jointly; negative where they say the same",
    ),
)

_GRADIENTS = (
    ShownMap(
        id="loss_gradient",
        name="gradient of the loss",
        letter="l",
        source="explanations",
        prefix="cells/loss",
        unit="gradient",
        scale="loss_gradient",
        signed=False,
        zero=True,
        note="how strongly the denoising loss depends on each part of the image; all words together",
    ),
    ShownMap(
        id="picture_gradient",
        name="gradient of the picture",
        letter="p",
        source="explanations",
        prefix="cells/image",
        unit="gradient",
        scale="picture_gradient",
        signed=False,
        zero=True,
        note="generated images: how strongly the picture depends on each part of its initial noise; all words together",
    ),
)


def _change(id_: str, name: str, letter: str, note: str) -> ShownMap:
    return ShownMap(
        id=id_,
        name=name,
        letter=letter,
        source="edits",
        prefix=f"change/latent_l2/{id_}",
        unit="squared change",
        scale="change",
        signed=False,
        zero=True,
        note=note,
    )


SHOWN_MAPS = (
    *_of_methods(),
    *_PARTS,
    *_GRADIENTS,
    *_of_standard_estimator(),
    _change("omit", "change, left out", "o", "how the latent changes when the word is left out of the caption"),
    _change("swap", "change, swapped", "w", "how the latent changes when another word takes its place"),
)

# Maps whose totals have standard errors in the table of estimate_information: id → column there.
TOTALS = {
    f"{key}{of_standard}": f"{key}_{estimator}"
    for estimator, of_standard in (("orthogonal", ""), ("standard", "_standard"))
    for key in ("cmi", "mi")
}
