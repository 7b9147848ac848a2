"""The chain on a COCO sample with the embedded model, from archives to tables: real annotations, meaningless values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.config import default_config
from tests.workflow.packed_coco import pack
from tests.workflow.study import Study, working_copy

CASES = 126  # of the 79 images


@pytest.mark.slow
def test_every_case_of_the_sample_arrives(repository: Path, coco_sample: Path, tmp_path: Path) -> None:
    study: Study = working_copy(repository, tmp_path / "study")
    sources = pack(coco_sample, tmp_path / "mine")
    config = {
        "datasets": {"scenes": None, "COCO-IT": {"kind": "coco_it", "first": CASES}},
        "information": {"budget": {"steps": [6]}},
        "attention": {"steps": [1]},
        "machine": {"batch_size": 64},
        "fetch": {"sources": str(sources), "local_path": str(sources.parent)},
    }
    run = study.snakemake("localisation", config=config)
    assert run.status == 0, run.output
    assert run.jobs["fetch_data"] == 2
    assert "draw_scenes" not in run.jobs

    for stage in ("estimate_information", "record_attention"):
        shards = sorted((study.results / "COCO-IT" / stage).glob("shard-*.parquet"))
        frame = pd.concat([pd.read_parquet(path, columns=["case_id", "status"]) for path in shards])
        assert len(shards) == 2
        assert frame["case_id"].nunique() == len(frame) == CASES
        assert set(frame["status"]) == {"ok"}

    table = pd.read_csv(study.results / "tables" / "localisation.csv")
    assert set(table["method"]) == set(default_config().localisation.methods)
    complete = table[table["method"] != "saliency"]  # which an image with a single word does not have
    assert ((complete["n"] == CASES) & (complete["n_failed"] == 0)).all()
    assert np.isfinite(table["miou"]).all()
    for name in ("panels-COCO-IT", "threshold_curves"):
        for suffix in ("png", "pdf"):
            assert (study.results / "figures" / "localisation" / f"{name}.{suffix}").stat().st_size > 1000
