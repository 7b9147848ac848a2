"""Explanations made by hand: every word is hot in a place of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from infodecomp.explaining.explanation import Explanation, Quantity, Span, WordExplanation
from infodecomp.explaining.word_pair import WordPair
from infodecomp.metrics.partial_information import Information
from infodecomp.runs.seeds import generator

CAPTION = "a blue dog below a brown robot"
HOSTILE = """a "dog" & <script>globalThis.stolen = 1</script> 'on' a bed 🐕 <b>naïve</b> </style>"""
GRID = 8


def spot(place: tuple[float, float], nats: float, grid: int = GRID) -> np.ndarray:
    """A map (grid, grid) that sums to `nats`, hot around `place`: row and column as shares of the sides."""
    rows, columns = (np.arange(grid) + 0.5) / grid, (np.arange(grid) + 0.5) / grid
    heat = np.exp(-40 * ((rows[:, None] - place[0]) ** 2 + (columns - place[1]) ** 2))
    return (nats * heat / heat.sum()).astype(np.float32)


def spans(caption: str, texts: Sequence[str]) -> list[Span]:
    """Where texts stand in a caption; of equal ones each behind the one before."""
    found = list[Span]()
    for text in texts:
        before = [span for span in found if span.text == text]
        place = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)").search(caption, before[-1].end if before else 0)
        assert place is not None, text
        start = place.start()
        found.append(Span(text, start, start + len(text), len(before)))
    return found


def word(span: Span, number: int, grid: int = GRID, attention: bool = True) -> WordExplanation:
    """CMI of `number` + 1 nats, twice that of MI, and both by the standard estimator, half as large and partly negative."""
    place = ((0.15 + 0.31 * number) % 1, (0.2 + 0.47 * number) % 1)
    quantities = {}
    for name, nats in (("cmi", number + 1.0), ("mi", 2.0 * number + 2)):
        heat = spot(place, nats, grid)
        signed = (heat - 0.5 * heat.mean()).astype(np.float32)
        quantities[name, "orthogonal"] = Quantity(float(heat.sum(dtype=float)), 0.1 * nats, heat)
        quantities[name, "standard"] = Quantity(float(signed.sum(dtype=float)), 0.2 * nats, signed)
    maps = {"attention": spot(place, 1.0, grid // 2) + np.float32(0.5)} if attention else {}
    return WordExplanation(span, quantities, maps)


def explained(
    caption: str = CAPTION,
    texts: Sequence[str] | None = None,
    *,
    side: int = 32,
    grid: int = GRID,
    failed: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> Explanation:
    """An explanation of every word of a caption, or of `texts`; those in `failed` have a reason instead of maps."""
    picture = (
        generator(0, caption).integers(0, 255, (side // 8, side // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    )
    words = [
        WordExplanation(span, {}, {}, "word_beyond_limit", "it stands beyond the 77 tokens that the model reads")
        if span.text in failed
        else word(span, number, grid)
        for number, span in enumerate(spans(caption, texts if texts is not None else caption.split()))
    ]
    whole = {name: Quantity(12.5, 0.5, spot((0.5, 0.5), 12.5, grid)) for name in ("standard", "orthogonal")}
    settings = {"model": "tiny", "draws": 100, "seed": 0, "methods": ["cmi", "mi", "attention"], "density": None}
    return Explanation(picture, caption, tuple(words), whole, settings, tuple(warnings))


def paired(grid: int = GRID) -> Explanation:
    """An explanation that holds the pair of the dog and the robot: four replicates by both estimators."""
    explanation = explained(grid=grid)
    first, second = explanation["dog"].span, explanation["robot"].span

    def nats(estimator: str) -> Information:
        noise = generator(0, estimator).standard_normal((3, 4, grid, grid)) / grid**2
        maps = [spot(place, total, grid) for place, total in (((0.3, 0.3), 4.0), ((0.7, 0.7), 6.0), ((0.5, 0.5), 9.0))]
        return Information(
            *(np.float32(one + error).astype(np.float64) for one, error in zip(maps, noise, strict=True))
        )

    information = {estimator: nats(estimator) for estimator in ("orthogonal", "standard")}
    pair = WordPair(explanation.picture, explanation.caption, first, second, "rest", 48, information)
    return replace(explanation, pairs=[pair])
