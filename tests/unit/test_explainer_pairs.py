"""Two words of an explained caption: their parts, their draws, and that they are those of a study."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from infodecomp.config import BudgetSection, InformationSection, PairSamplingSection, PairsSection
from infodecomp.datasets.cases import cases_table, make_case
from infodecomp.datasets.word_pairs import PAIR_COLUMNS, pairs_by_class, pairs_table
from infodecomp.explain import Explainer
from infodecomp.explaining.doubts import ExplanationWarning
from infodecomp.explaining.explanation import Explanation
from infodecomp.explaining.options import Options
from infodecomp.metrics.partial_information import Information
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.pairs.estimates import read_information
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import write_table
from infodecomp.stages import decompose_information
from tests.stage_settings import settings
from tests.unit.explained import paired
from tests.unit.shard_arguments import MODEL, shard_arguments
from tests.unit.small_model import small_pipeline

CAPTION = "a red dog above a dog and a cat"
PICTURE = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExplanationWarning)
        yield


@pytest.fixture(scope="module")
def explainer() -> Explainer:
    return Explainer(small_pipeline(), batch_size=16)


@pytest.fixture(scope="module")
def found(explainer: Explainer) -> Explanation:
    return explainer(PICTURE, CAPTION, words=["dog"], draws=24, progress=False)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The rows of each call of the denoiser."""
    counted, real = list[int](), LatentDiffusion.predict

    def predict(self: LatentDiffusion, x_alpha: torch.Tensor, *rest: Any) -> torch.Tensor:
        counted.append(len(x_alpha))
        return real(self, x_alpha, *rest)

    monkeypatch.setattr(LatentDiffusion, "predict", predict)
    yield counted


def test_the_parts_sum_to_what_both_words_say(found: Explanation) -> None:
    pair = found.pair("dog", "cat", progress=False)
    assert (pair.first.text, pair.second.text, pair.draws) == ("dog", "cat", 24)
    for parts in (pair.parts(), pair.parts("ccs", "standard"), pair.parts("ppid", surprisal=(1.0, 2.0))):
        assert list(parts.unique) == ["dog", "cat"]
        for _, part in parts.items():
            assert part.map.shape == (8, 8) and part.map.dtype == np.float32
            assert part.map.sum() == pytest.approx(part.total, rel=1e-4, abs=1e-6)
            low, high = part.interval()
            assert low <= part.total <= high
    maps = [part.map for _, part in pair.parts().items()]
    np.testing.assert_allclose(sum(maps), pair.both.map, atol=1e-6)
    for word in ("dog", "cat"):
        np.testing.assert_allclose(pair.redundancy.map + pair.unique[word].map, pair.words[word].map, atol=1e-6)
        assert pair.unique[word].map.min() >= 0
    assert pair.table()["part"].tolist() == [
        *("redundancy", "unique to dog", "unique to cat", "synergy", "dog", "cat", "dog and cat")
    ]
    assert pair.table()["total"].iloc[:4].sum() == pytest.approx(pair.both.total, rel=1e-5)


def test_a_pair_is_estimated_once_and_in_any_order(found: Explanation, rows: list[int]) -> None:
    pair = found.pair("red", ("dog", 1), progress=False)
    assert sum(rows) == 4 * 24 and pair.second.start == 18
    assert found.pair(("dog", 1), "red") is pair and found.pair("red", (18, 21)) is pair
    assert found.pair("red", ("dog", 1), draws=24) is pair and sum(rows) == 4 * 24
    more = found.pair("red", ("dog", 1), draws=30, progress=False)
    assert more.draws == 32 and found.pair("red", ("dog", 1)) is more
    alone = found.pair("red", ("dog", 1), given="nothing", progress=False)
    assert alone.given == "nothing" and alone.both.total != pair.both.total


def test_seeds_name_the_draws_of_a_pair(explainer: Explainer) -> None:
    totals = [
        explainer(PICTURE, "a dog", words=["dog"], draws=24, seed=seed, progress=False)
        .pair("a", "dog", draws=8, progress=False)
        .both.total
        for seed in (0, 0, 1)
    ]
    assert totals[0] == totals[1] != totals[2]


def test_questions_between_the_pictures_of_a_map_change_nothing(explainer: Explainer) -> None:
    pictures = np.random.default_rng(1).integers(0, 255, (2, 16, 16, 3), dtype=np.uint8)
    options: Options = {"words": ["dog"], "draws": 24, "progress": False}
    plain = list(explainer.map(pictures, ["a dog"] * 2, **options))
    asked = []
    for explanation in explainer.map(pictures, ["a dog"] * 2, **options):
        explanation.pair("a", "dog", draws=8, progress=False)
        explanation.without("dog", steps=2, progress=False)
        asked.append(explanation)
    for one, other in zip(plain, asked, strict=True):
        np.testing.assert_array_equal(one["dog"].cmi.map, other["dog"].cmi.map)
        np.testing.assert_array_equal(*(each["dog"].maps["attention_information"] for each in (one, other)))


@pytest.mark.parametrize(
    ("words", "options", "sentence"),
    [
        (("dog", "horse"), {}, "the word 'horse' is not in the caption"),
        (("dog", "dog"), {}, r"'dog' and 'dog' of a pair are one place of the caption or overlap; .*\('dog', 1\)"),
        (("red dog", "dog"), {}, "'red dog' and 'dog' of a pair"),
        (("dog", "cat"), {"given": "all"}, "given is 'all'; allowed are rest and nothing"),
        (("dog", "cat"), {"draws": 0}, "draws is 0; allowed are whole numbers from 1"),
    ],
)
def test_a_pair_that_cannot_be_is_a_sentence(
    found: Explanation, words: tuple[str, str], options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        found.pair(*words, **options)


def test_a_word_that_the_model_does_not_read_has_no_pair(explainer: Explainer) -> None:
    long = explainer(PICTURE, "a red " * 60 + "dog", words=[("red", 0)], draws=24, methods=["mi"], progress=False)
    with pytest.raises(InputError, match="the word 'dog' is beyond the first 96 tokens"):
        long.pair("red", "dog")


def test_parts_by_unknown_measures_are_refused() -> None:
    pair = paired().pairs[0]
    with pytest.raises(InputError, match="measure is 'max'; allowed are min, ccs and ppid"):
        pair.parts("max")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="estimator is 'both'; allowed are orthogonal and standard"):
        pair.parts(estimator="both")  # type: ignore[arg-type]


def test_a_pair_is_drawn() -> None:
    pair = paired().pairs[0]
    figure = pair.plot()
    titles = [axes.get_title().split("\n")[0] for axes in figure.axes if axes.get_title()]
    assert titles == ["redundancy", "unique to dog", "unique to robot", "synergy"]
    scales = {image.norm for axes in figure.axes[2:6] for image in axes.images}
    assert len(scales) == 1 and scales.pop().vmin < 0, "one scale, with zero in its middle for cells below it"
    only = Information(*(np.full((4, 8, 8), nats) for nats in (1.0, 1.0, 2.0)))
    figure = replace(pair, information={"orthogonal": only}).plot()
    assert figure.axes[2].images[0].norm.vmin == 0
    with pytest.raises(InputError, match="the palette is 'heat'"):
        pair.plot(palette="heat")


def test_the_parts_are_those_of_a_study(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    path, caption = tmp_path / "images" / "a.png", "a dog left of a zebra"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (70, 64, 3), dtype=np.uint8)).save(path)
    same = {"dataset": "d", "image_id": "a", "image_path": "a.png", "caption": caption}
    cases = cases_table([make_case(**same, word=word, label=word) for word in ("dog", "zebra")])
    pairs = pairs_table(pairs_by_class("d", cases, kinds=("noun+noun",), tagger=None, join="and"))
    write_table(tmp_path / "pairs.parquet", pairs, PAIR_COLUMNS)
    section = InformationSection(budget=BudgetSection(steps=(8,)))
    sampling = PairsSection(sampling=PairSamplingSection(steps=2, replicates=4))
    read = settings("decompose_information", pairs=sampling, information=section)
    decompose_information.run(shard_arguments(tmp_path, "out", settings=read, cases=tmp_path / "pairs.parquet"))
    study = read_information(tmp_path / "out" / "maps" / f"{pairs['case_id'][0]}.npz")
    found = Explainer(MODEL, device="cpu")(
        path, caption, words=["dog"], seed=3, image_id="a", information=section, methods=["mi"], progress=False
    )
    for given, condition in (("rest", "given_rest"), ("nothing", "alone")):
        pair = found.pair("dog", "zebra", given=given, progress=False)  # type: ignore[arg-type]
        assert pair.draws == 8
        for estimator, nats in pair.information.items():
            for name, maps in vars(study[condition, estimator]).items():
                np.testing.assert_allclose(getattr(nats, name), maps, rtol=1e-4, atol=1e-5)
