"""Editing an explained picture by its caption: what comes out, what it takes, and that it is the editing study's."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from infodecomp.config import (
    BudgetSection,
    EditCaptionsSection,
    EditingSection,
    FlowSection,
    InformationSection,
)
from infodecomp.datasets.cases import cases_table, make_case, read_cases, write_cases
from infodecomp.editing.edits import EDIT_COLUMNS, read_edit_maps
from infodecomp.explain import Explainer
from infodecomp.explaining.doubts import ExplanationWarning
from infodecomp.explaining.edit import Edit
from infodecomp.explaining.explanation import Explanation
from infodecomp.metrics.correlation import spearman
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_table
from infodecomp.stages import edit_images
from tests.stage_settings import settings
from tests.unit.shard_arguments import MODEL, shard_arguments
from tests.unit.small_model import small_pipeline
from tests.unit.test_explainer import _state

CAPTION = "A dog and a red dog"
PICTURE = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
STEPS, DRAWS = 3, 6
FLOW = 3 * 2 * (STEPS - 1)  # Heun's two evaluations a move: to noise, back, and back with the edited caption


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExplanationWarning)
        yield


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return small_pipeline()


@pytest.fixture(scope="module")
def found(pipeline: Any) -> Explanation:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExplanationWarning)
        return Explainer(pipeline, batch_size=16)(PICTURE, CAPTION, words=["dog"], draws=DRAWS, progress=False)


def test_a_replaced_word_gives_pictures_changes_and_correlations(found: Explanation) -> None:
    edit = found.edit("dog", "elephant", steps=STEPS, progress=False)
    assert edit.edited_caption == "An elephant and a red dog" and edit.caption == CAPTION
    for picture in (edit.picture, edit.round_trip, edit.edited):
        assert picture.shape == (16, 16, 3) and picture.dtype == np.uint8
    assert np.array_equal(edit.picture, PICTURE) and (edit.round_trip != edit.edited).any()
    assert {one.shape for one in (*edit.changes.values(), edit.attention, edit.inside)} == {(8, 8)}
    assert edit.change.sum() > 0 and edit.inside.all() and edit.psnr < edit.psnr_autoencoder + 60
    rho = spearman(edit.quantities["cmi"].map.ravel().astype(float), edit.change.ravel().astype(float))
    assert edit.correlation() == pytest.approx(float(rho))
    table = edit.table()
    assert isinstance(table, pd.DataFrame) and len(table) == 4 * 3 and table["rho"].between(-1, 1).all()
    assert table.loc[table["predictor"] == "attention", "nats"].isna().all()
    assert repr(edit).startswith("Edit('A dog and a red dog' → 'An elephant and a red dog': ρ of CMI and change ")


def test_what_is_known_is_not_estimated_again(found: Explanation) -> None:
    """Of a replaced word, CMI against the new caption is, with no text as the third prompt; MI is the explanation's."""
    word = found["dog"]
    edit = found.edit("dog", "cat", steps=STEPS, progress=False)
    assert edit.evaluations == FLOW + 3 * DRAWS and edit.quantities["mi"] is word.mi
    assert not np.array_equal(edit.quantities["cmi"].map, word.cmi.map)
    without = found.without("dog", steps=STEPS, progress=False)
    assert without.edited_caption == "A and a red dog" and without.evaluations == FLOW
    assert without.quantities["cmi"] is word.cmi
    assert without.quantities["cmi_standard"] is word.quantities["cmi", "standard"]


def test_any_word_of_the_caption_can_be_edited(found: Explanation) -> None:
    edit = found.without("red", steps=STEPS, progress=False)
    assert edit.edited_caption == "A dog and a dog" and edit.evaluations == FLOW + 4 * DRAWS
    second = found.edit(("dog", 1), " big\ncat ", steps=STEPS, progress=False)
    assert second.edited_caption == "A dog and a red big cat" and second.span.start == 16


def test_bars_of_a_letterbox_are_left_out(pipeline: Any) -> None:
    wide = np.random.default_rng(1).integers(0, 255, (16, 32, 3), dtype=np.uint8)
    explanation = Explainer(pipeline)(wide, "a dog", words=["dog"], draws=DRAWS, fit="letterbox", progress=False)
    edit = explanation.without("dog", steps=STEPS, progress=False)
    assert edit.inside.sum(axis=1).tolist() == [0, 0, 8, 8, 8, 8, 0, 0]


def test_a_pipeline_is_after_edits_and_pairs_as_it_was() -> None:
    pipeline = small_pipeline()
    pipeline.unet.train()
    before = _state(pipeline)
    explanation = Explainer(pipeline)(PICTURE, "a dog", words=["dog"], draws=DRAWS, progress=False)
    explanation.edit("dog", "cat", steps=2, progress=False)
    explanation.pair("a", "dog", draws=8, progress=False)
    with pytest.raises(InputError):
        explanation.edit("dog", "dog", steps=2)
    assert _state(pipeline) == before


@pytest.mark.parametrize(
    ("word", "other", "options", "sentence"),
    [
        ("cat", "dog", {}, "the word 'cat' is not in the caption"),
        ("dog", "", {}, r"in place of 'dog' is ''; expected a word, or use e\.without\('dog'\)"),
        ("dog", None, {}, "in place of 'dog' is None"),
        ("red", "red", {}, "'red' in place of 'red' leaves the caption as it is"),
        ("dog", "cat", {"steps": 1}, "steps is 1; allowed are whole numbers from 2"),
    ],
)
def test_an_edit_that_cannot_be_is_a_sentence(
    found: Explanation, word: str, other: Any, options: dict[str, Any], sentence: str
) -> None:
    if other is None:
        with pytest.raises(InputError, match="expected a word"):
            found.edit(word, 3)  # type: ignore[arg-type]
        return
    with pytest.raises(InputError, match=sentence):
        found.edit(word, other, **options)


def test_correlations_that_are_not_measured_are_refused(found: Explanation) -> None:
    edit = found.without("dog", steps=2, progress=False)
    with pytest.raises(
        InputError, match="no correlation of 'gradient' and 'ssim'; allowed are cmi_standard, cmi, mi, att"
    ):
        edit.correlation("gradient", "ssim")  # type: ignore[arg-type]


def test_an_edit_is_drawn_and_doubted(found: Explanation) -> None:
    with pytest.warns(ExplanationWarning, match="came back with a PSNR of .* dB, below 20"):
        edit = found.without("dog", steps=2, progress=False)
    assert len(edit.warnings) == 1
    figure = edit.plot()
    assert "Warning: With its own caption" in " ".join(text.get_text() for text in figure.texts)
    with pytest.raises(InputError, match="the palette is 'heat'"):
        edit.plot(palette="heat")


def test_values_that_are_not_finite_are_a_sentence(found: Explanation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LatentDiffusion, "decode", lambda self, latents: latents[:, :3] * float("nan"))
    with pytest.raises(InputError, match="values that are not finite; use a model in float32"):
        found.without("dog", steps=2, progress=False)


def test_an_explanation_that_was_loaded_is_resumed(found: Explanation, pipeline: Any, tmp_path: Path) -> None:
    found.save(tmp_path / "dog.zip")
    loaded, explainer = Explanation.load(tmp_path / "dog.zip"), Explainer(pipeline, batch_size=16)
    again = explainer.resume(loaded).without("dog", steps=STEPS, progress=False)
    before = found.without("dog", steps=STEPS, progress=False)
    assert np.array_equal(again.edited, before.edited) and again.correlation() == before.correlation()
    with pytest.raises(InputError, match=r"is by the model '.*', this Explainer has '.*scenes'; use an Explainer of"):
        Explainer(MODEL, device="cpu").resume(loaded)


def test_edits_are_those_of_the_study(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    path, caption = tmp_path / "images" / "a.png", "a dog left of a zebra"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
    made = make_case(dataset="d", image_id="a", image_path="a.png", label="dog", word="dog", caption=caption)
    write_cases(tmp_path / "cases.parquet", cases_table([made]))
    information = InformationSection(budget=BudgetSection(steps=(8,)))
    section = EditingSection(flow=FlowSection(steps=4), captions=EditCaptionsSection(swaps=(("dog", "cat"),)))
    read = settings("edit_images", editing=section, information=section.estimator(information))
    edit_images.run(shard_arguments(tmp_path, "out", settings=read, maps=tmp_path / "edits", known=None))
    (case,) = read_cases(tmp_path / "cases.parquet").itertuples()
    study = read_edit_maps(tmp_path / "edits" / f"{case.case_id}.npz", swapped=True)
    row: Any = next(read_table(tmp_path / "out" / "shard.parquet", EDIT_COLUMNS).itertuples())
    found = Explainer(MODEL, device="cpu")(
        path, caption, words=["dog"], seed=3, image_id="a", information=information, progress=False
    )
    edits = {"omit": found.without("dog", steps=4, progress=False), "swap": found.edit("dog", "cat", steps=4)}
    for branch, edit in edits.items():
        assert edit.edited_caption == getattr(row, f"prompt_{branch}")
        for name, change in edit.changes.items():
            _same(change, study.change[name, branch])
        cmi = "cmi" if branch == "omit" else "cmi_swap"
        for mine, theirs in (("cmi", f"{cmi}_o"), ("cmi_standard", f"{cmi}_s"), ("mi", "mi_o")):
            _same(edit.quantities[mine].map, study.predictor[theirs])
        _same(edit.attention, study.predictor["attention"])
        assert edit.psnr == pytest.approx(row.psnr, rel=1e-4)
    assert isinstance(edits["swap"], Edit) and edits["swap"].evaluations == 3 * 6 + 3 * 8


def _same(one: np.ndarray, other: np.ndarray) -> None:
    assert np.abs(one - other).max() <= 1e-4 * max(1e-3, float(np.abs(other).max()))
