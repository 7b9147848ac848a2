"""The stages of the two baselines: one row per case and option, shared work done once, failures kept as rows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from infodecomp.config import ClipSection, section_json
from infodecomp.datasets.retrieval_cases import make_retrieval_case, retrieval_cases_table, write_retrieval_cases
from infodecomp.models.clip import ClipSimilarity
from infodecomp.retrieval.baselines import baseline_table
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS, missing_scores, read_retrieval_scores
from infodecomp.retrieval.text_scores import text_scores
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import job_ledger
from infodecomp.runs.storage import read_table
from infodecomp.scenes.clip_model import build_clip, save_clip
from infodecomp.scenes.model import build_text_encoder, build_tokenizer
from infodecomp.stages import score_clip, score_text
from infodecomp.training.autoencoder import pictures
from infodecomp.words.ngram import NgramModel

PAIRS = (
    ("0.png", "", ("a red cat left of a dog", "a red dog left of a cat"), 1),
    ("0.png", "0,0,32,64", ("a dog above a kite", "a kite above a dog"), 1),
    ("1.png", "", ("a zebra", "a red dog left of a cat"), 0),
    ("0.png", "", ("a zebra", "a red dog left of a cat", "a bed"), 1),
    ("2.png", "", ("a red dog on the grass", "the grass on a dog red"), 0),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of three images with five cases, and a CLIP with random weights."""
    made = tmp_path_factory.mktemp("study")
    for k, picture in enumerate(pictures(0, "validation", 0, 3)):
        Image.fromarray(picture).save(made / f"{k}.png")
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    save_clip(made / "clip", build_clip(build_text_encoder(tokenizer)), tokenizer)
    write_retrieval_cases(made / "cases.parquet", table())
    return made


def table(pairs: Sequence[tuple] = PAIRS, **changes: str) -> pd.DataFrame:
    return retrieval_cases_table(
        [
            make_retrieval_case(dataset="d", image_path=image, crop=crop, options=options, truth=truth, **changes)
            for image, crop, options, truth in pairs
        ]
    )


def run_clip(folder: Path, output: Path, **changes: object) -> None:
    settings = {
        "cases": folder / "cases.parquet",
        "images": folder,
        "clip": section_json(ClipSection(id=str(folder / "clip"))),
        "resize": "squeeze",
        "max_failed_fraction": 0.0,
        "output": output,
        "device": "cpu",
        "batch_size": 4,
    }
    with job_ledger({}):
        score_clip.run(SimpleNamespace(**{**settings, **changes}))


def test_every_option_of_every_case_has_a_row(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_clip(folder, tmp_path / "clip.parquet")
    printed = capsys.readouterr()
    assert "5 cases, 0 failed" in printed.out and "texts and images" in printed.err
    with job_ledger({}):
        score_text.run(SimpleNamespace(cases=folder / "cases.parquet", output=tmp_path / "text.parquet"))
    cases = table()
    scores = read_retrieval_scores([tmp_path / "clip.parquet", tmp_path / "text.parquet"], cases)
    assert missing_scores("d", scores, cases, ("clip", "text_only")) == []
    assert len(scores) == 2 * (2 + 2 + 2 + 3 + 2)
    assert set(scores["status"]) == {"ok"} and set(scores["evaluations"]) == {0} and scores["error"].isna().all()
    assert np.isfinite(scores["value"]).all()
    for name, stage in (("clip", "score_clip"), ("text", "score_text")):
        record = json.loads((tmp_path / f"{name}.provenance.json").read_text())
        assert record["stage"] == stage and any(name.endswith("cases.parquet") for name in record["inputs"])
    assert json.loads((tmp_path / "clip.provenance.json").read_text())["section"]["resize"] == "squeeze"


def test_clip_scores_are_cosines_of_the_crop_with_each_option(folder: Path, tmp_path: Path) -> None:
    run_clip(folder, tmp_path / "scores.parquet", resize="letterbox")
    scores = read_table(tmp_path / "scores.parquet", RETRIEVAL_SCORE_COLUMNS)
    clip = ClipSimilarity.load(str(folder / "clip"))
    for case in table().itertuples():
        image = Image.open(folder / case.image_path).convert("RGB")
        image = image.crop((0, 0, 32, 64)) if case.crop else image
        found = scores.loc[scores["case_id"] == case.case_id, "value"].to_numpy()
        assert np.allclose(found, clip.similarity(image, case.options, "letterbox"), atol=1e-5)
    whole = scores[scores["case_id"].isin(table()["case_id"].iloc[[0, 1]])]["value"]
    assert whole.nunique() == 4


def test_texts_and_images_are_encoded_once(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    images: list[Image.Image] = []
    encode_texts, encode_images = ClipSimilarity.text_features, ClipSimilarity.image_features
    monkeypatch.setattr(
        ClipSimilarity,
        "text_features",
        lambda self, captions, rows: texts.extend(captions) or encode_texts(self, captions, rows),
    )
    monkeypatch.setattr(
        ClipSimilarity,
        "image_features",
        lambda self, batch, resize, rows: images.extend(batch) or encode_images(self, batch, resize, rows),
    )
    run_clip(folder, tmp_path / "scores.parquet")
    assert sorted(texts) == sorted({option for _, _, options, _ in PAIRS for option in options})
    assert len(images) == 4  # three files, one of them also cropped
    frame = read_table(tmp_path / "scores.parquet", RETRIEVAL_SCORE_COLUMNS)
    ids = table()["case_id"]
    first, fourth = (frame[frame["case_id"] == ids[k]].set_index("option")["value"] for k in (0, 3))
    assert first[1] == fourth[1]  # the same text of the same image


def test_the_batch_size_does_not_change_a_result(folder: Path, tmp_path: Path) -> None:
    values = []
    for size in (1, 3, 64):
        run_clip(folder, tmp_path / f"{size}.parquet", batch_size=size)
        values.append(read_table(tmp_path / f"{size}.parquet", RETRIEVAL_SCORE_COLUMNS)["value"])
    assert np.allclose(values[0], values[1], atol=1e-6) and np.allclose(values[0], values[2], atol=1e-6)


def test_unreadable_images_become_rows_with_a_status(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    for name in ("0.png", "1.png", "2.png"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    lost = [("broken.png", "", ("a dog", "a cat"), 0), ("broken.png", "", ("a bed", "a cat"), 0)]
    outside = [("1.png", "500,500,5,5", ("a dog", "a cat"), 0)]
    cases = table([*PAIRS, *lost, *outside])
    cases.loc[4, ["status", "reason"]] = ["image_missing", "the image is missing."]
    write_retrieval_cases(tmp_path / "cases.parquet", cases)
    settings = {"cases": tmp_path / "cases.parquet", "images": tmp_path}
    with pytest.raises(
        InputError, match=r"4 of 8 cases failed, more than max_failed_fraction allows \(1\).*broken\.png"
    ):
        run_clip(folder, tmp_path / "scores.parquet", max_failed_fraction=0.1, **settings)
    assert not (tmp_path / "scores.parquet").exists()
    run_clip(folder, tmp_path / "scores.parquet", max_failed_fraction=0.5, **settings)
    scores = read_retrieval_scores([tmp_path / "scores.parquet"], cases)
    assert len(scores) == sum(len(options) for options in cases["options"])
    status = scores.groupby("case_id")["status"].first()[cases["case_id"]].tolist()
    assert status == ["ok"] * 4 + ["image_missing", "image_unreadable", "image_unreadable", "image_unreadable"]
    assert scores.loc[scores["status"] != "ok", "value"].isna().all()
    assert (scores.loc[scores["status"] != "ok", "reason"] != "").all()
    assert np.isfinite(scores.loc[scores["status"] == "ok", "value"]).all()


def test_values_that_are_not_finite_become_rows_with_a_status(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = ClipSimilarity.image_features

    def overflow(clip: ClipSimilarity, images: Sequence[Image.Image], resize: str, rows: int) -> np.ndarray:
        features = encode(clip, images, resize, rows)  # type: ignore[arg-type]
        features[-1] = np.nan
        return features

    monkeypatch.setattr(ClipSimilarity, "image_features", overflow)
    run_clip(folder, tmp_path / "scores.parquet", max_failed_fraction=0.2)
    scores = read_retrieval_scores([tmp_path / "scores.parquet"], table())
    assert scores["status"].tolist() == ["ok"] * 9 + ["non_finite"] * 2
    assert scores["value"].isna().tolist() == [False] * 9 + [True] * 2


def test_a_clip_that_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"clip → id '.*nowhere'"):
        run_clip(folder, tmp_path / "s.parquet", clip=section_json(ClipSection(id=str(tmp_path / "nowhere"))))


def test_text_scores_leave_the_image_file_out() -> None:
    """Crops of one file are one image; captions of cases that cannot be scored are learnt from nevertheless."""
    cases = table()
    cases.loc[2, ["status", "reason"]] = ["image_missing", "the image is missing."]
    values = text_scores(cases)
    assert set(values) == set(cases["case_id"].drop(2))
    others = NgramModel(["a zebra", "a red dog on the grass"])
    for position in (0, 1, 3):
        case = cases.loc[position]
        assert values[case["case_id"]] == [others.score(option) for option in case["options"]]
    of_file = ["a red dog left of a cat", "a kite above a dog"]  # the first one is the truth of two cases, counted once
    last = NgramModel([*of_file, "a zebra"])
    assert values[cases["case_id"][4]] == [last.score(option) for option in cases["options"][4]]


def test_rows_of_failed_cases_have_no_value() -> None:
    cases = table(PAIRS[:2])
    cases.loc[0, ["status", "reason"]] = ["bad_box", "it has no area."]
    rows = baseline_table(cases, "clip", {cases["case_id"][1]: [0.25, 0.5]})
    assert list(rows.columns) == list(RETRIEVAL_SCORE_COLUMNS) and rows["option"].tolist() == [0, 1, 0, 1]
    assert rows["status"].tolist() == ["bad_box", "bad_box", "ok", "ok"] and rows["value"].tolist()[2:] == [0.25, 0.5]
    assert rows["value"].isna().tolist() == [True, True, False, False]
    later = baseline_table(cases, "clip", {}, {cases["case_id"][1]: ("image_unreadable", "broken.")})
    assert later["status"].tolist() == ["bad_box"] * 2 + ["image_unreadable"] * 2 and later["value"].isna().all()


def test_the_blind_score_never_imports_torch() -> None:
    check = (
        "import sys, infodecomp.stages.score_text; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
