"""The tables of what codes say about images for people, as Markdown and on the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from infodecomp.representation.quantities import ALL
from infodecomp.tables.markdown import Captioned, Column, Row, lines, numbers, paragraphs, records, words
from infodecomp.tables.text import MISSING, decimals, interval, percent, thousands

_NATS = decimals(2)
_MODEL = words("model")


def information_markdown(table: pd.DataFrame, confidence: float) -> str:
    """Three tables; see `information_tables`."""
    return paragraphs(*(one.markdown for one in information_tables(table, confidence)))


def information_tables(table: pd.DataFrame, confidence: float) -> list[Captioned]:
    """The information of each model beside the exact value, the distance of its decoder from it, and its correlations."""
    totals = [
        *(_MODEL, words("decoder"), numbers("images", text=thousands), numbers("ln K", "entropy", _NATS)),
        *(_measured("exact I", "exact"), numbers("in range", "in_range", _NATS)),
        *(_measured("iˢ", "standard"), _measured("iᵒ", "orthogonal")),
        *(numbers("Δ_u", "delta_u", _NATS), numbers("Δ_c", "delta_c", _NATS)),
        *(numbers("rate", "rate", _NATS), numbers("KL(q‖p)", "divergence", _NATS), numbers("MMD²", "mmd", decimals(4))),
    ]
    compared = [
        *(_MODEL, _measured("iˢ", "standard"), _measured("iˢ, exact denoiser", "exact_standard")),
        *(_measured("iˢ, exact null", "null_exact"), _measured("iᵒ", "orthogonal")),
        *(_measured("iᵒ, exact denoiser", "exact_orthogonal"), numbers("L1 of the integrand", "l1", _NATS)),
        *(numbers("maps alike", "map_correlation", _NATS), _measured("Δ_u", "delta_u"), _measured("Δ_c", "delta_c")),
    ]
    correlations = [
        *(_MODEL, _measured("TC", "tc"), _measured("TC, iˢ", "tc_standard"), _measured("TC, iᵒ", "tc_orthogonal")),
        *(_measured("DTC", "dtc"), _measured("DTC, iˢ", "dtc_standard"), _measured("DTC, iᵒ", "dtc_orthogonal")),
    ]
    trained = table[table["decoder"] == "trained"]
    found = [Captioned(_caption(table, confidence), totals, records(table))]
    if len(trained):
        found.append(Captioned(_COMPARED, compared, records(trained)))
    return [*found, Captioned(_CORRELATIONS, correlations, records(table))]


def dimension_markdown(table: pd.DataFrame, confidence: float) -> str:
    """One table; see `dimension_table`."""
    return paragraphs(dimension_table(table, confidence).markdown)


def dimension_table(table: pd.DataFrame, confidence: float) -> Captioned:
    """What each part says alone and given the others."""
    columns = [
        *(_MODEL, words("part"), words("quantity", text=_QUANTITIES.__getitem__), _measured("exact", "exact")),
        *(_measured("iˢ", "standard"), _measured("iᵒ", "orthogonal"), numbers("in the box %", "inside", percent)),
        numbers("maps alike", "map_correlation", _NATS),
    ]
    caption = (
        f"Nats, with {100 * confidence:g} % intervals over images. In the box: the share of the map of iᵒ inside the box of "
        "the object."
    )
    return Captioned(caption, columns, records(table))


def factor_markdown(table: pd.DataFrame) -> str:
    """A caption and a table a model; see `factor_tables`."""
    return paragraphs(FACTORS, *(one.markdown for one in factor_tables(table)))


def factor_tables(table: pd.DataFrame) -> list[Captioned]:
    """Factors by dimensions, a table a model, under its name in bold."""
    found = []
    for model, rows in table.groupby("model", sort=False):
        dimensions = [part for part in dict.fromkeys(rows["part"]) if part != ALL]
        columns: list[Column] = [
            *(words("factor"), numbers("ln n", "entropy", _NATS), numbers("code", ALL, _NATS)),
            *(words("best"), numbers("alone", "alone", _NATS), numbers("not by one", "gap", _NATS)),
            *(numbers(part, text=_NATS) for part in dimensions),
        ]
        found.append(Captioned(f"**{model}**", columns, _by_factor(rows)))
    return found


def _by_factor(rows: pd.DataFrame) -> Iterator[Row]:
    for factor, group in rows.groupby("factor", sort=False):
        values = dict(zip(group["part"], group["exact"], strict=True))
        alone = {part: value for part, value in values.items() if part != ALL}
        best = max(alone, key=alone.__getitem__)
        found = {"best": best, "alone": alone[best], "gap": values[ALL] - alone[best]}
        yield {"factor": factor, "entropy": group["entropy"].iloc[0], **values, **found}


def _measured(head: str, name: str) -> Column:
    """A value with its interval; a dash where there is none."""

    def text(row: Row) -> str:
        if not np.isfinite(row[name]):
            return MISSING
        return f"{_NATS(row[name])} [{interval(row[f'{name}_low'], row[f'{name}_high'], 2)}]"

    return numbers(head, text)


def _caption(table: pd.DataFrame, confidence: float) -> str:
    noiseless = [
        str(row["model"]) for row in records(table) if np.isfinite(row["mmd"]) and not np.isfinite(row["rate"])
    ]
    sentences = [
        f"Nats, with {100 * confidence:g} % intervals over images. ln K: entropy of the image, the most that anything says "
        "about it. Exact I: I(x; z) by enumeration; in range: what of it lies between the ends of the range of log-SNRs, "
        "which iˢ and iᵒ estimate.",
        "Δ_u, Δ_c: distance ½ ∫ E‖ε̂ − ε̂*‖² dα of a trained decoder from Bayes without and with the code: iˢ is "
        "I − Δ_c + Δ_u, neither a bound nor right unless both are small. Rate: E KL(q(z|x) ‖ p) = I + KL(q ‖ p), an upper "
        "bound. MMD²: of codes and N(0, I), unbiased.",
    ]
    if noiseless:
        sentences.append(
            f"The code of {', '.join(noiseless)} has no noise: its exact I is the entropy of a discrete code, which on "
            "continuous images would be infinite. Read what lies in range: I(x_α; z) at the highest log-SNR."
        )
    return lines(*sentences)


FACTORS = (
    "Exact nats that a code carries about each factor: the whole code, its best dimension, what no single dimension "
    "carries, and every dimension."
)
_QUANTITIES: Mapping[str, str] = {"alone": "I(x; z_k)", "given_rest": "I(x; z_k | rest)"}
_COMPARED = lines(
    "Trained decoders beside the exact denoiser on the same draws. Exact null: iˢ with Bayes' prediction where nothing is "
    "known, I − Δ_c, a lower bound. L1 of the integrand: ∫ |f − f*| dα, because a total can be right while its integrand is "
    "wrong. Maps alike: correlation of the maps of iᵒ of the whole code.",
)
_CORRELATIONS = lines(
    "TC = Σ I(x; z_k) − I(x; z): what dimensions repeat. DTC = I(x; z) − Σ I(x; z_k | rest): what more than one dimension "
    "knows. Both are 0 for independent dimensions that say different things, and need no labels.",
)
