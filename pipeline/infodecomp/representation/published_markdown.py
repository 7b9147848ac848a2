"""Published scores of codes and samples beside those of a study, for people."""

from __future__ import annotations

import numpy as np
import pandas as pd

from infodecomp.tables.markdown import Captioned, Row, lines, numbers, paragraphs, records, words
from infodecomp.tables.text import MISSING, or_missing

NOT_RUN = "not run"
_METRICS = {"fid": "FID", "dci_d": "DCI D", "factor_vae": "FactorVAE score", "mig": "MIG", "tad": "TAD, sum"}


def paper_markdown(table: pd.DataFrame) -> str:
    """One table; see `paper_table`."""
    return paragraphs(paper_table(table).markdown)


def paper_table(table: pd.DataFrame) -> Captioned:
    """A row a published number. table: of `published.PAPER_COLUMNS`."""
    columns = [
        *(words("dataset"), words("method"), words("metric", text=_METRICS.__getitem__)),
        words("sampler", "setting", text=lambda name: or_missing(name.replace("_", " "))),
        words("published protocol", "protocol"),
        words("source"),
        numbers("published", lambda row: _number(row, "published", MISSING)),
        numbers("ours", lambda row: _number(row, "ours", NOT_RUN)),
        numbers("embedded stand-in", lambda row: _number(row, "stand_in", MISSING)),
    ]
    return Captioned(_CAPTION, columns, records(table))


def _number(row: Row, who: str, missing: str) -> str:
    if not np.isfinite(row[who]):
        return missing
    digits = 1 if row["metric"] == "fid" else 3
    text = f"{row[who]:.{digits}f}"
    if np.isfinite(row[f"{who}_error"]):
        text += f" ± {row[f'{who}_error']:.{digits}f}"
    with_name = row.get(f"{who}_score", "")
    named = with_name.removeprefix(f"{row['metric']}_") if with_name != row["metric"] else ""
    return f"{text}, {named.replace('_', ' ')}" if named else text


_CAPTION = lines(
    "Published scores (data/reference/representation_papers.csv) beside those of this study on the same images, with the "
    "learner of DCI or the network of FID; ± is the spread over seeds, or the standard error over images.",
    "Embedded stand-in: the same kind of model on the embedded world. With other images and a smaller model, it shows that "
    "the row can be computed, and says nothing about the published number.",
    "A score belongs to its protocol: learner, number of seeds and images, and whether it was measured on training images.",
)
