"""The stage that estimates pairs of words: one pass for all prompts, replicates of their own, resumed, and bad words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from infodecomp.config import (
    InformationSection,
    PairSamplingSection,
    PairsSection,
)
from infodecomp.datasets.cases import cases_table, make_case
from infodecomp.datasets.word_pairs import PAIR_COLUMNS, pairs_by_class, pairs_table
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import integration_interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.pairs.estimates import SHARD_COLUMNS, read_information, read_shards
from infodecomp.pairs.prompts import image_prompts, word_pair_prompts
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator
from infodecomp.runs.storage import read_table, write_table
from infodecomp.stages import decompose_information
from tests.stage_settings import settings
from tests.unit.shard_arguments import MODEL, shard_arguments

SECTION = PairsSection(sampling=PairSamplingSection(steps=4, replicates=2))
CAPTIONS = {"a": "a dog left of a zebra on the grass", "b": "a cat in a bed"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for name, caption in CAPTIONS.items():
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "images" / f"{name}.png")
        words = [word for word in ("dog", "zebra", "grass", "cat", "bed") if f" {word}" in caption]
        same = {"dataset": "d", "image_id": name, "image_path": f"{name}.png", "caption": caption}
        rows += [make_case(**same, word=word, label=word) for word in words]
    pairs = pairs_by_class("d", cases_table(rows), kinds=("noun+noun",), tagger=None, join="and")
    pairs[-1]["prompt_intervention"] = "a dog in a bed"
    write_table(tmp_path / "pairs.parquet", pairs_table(pairs), PAIR_COLUMNS)
    return tmp_path


def run(folder: Path, name: str = "out", **changes: Any) -> Any:
    read = settings("decompose_information", pairs=SECTION, information=InformationSection())
    given = {"settings": read, "cases": folder / "pairs.parquet"}
    decompose_information.run(shard_arguments(folder, name, **{**given, **changes}))
    return read_table(folder / name / "shard.parquet", SHARD_COLUMNS)


def test_all_prompts_of_an_image_share_draws_and_evaluations(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    answer = LatentDiffusion.__call__

    def counting(model: LatentDiffusion, x_alpha: Any, *others: Any) -> Any:
        rows.append(len(x_alpha))
        return answer(model, x_alpha, *others)

    monkeypatch.setattr(LatentDiffusion, "__call__", counting)
    frame = run(folder, batch_size=1)
    pairs = read_table(folder / "pairs.parquet", PAIR_COLUMNS)
    assert len(frame) == 4 and list(frame["status"]) == ["ok"] * 4 and set(frame["draws"]) == {8}
    prompts = [image_prompts(list(of_image.itertuples())) for _, of_image in pairs.groupby("image_id")]
    # Image a: empty, three words, three of both, three rests, three without one word, the caption; b also an intervention.
    assert [len(of_image) for of_image in prompts] == [14, 9]
    assert sum(rows) == (14 + 9) * 8
    assert list(frame["evaluations"]) == [8 * 8] * 3 + [9 * 8]
    assert frame["intervention_standard_both"].isna().tolist() == [True, True, True, False]
    monkeypatch.setattr(LatentDiffusion, "__call__", lambda *_: pytest.fail("finished pairs are estimated again"))
    again = run(folder, batch_size=1)
    assert again.equals(frame)
    assert len(read_shards([folder / "out/shard.parquet"], pairs)) == 4
    with pytest.raises(InputError, match="the rows are not those of the table of pairs"):
        read_shards([folder / "out/shard.parquet"], pairs.iloc[1:])


def test_replicates_are_runs_of_their_own(folder: Path) -> None:
    """Each is the estimate from its own draws; the shard's totals are their means, with the error of a mean."""
    frame = run(folder)
    pair = next(read_table(folder / "pairs.parquet", PAIR_COLUMNS).itertuples(index=False))
    found = read_information(folder / "out/maps" / f"{pair.case_id}.npz")
    model = LatentDiffusion.load(MODEL)
    interval = integration_interval(
        loc=1.0, scale=2.0, clip=3.0, trained=model.logsnr_range, beyond_trained_range=False
    )
    pixels = torch.from_numpy(
        np.asarray(Image.open(folder / "images/a.png"), dtype=np.float32).transpose(2, 0, 1) / 127.5 - 1
    )
    latent = model.encode_pixels(pixels[None], None)
    pairs = word_pair_prompts(pair)
    names = image_prompts([pair])
    prompts = dict(zip(names, model.encode_prompts(names), strict=True))
    for number in range(2):
        draws = sample_draws(
            shape=model.latent_shape,
            steps=[4],
            density="logistic",
            design="stratified",
            antithetic_eps=True,
            interval=interval,
            rng=generator(3, "a", "pairs of words", number),
        )
        alone = estimate(model, latent, prompts, list(dict.fromkeys(pairs.values())), draws)
        for (condition, words), names_of in pairs.items():
            for estimator in ("orthogonal", "standard"):
                heat = getattr(found[condition, estimator], words)[number]
                np.testing.assert_allclose(heat, getattr(alone, estimator)[names_of].map, rtol=2e-3, atol=2e-4)
    totals = found["given_rest", "orthogonal"].both.sum((1, 2))
    assert frame["given_rest_orthogonal_both"][0] == pytest.approx(totals.mean())
    assert frame["given_rest_orthogonal_both_error"][0] == pytest.approx(totals.std(ddof=1) / 2**0.5)


def test_a_pair_whose_word_its_caption_lacks_is_lost_alone(folder: Path) -> None:
    pairs = read_table(folder / "pairs.parquet", PAIR_COLUMNS)
    pairs.loc[3, "second"] = "sofa"
    write_table(folder / "pairs.parquet", pairs, PAIR_COLUMNS)
    frame = run(folder)
    assert list(frame["status"]) == ["ok", "ok", "ok", "word_not_in_caption"] and "sofa" in frame["reason"][3]
    assert np.isnan(frame["alone_orthogonal_both"][3])
