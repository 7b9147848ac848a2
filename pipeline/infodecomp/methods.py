"""The tables of methods: everything that the workflow, the figures and the page know of each one.

A *method* is a way to make a map (h, w) of one word of a caption, which is scored against the word's object. A map is
either recorded by a stage (`sources`) or computed from recorded maps (`made_from`), by the function in
`infodecomp.maps.made` that has the method's name. A new method is one row here and that function, as in docs/extend.md.

The configuration imports this module, so it imports nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Line = Literal["-"] | tuple[int, tuple[int, ...]]

# What stages record maps of: each has a folder of files, one a case.
SOURCES = ("information", "attention", "gradients", "pairs")


@dataclass(frozen=True)
class Style:
    """How a method is named and drawn in figures: label, colour, line and marker of Matplotlib."""

    label: str
    colour: str
    line: Line = "-"
    marker: str = "o"


@dataclass(frozen=True)
class OnPage:
    """How a method's map appears on the page of a study.

    letter: key that shows it; signed_letter: key of the standard estimator's map. scale: maps of a word that share it are
    drawn on one scale. signed: values below zero have a meaning. from_zero: colours start at zero instead of the map's
    lowest value. note: what the map shows.
    """

    letter: str
    scale: str
    note: str
    signed_letter: str = ""
    signed: bool = False
    from_zero: bool = True


@dataclass(frozen=True)
class Method:
    """One way to make a map of a word.

    key: its name in the configuration and in tables. style: its look in figures and its label for people.
    sources: what its map is recorded with; it is in the files of the first. made_from: keys of the recorded maps
    ("cmi/orthogonal") that it is computed from. Neither: the method needs no map.
    estimators: whether there is a map of each estimator of information, or just one.
    draws: name of the array beside the map that counts the draws it took; "" if always as many as asked for.
    evaluations: denoiser evaluations a draw or step if the method ran alone.
    unit: of a cell of its map. page: its place on the page, None without one.
    joint: only models in which the text attends to the image have it.
    """

    key: str
    style: Style
    sources: tuple[str, ...] = ()
    made_from: tuple[str, ...] = ()
    estimators: bool = False
    draws: str = ""
    evaluations: int = 0
    unit: str = ""
    page: OnPage | None = None
    joint: bool = False

    @property
    def of_pairs(self) -> bool:
        """Whether only words of decomposed pairs have a map."""
        return "pairs" in self.sources

    @property
    def has_map(self) -> bool:
        """Whether there is a map at all: one that ranks cells."""
        return bool(self.sources or self.made_from)


# Colours are Okabe and Ito's, safe for the colour-blind; controls that know nothing of the word are grey.
# The order is that of the rows in tables.
_METHODS = (
    Method("whole_image", Style("whole image", "#8C8C8C", (0, (5, 2)))),
    Method(
        "shuffled",
        Style("shuffled (CMI of another image)", "#7A7A7A", (0, (1, 1))),
        made_from=("cmi/orthogonal",),
        draws="draws",
        evaluations=2,
        unit="nats",
    ),
    Method(
        "saliency",
        Style("saliency (no word)", "#555555", (0, (5, 1, 1, 1))),
        made_from=("mi/orthogonal",),
        draws="draws",
        evaluations=2,
        unit="relative",
    ),
    Method(
        "attention",
        Style("attention", "#56B4E9"),
        sources=("attention",),
        evaluations=2,  # inversion and denoising
        unit="attention",
        page=OnPage(
            letter="a",
            scale="attention",
            note="cross-attention to the word on the way from the image to noise and back",
            from_zero=False,
        ),
    ),
    Method(
        "attention_output",
        Style("attention output", "#117733", (0, (3, 1))),
        sources=("attention",),
        evaluations=2,  # those of attention
        unit="share",
        page=OnPage(
            letter="t",
            scale="attention_output",
            note="the word's share of what image and text read of each other, among the words of the caption",
            from_zero=False,
        ),
        joint=True,
    ),
    Method(
        "gradient",
        Style("gradient", "#D55E00"),
        sources=("gradients",),
        evaluations=3,  # a pass, and the derivative carried along with it, which counts as two
        unit="movement",
        page=OnPage(
            letter="g",
            scale="gradient",
            note="how far the prediction moves when the text moves towards the word",
        ),
    ),
    Method(
        "mi",
        Style("MI", "#009E73"),
        sources=("information",),
        estimators=True,
        draws="draws",
        evaluations=2,
        unit="nats",
        page=OnPage(
            letter="m",
            scale="nats",
            note="information from the word alone (orthogonal estimator)",
            signed_letter="s",
        ),
    ),
    Method(
        "cmi",
        Style("CMI", "#0072B2"),
        sources=("information",),
        estimators=True,
        draws="draws",
        evaluations=2,
        unit="nats",
        page=OnPage(
            letter="c",
            scale="nats",
            note="information that the word adds to the rest of the caption (orthogonal estimator)",
            signed_letter="d",
        ),
    ),
    Method(
        "attention_information",
        Style("attention+information", "#E69F00"),
        sources=("information", "attention"),  # recorded in the estimator's own evaluations
        draws="draws",
        evaluations=1,
        unit="attention",
        page=OnPage(
            letter="i",
            scale="attention_information",
            note="cross-attention to the word in the estimator's own evaluations",
            from_zero=False,
        ),
    ),
    Method(
        "cmi_times_attention",
        Style("CMI × attention", "#CC79A7"),
        made_from=("cmi/orthogonal", "attention_information/-"),
        draws="draws",
        evaluations=2,  # the attention is recorded in the evaluations of CMI
        unit="relative",
    ),
    Method(
        "unique",
        Style("unique", "#8F6BC1", marker="D"),
        sources=("pairs",),
        estimators=True,
        draws="pair_draws",
        evaluations=4,  # a draw of each prompt of each of its pairs
        unit="nats",
        page=OnPage(
            letter="u",
            scale="parts",
            note="information from the word that no single other word carries, given the rest; mean over the other words",
            signed=True,
        ),
    ),
)

METHODS: dict[str, Method] = {method.key: method for method in _METHODS}

# Methods that every case of every model has, the default of the configuration, and those of words in decomposed pairs.
OF_EVERY_CASE: tuple[str, ...] = tuple(method.key for method in _METHODS if not method.of_pairs and not method.joint)
OF_PAIRS: tuple[str, ...] = tuple(method.key for method in _METHODS if method.of_pairs)

# Methods of the retrieval study, by the name of their scores. Colours are Tol's "vibrant"; the one without an image is grey.
RETRIEVAL_STYLES: dict[str, Style] = {
    "i_s": Style("iˢ (likelihood ratio)", "#0077BB"),
    "i_o": Style("iᵒ (orthogonal)", "#33BBEE", marker="D"),
    "neg_nll": Style("likelihood (−NLL)", "#009988", marker="^"),
    "diffitm": Style("DiffITM", "#EE7733", marker="s"),
    "hardneg_diffitm": Style("HardNeg-DiffITM", "#CC3311", marker="p"),
    "clip": Style("CLIP", "#EE3377", (0, (6, 2)), marker="X"),
    "text_only": Style("text only (no image)", "#5F5F5F", (0, (1, 1)), marker="v"),
}


def recorded_maps(methods: Iterable[str]) -> set[str]:
    """Sources whose maps must be recorded for these methods.

    >>> sorted(recorded_maps(["saliency", "gradient"]))
    ['gradients', 'information']
    """
    found: set[str] = set()
    for key in methods:
        method = METHODS[key]
        found.update(method.sources)
        found.update(source for part in method.made_from for source in METHODS[part.partition("/")[0]].sources)
    return found
