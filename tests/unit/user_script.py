"""What a user writes with every public name of the package: `mypy` checks it strictly, a test runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import infodecomp as info


def main(model: str, folder: Path) -> list[Figure]:
    """Explain a picture, ask for a pair and two edits, save and resume."""
    options: info.Options = {"draws": 24, "progress": False, "fit": "crop", "methods": ("cmi", "mi")}
    explainer = info.Explainer(model, device="cpu", batch_size=16)
    picture = np.zeros((64, 64, 3), dtype=np.uint8)
    explanation: info.Explanation = explainer(
        picture, "a dog on a bed", words=["dog", ("bed", 0)], draws=24, progress=False
    )
    several = [one.caption_nats["standard"].total for one in explainer.map([picture], ["a dog"], **options)]
    word: info.WordExplanation = explanation["dog"]
    span: info.Span = word.span
    nats: info.Quantity = word.cmi
    low, high = nats.interval(0.95)
    print(info.__version__, span.key, nats.total + low + high, nats.map.shape, several)
    pair: info.WordPair = explanation.pair("dog", "bed", draws=8, progress=False)
    parts: info.PairParts = pair.parts(measure="ccs")
    print(pair.redundancy.total, pair.unique["dog"].total, parts.synergy.map.sum())
    explanation.save(folder / "dog.zip")
    resumed = explainer.resume(info.Explanation.load(folder / "dog.zip"))
    edits: list[info.Edit] = [
        resumed.edit("dog", "cat", steps=2, progress=False),
        resumed.without("dog", steps=2, progress=False),
    ]
    agreement: info.Agreement = edits[0].agreements["cmi", "latent_l2"]
    tables: list[pd.DataFrame] = [explanation.table(), pair.table(), edits[0].table()]
    doubts = [doubt for doubt in explanation.warnings if issubclass(info.ExplanationWarning, UserWarning)]
    try:
        explanation.pair("dog", "dog")
    except info.InputError as error:
        print(error, agreement.rho, len(tables), len(doubts), explanation.overlay("dog").size)
    comparison: info.Comparison = info.compare(explanation, resumed, labels=("before", "after"))
    print(comparison.table()["difference"].abs().max())
    return [comparison.plot(), explanation.plot(), pair.plot(), *(edit.plot() for edit in edits)]
