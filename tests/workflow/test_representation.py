"""What the attributes of one's own pictures say about them: the whole target, and what a change runs again."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.workflow.study import TINY_REPRESENTATION, Study, working_copy

DRAWN = {"plot_representation", "plot_representation_pictures"}
MEASURED = {f"{step}_representation" for step in ("pilot", "estimate", "exact", "sample", "judge")}


@pytest.fixture(scope="module")
def described(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study of twelve pictures: three shades of a square at four places."""
    study = working_copy(repository, tmp_path_factory.mktemp("described"), TINY_REPRESENTATION)
    pictures, rows = study.folder / "pictures", []
    pictures.mkdir()
    for shade, place in product(range(3), range(4)):
        pixels = np.full((8, 8, 3), 90, dtype=np.uint8)
        row, column = divmod(place, 2)
        pixels[4 * row : 4 * row + 3, 4 * column : 4 * column + 3] = 110 + 30 * shade
        Image.fromarray(pixels).save(pictures / f"{shade}{place}.png")
        rows.append({"image": f"{shade}{place}.png", "shade": f"s{shade}", "place": f"p{place}"})
    pd.DataFrame(rows).to_csv(pictures / "list.csv", index=False)
    run = study.snakemake()
    assert run.status == 0, run.output
    return study


def test_a_study_of_own_pictures(described: Study) -> None:
    table = pd.read_csv(described.results / "tables" / "representation_information.csv")
    assert table["exact"].tolist() == pytest.approx([math.log(12)], abs=1e-4)
    assert {path.stem for path in (described.results / "figures" / "representation").glob("*.png")} == {
        *("maps", "curves", "dimensions", "factors"),
    }
    by_factor = pd.read_csv(described.results / "tables" / "representation_by_factor.csv").set_index(["factor", "part"])
    assert by_factor.loc[("shade", "all"), "exact"] == pytest.approx(math.log(3), abs=1e-4)


def test_a_change_runs_what_reads_it(described: Study) -> None:
    planned = set(described.planned({"representation": {"estimation": {"maps": 3}}}))
    assert {"estimate_representation", "plot_representation"} <= planned
    assert not {"exact_representation", "pilot_representation"} & planned
    planned = set(described.planned({"representation": {"exact": {"images": 7}}}))
    assert "exact_representation" in planned and not {"estimate_representation", "pilot_representation"} & planned
    recoloured = set(described.planned({"figures": {"palette": "magma"}}))
    assert recoloured - {"write_report", "representation", "all"} == {"plot_representation"}
    assert set(described.planned({"seed": 1})) >= MEASURED | DRAWN
