"""The stage that scores captions with the diffusion model: what it writes, reuses and reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from infodecomp.config import (
    DiffitmSection,
    InformationSection,
    RetrievalSection,
    RetrievalTableSection,
    ScoringSection,
)
from infodecomp.datasets.retrieval_cases import (
    make_retrieval_case,
    read_retrieval_cases,
    retrieval_cases_table,
    write_retrieval_cases,
)
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import integration_interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import Shard
from infodecomp.runs.storage import read_table
from infodecomp.stages import score_retrieval
from tests.stage_settings import settings
from tests.unit.shard_arguments import MODEL, shard_arguments

TIMESTEPS = (10, 310, 910)
SECTION = RetrievalSection(
    methods=("i_o", "i_s", "neg_nll", "diffitm"),
    scoring=ScoringSection(steps=(12,)),
    diffitm=DiffitmSection(timesteps=TIMESTEPS),
)
OPTIONS = [("a dog left of a cat", "a cat left of a dog"), ("a dog", "a red dog", "a dog")]


def case(image: str, options: tuple[str, ...], crop: str = "", status: str = "ok") -> dict[str, Any]:
    return make_retrieval_case(
        dataset="d",
        image_path=image,
        options=options,
        truth=0,
        crop=crop,
        status=status,
        reason="" if status == "ok" else "it is not there",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "images" / f"{name}.png")
    rows = [case("a.png", OPTIONS[0]), case("a.png", OPTIONS[1]), case("b.png", OPTIONS[0], "0,0,32,64")]
    write_retrieval_cases(tmp_path / "cases.parquet", retrieval_cases_table(rows))
    return tmp_path


def score(folder: Path, section: RetrievalSection = SECTION, name: str = "out", **changes: Any) -> pd.DataFrame:
    read = settings("score_retrieval", retrieval=section, information=InformationSection())
    given = {"settings": read, "methods": section.methods, "maps": folder / name / "parts", "second_model": ""}
    score_retrieval.run(shard_arguments(folder, name, **{**given, **changes}))
    return read_table(folder / name / "shard.parquet", RETRIEVAL_SCORE_COLUMNS)


def values(frame: pd.DataFrame, score_name: str, case_id: str) -> np.ndarray:
    rows = frame[(frame["score"] == score_name) & (frame["case_id"] == case_id)].sort_values("option")
    return rows["value"].to_numpy()


def test_every_case_option_and_score_has_a_row(folder: Path) -> None:
    frame = score(folder)
    cases = read_retrieval_cases(folder / "cases.parquet")
    assert len(frame) == 4 * sum(len(options) for options in cases["options"])
    assert set(frame["status"]) == {"ok"} and np.isfinite(frame[["value", "error"]].to_numpy()).all()
    first, second, third = cases["case_id"]
    evaluations = frame.groupby(["case_id", "score"])["evaluations"].first()
    assert evaluations[first, "i_s"] == evaluations[first, "i_o"] == 12 * 3
    assert evaluations[first, "neg_nll"] == 24 and evaluations[first, "diffitm"] == len(TIMESTEPS) * 2
    assert evaluations[second, "i_s"] == 12 * 3  # two of its three options read the same
    assert values(frame, "i_s", second)[0] == values(frame, "i_s", second)[2]
    # Another crop of another picture is another question.
    assert not np.allclose(values(frame, "i_s", first), values(frame, "i_s", third))


def test_scores_are_those_of_the_estimator(folder: Path) -> None:
    frame = score(folder)
    model = LatentDiffusion.load(MODEL)
    with Image.open(folder / "images" / "a.png") as image:
        latent = model.encode_image(image.convert("RGB"))
    cases = read_retrieval_cases(folder / "cases.parquet")
    interval = integration_interval(loc=1, scale=2, clip=3, trained=model.logsnr_range, beyond_trained_range=False)
    draws = sample_draws(
        shape=model.latent_shape,
        steps=[12],
        density="logistic",
        design="stratified",
        antithetic_eps=True,
        interval=interval,
        rng=generator(3, cases["image_id"][0], "retrieval"),
    )
    prompts = ["", *OPTIONS[0]]
    conditions = dict(zip(prompts, model.encode_prompts(prompts), strict=True))
    expected = estimate(model, latent, conditions, [("", option) for option in OPTIONS[0]], draws)
    for position, option in enumerate(OPTIONS[0]):
        case_id = cases["case_id"][0]
        assert values(frame, "i_s", case_id)[position] == pytest.approx(expected.standard["", option].total, rel=1e-3)
        assert values(frame, "i_o", case_id)[position] == pytest.approx(expected.orthogonal["", option].total, rel=1e-3)
        assert values(frame, "neg_nll", case_id)[position] == pytest.approx(-expected.nll[option].total, rel=1e-5)


def test_batch_size_and_shards_do_not_change_scores(folder: Path) -> None:
    whole = score(folder)
    parts = [score(folder, name=f"part{k}", shard=k, shards=2, batch_size=7) for k in range(2)]
    both = pd.concat(parts).sort_values(["case_id", "score", "option"])
    same = whole.sort_values(["case_id", "score", "option"])
    assert np.allclose(both["value"], same["value"], rtol=1e-4, atol=1e-4)


def test_finished_cases_are_not_scored_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = score(folder)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("the model was loaded")

    with monkeypatch.context() as patch:
        patch.setattr(LatentDiffusion, "load", never)
        again = score(folder)
        other_tables = score(folder, SECTION.model_copy(update={"table": RetrievalTableSection(ties="wrong")}))
    pd.testing.assert_frame_equal(first, again)
    pd.testing.assert_frame_equal(first, other_tables)
    changed = score(folder, SECTION.model_copy(update={"scoring": ScoringSection(steps=(14,))}))
    assert not np.allclose(changed["value"], first["value"])


def test_racing_takes_the_whole_budget_when_open_and_less_when_clear(folder: Path) -> None:
    def raced(**changes: Any) -> RetrievalSection:
        scoring = {"steps": (12, 24), "stopping": "racing", "error": 1e-9}
        return SECTION.model_copy(update={"scoring": ScoringSection(**{**scoring, **changes})})

    section = raced()
    whole = score(folder, raced(stopping="none"), name="whole")
    open_cases = score(folder, section, name="open")
    assert set(open_cases.loc[open_cases["score"] == "i_s", "evaluations"]) == {24 * 3}
    # The draws are the same ones, so that a race that never ends early is the whole run.
    assert np.allclose(open_cases["value"], whole["value"], rtol=1e-4, atol=1e-4)
    eager = score(folder, raced(error=0.999), name="eager")
    used = eager[eager["score"] == "neg_nll"].groupby("case_id")["evaluations"].first()
    assert (used <= 48).all() and (used == 24).any()
    assert set(eager.loc[eager["score"] == "diffitm", "evaluations"]) == {6}
    assert np.isfinite(eager[["value", "error"]].to_numpy()).all()


def test_images_are_kept_as_soon_as_they_are_done(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after all images that are under way together: a run that is stopped loses little."""
    stored: list[str] = []
    store = Shard.store
    monkeypatch.setattr(
        Shard, "store", lambda self, case, arrays: (stored.append(case.case_id), store(self, case, arrays))
    )
    calls: list[int] = []
    predict = LatentDiffusion.__call__

    def counted(self: LatentDiffusion, *inputs: torch.Tensor) -> torch.Tensor:
        calls.append(len(stored))
        return predict(self, *inputs)

    monkeypatch.setattr(LatentDiffusion, "__call__", counted)
    score(folder, batch_size=8)
    assert calls[-1] == 2 and len(stored) == 3  # both cases of the first image, while the second is under way


def test_a_second_model_scores_by_norms_alone(folder: Path) -> None:
    frame = score(folder)
    read = settings("score_second_model", retrieval=SECTION)
    second = score(folder, name="second", second_model="hardneg_diffitm", settings=read)
    assert set(second["score"]) == {"hardneg_diffitm"}
    diffitm = frame[frame["score"] == "diffitm"]["value"].to_numpy()
    assert np.allclose(second["value"].to_numpy(), diffitm, rtol=1e-5)


def test_scores_that_are_not_asked_for_are_not_paid_for(folder: Path) -> None:
    section = SECTION.model_copy(update={"methods": ("neg_nll",)})
    frame = score(folder, section)
    assert set(frame["score"]) == {"neg_nll"} and frame["evaluations"].max() == 24


def test_lost_and_unreadable_cases_keep_their_rows(folder: Path) -> None:
    (folder / "images" / "broken.png").write_bytes(b"no picture")
    rows = [
        case("a.png", OPTIONS[0]),
        case("broken.png", OPTIONS[0]),
        case("gone.png", OPTIONS[0], status="image_missing"),
    ]
    write_retrieval_cases(folder / "cases.parquet", retrieval_cases_table(rows))
    frame = score(folder, max_failed_fraction=0.7)
    status = frame.groupby("case_id")["status"].first()
    ids = [row["case_id"] for row in rows]
    assert [status[one] for one in ids] == ["ok", "image_unreadable", "image_missing"]
    assert frame.loc[frame["status"] != "ok", "value"].isna().all() and len(frame) == 3 * 4 * 2
    with pytest.raises(InputError, match="2 of 3 cases failed"):
        score(folder, name="strict", max_failed_fraction=0.1)
