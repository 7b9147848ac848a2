"""What a run says last."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infodecomp.report.closing import closing_lines

TABLES = {
    "localisation": (
        "dataset,method,estimator,steps,threshold_mode,miou,miou_low,miou_high\n"
        "scenes,attention,-,50,held_out,0.3,0.25,0.35\n"
        "scenes,cmi,orthogonal,100,held_out,0.573,0.54,0.602\n"
        "scenes,cmi,orthogonal,50,held_out,0.4,0.3,0.5\n"
        "scenes,cmi,orthogonal,100,oracle,0.7,0.6,0.8\n"
        "scenes,saliency,-,,held_out,,,\n"
    ),
    "retrieval": (
        "dataset,method,micro,micro_low,micro_high,chance\nscenes_noun_swap,i_s,0.9,0.8,0.95,0.5\n"
        "scenes_noun_swap,clip,0.6,0.5,0.7,0.5\n"
    ),
    "editing": (
        "dataset,level,intervention,predictor,change,r,r_low,r_high\n"
        "scenes,pixel,omit,cmi_o,latent_l2,0.5,0.41,0.58\nscenes,image,omit,cmi_o,latent_l2,0.2,0.1,0.3\n"
    ),
    "partial_information_correlations": "dataset,kind,predictor,r,r_low,r_high\nscenes,all,unique,0.3,0.05,0.5\n",
    "faithfulness_paired": (
        "dataset,measure,method_a,method_b,estimator_b,difference,low,high\n"
        "scenes,deletion_i_o,shuffled,cmi,orthogonal,0.2,-0.5,0.8\n"
        "scenes,insertion_i_o,shuffled,cmi,orthogonal,-1.4,-3.04,-0.2\n"
        "scenes,insertion_i_o,saliency,cmi,orthogonal,5,5,5\n"
    ),
    "validation": ("level,steps,coverage\ntotal,50,0.5\ntotal,100,0.93\ntotal,100,0.97\npixel,100,0.2\n"),
    "representation_information": (
        "model,entropy,exact,standard,standard_low,standard_high\nfactors,9.798,9.798,10.02,9.4,10.6\nroll,9.798,3.1,,,\n"
    ),
    "summary": (
        "dataset,stage,cases,failed,reasons\nscenes,cases,60,0,\nscenes,edit_images,60,2,image_unreadable 2\n"
        "scenes,record_attention,60,0,\nrepresentation/factors,estimate_representation,48,0,\n"
    ),
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Tables of every part, and the page."""
    for name, text in TABLES.items():
        (tmp_path / "tables").mkdir(exist_ok=True)
        (tmp_path / "tables" / f"{name}.csv").write_text(text, encoding="utf-8")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").touch()
    return tmp_path


def test_a_line_for_each_part_and_the_page_last(results: Path) -> None:
    lines = list(closing_lines(results, since=time.time() - 760))
    assert lines == [
        "Localisation, scenes: mIoU 57.3 % [54.0, 60.2] by cmi (orthogonal), 30.0 % [25.0, 35.0] by attention",
        "Retrieval, scenes_noun_swap: highest accuracy 90.0 % [80.0, 95.0] by i_s; chance is 50 %",
        "Editing, scenes: r = 0.50 [0.41, 0.58] of CMI with the change when the word is left out",
        "Word pairs, scenes: r = 0.30 [0.05, 0.50] of unique information with the change when the word is left out",
        "Faithfulness, scenes: CMI beyond another image's CMI, in nats: deletion -0.2 [-0.8, 0.5], insertion 1.4 [0.2, 3.0]",
        "Validation: intervals of totals from 100 draws contain the truth in 93 to 97 % of the runs, "
        "depending on problem and design",
        "Representation: factors 9.80 (iˢ 10.02 [9.40, 10.60]) of 9.80 nats, roll 3.10 of 9.80 nats",
        "60 cases and 48 described images, some failed: scenes/edit_images: 2 of 60 (image_unreadable 2)",
        f"Done in 13 min; tables: {results / 'tables'}, figures: {results / 'figures'}",
        f"Open {(results / 'report' / 'index.html').as_uri()}",
    ]


def test_only_tables_of_this_run(results: Path) -> None:
    for table in (results / "tables").iterdir():
        os.utime(table, (0, 0))
    (results / "report" / "index.html").unlink()
    lines = list(closing_lines(results, since=time.time() - 5))
    assert len(lines) == 1 and lines[0].startswith("Done in 5 s")


def test_it_is_printed_after_everything_else(results: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from infodecomp.report.closing import close_run;"
        "close_run(Path(sys.argv[1]), time.time(), failed=sys.argv[2] == 'failed');"
        "print('Elapsed time', file=sys.stderr)"
    )
    for outcome, last in (("fine", "index.html"), ("failed", "the same command continues where it stopped.")):
        done = subprocess.run(
            [sys.executable, "-c", code, str(results), outcome], capture_output=True, text=True, check=True
        )
        first, *rest = done.stderr.splitlines()
        assert first == "Elapsed time" and rest[-1].endswith(last)
