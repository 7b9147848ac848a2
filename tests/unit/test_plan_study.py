"""The plan of a study: evaluations as they are then made, bytes as they then lie on the disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from infodecomp.cli import run_stage as main
from infodecomp.config import (
    BudgetSection,
    CocoDataset,
    Config,
    DiffitmSection,
    DrawsSection,
    EditCaptionsSection,
    EditingSection,
    FaithfulnessSection,
    FetchedModelSection,
    FlowSection,
    InformationSection,
    LocalisationSection,
    PairRetrievalDataset,
    PairSamplingSection,
    PairSelectionSection,
    PairsSection,
    PilotSection,
    RetrievalSection,
    ScoringSection,
    default_config,
    section_json,
)
from infodecomp.datasets.cases import Case, cases_table, lost_case, make_case, write_cases
from infodecomp.datasets.retrieval_cases import make_retrieval_case, retrieval_cases_table
from infodecomp.editing.work import evaluations_of_a_walk
from infodecomp.flows.karras import KarrasPath
from infodecomp.jobs.work import Bytes, Work
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.speed import Speed, measure
from infodecomp.study.plan import plan_table
from infodecomp.study.work import study_work

MODEL = Path(__file__).resolve().parents[2] / "data" / "models" / "scenes"
SPEED = Speed("cpu", 8, plain=0.01, recorded=0.02, start_up=5, latent_shape=(4, 64, 64), image_size=512)


def case(image: str, caption: str, word: str) -> Case:
    return make_case(dataset="d", image_id=image, image_path=f"{image}.png", caption=caption, word=word, label=word)


@pytest.fixture
def cases() -> pd.DataFrame:
    """Two cases of one caption, one of another image, and one that is lost."""
    lost = lost_case(
        dataset="d",
        image_id="3",
        image_path="3.png",
        word="bus",
        label="bus",
        word_type="noun",
        status="word_not_in_caption",
        reason="it is not there.",
    )
    caption = "a dog and a cat"
    return cases_table([case("1", caption, "dog"), case("1", caption, "cat"), case("2", "a blue bed", "bed"), lost])


def config(**changes: object) -> Config:
    values = {
        "datasets": {"d": CocoDataset(editing=True, shards=3)},
        "retrieval_datasets": {},
        "information": InformationSection(budget=BudgetSection(steps=(4, 8))),
        "editing": EditingSection(flow=FlowSection(steps=5), captions=EditCaptionsSection(swaps=(("dog", "cat"),))),
    }
    return default_config().model_copy(update={**values, **changes})


@pytest.mark.parametrize(
    ("parts", "stages"),
    [
        (("editing",), ["estimate_information", "edit_images"]),
        (("localisation",), ["estimate_information", "record_attention", "record_gradients"]),
        (("retrieval", "validation"), []),
    ],
)
def test_only_the_work_of_the_chosen_parts_is_planned(
    cases: pd.DataFrame, parts: tuple[str, ...], stages: list[str]
) -> None:
    assert [one.stage for one in study_work(config(parts=parts), {"d": cases})] == stages


def test_evaluations_are_counted_from_the_cases(cases: pd.DataFrame) -> None:
    work = {one.stage: one for one in study_work(config(), {"d": cases})}
    assert list(work) == ["estimate_information", "record_attention", "record_gradients", "edit_images", "judge_maps"]
    assert all((one.cases, one.images) == (3, 2) for one in work.values())
    assert [one.jobs for one in work.values()] == [3, 3, 3, 3, 2]
    # Image 1: caption, empty, two words, two contexts; image 2: caption, empty, word, context.
    assert work["estimate_information"].evaluations == (6 + 4) * 8
    assert work["estimate_information"].recorded == 2 * 8
    assert "pilot_density" not in work
    assert work["record_attention"].evaluations == 2 * 2 * (25 + 50)
    # A pass that carries a direction along counts as three.
    assert work["record_gradients"].evaluations == 3 * 12 * 3
    # Ways: to noise, back unchanged, 2 omitted and 2 swapped; and 3 for image 2. MI and CMI are known; two swaps ask for
    # three captions on the real latent ("a dog and a cat" swapped either way), and two on each of their own.
    assert work["edit_images"].evaluations == (6 + 3) * 2 * 4 + (3 + 2 * 2) * 8
    assert (work["edit_images"].leaves.pictures, work["edit_images"].leaves.moving) == (2 * 3 + 5, 5)
    # Of each of three cases 34 images (8 maps, two shares, two ways; whole and filling) with two captions and 4 draws. Made
    # again twice: MI and CMI with the 4 draws they had, gradients with 6, and the walk of 25 steps.
    assert work["judge_maps"].evaluations == 3 * (34 * 2 * 8 + 2 * (4 * 4 + 3 * 6 + 2 * 25))


def test_moving_pictures_are_those_of_the_first_cases(cases: pd.DataFrame) -> None:
    editing = EditingSection(
        flow=FlowSection(steps=5), captions=EditCaptionsSection(swaps=(("dog", "cat"),)), animated=1
    )
    (work,) = (one for one in study_work(config(editing=editing), {"d": cases}) if one.stage == "edit_images")
    assert work.leaves.moving == 2
    assert Bytes(moving=2).total((4, 8, 8), 64) == pytest.approx(2 * 21_700, rel=0.01)
    assert Bytes(moving=2).total((4, 64, 64), 512) == Bytes(moving=2).total((4, 32, 32), 256)


def test_edits_estimate_what_the_localisation_study_lacks(cases: pd.DataFrame) -> None:
    shared, own = (
        next(one for one in study_work(config(editing=editing), {"d": cases}) if one.stage == "edit_images")
        for editing in (
            EditingSection(flow=FlowSection(steps=5), captions=EditCaptionsSection(swaps=(("lamp", "sofa"),))),
            EditingSection(
                flow=FlowSection(steps=5), captions=EditCaptionsSection(swaps=(("lamp", "sofa"),), omit="underscore")
            ),
        )
    )
    assert own.evaluations - shared.evaluations == (6 + 4) * 8


@pytest.mark.parametrize(("sampler", "ways"), [("heun", 12), ("euler", 6), ("ddim", 7)])
def test_evaluations_of_a_way(sampler: str, ways: int) -> None:
    assert evaluations_of_a_walk(FlowSection(sampler=sampler, steps=7)) == ways


def retrieval_cases() -> pd.DataFrame:
    """Two cases of one image that share a caption, one of another image."""
    options = {"1": [("a b", "b a"), ("a b", "c")], "2": [("d e", "e d")]}
    return retrieval_cases_table(
        [
            make_retrieval_case(dataset="r", image_path=f"{image}.png", options=texts, truth=0)
            for image, several in options.items()
            for texts in several
        ]
    )


@pytest.mark.parametrize(
    ("methods", "evaluations"),
    [(("i_s",), (5 + 2) * 8), (("neg_nll",), 5 * 8), (("i_o", "diffitm"), (5 + 2) * 8 + 5 * 3), (("diffitm",), 5 * 3)],
)
def test_captions_are_evaluated_once_an_image(methods: tuple[str, ...], evaluations: int) -> None:
    study = config(
        datasets={},
        retrieval_datasets={"r": PairRetrievalDataset(kind="vg_relation", file="r.json", images="r")},
        retrieval=RetrievalSection(
            methods=methods, scoring=ScoringSection(steps=(8,)), diffitm=DiffitmSection(timesteps=(1, 2, 3))
        ),
    )
    (work,) = study_work(study, {"r": retrieval_cases()})
    assert (work.stage, work.evaluations, work.at_most) == ("score_retrieval", evaluations, False)


def test_a_race_takes_at_most_so_many_and_a_second_model_its_own() -> None:
    study = config(
        datasets={},
        retrieval_datasets={"r": PairRetrievalDataset(kind="vg_relation", file="r.json", images="r")},
        retrieval=RetrievalSection(
            methods=("i_s", "hardneg_diffitm"),
            scoring=ScoringSection(stopping="racing"),
            diffitm=DiffitmSection(timesteps=(1, 2)),
        ),
    )
    work = list(study_work(study, {"r": retrieval_cases()}))
    assert [(one.stage, one.at_most) for one in work] == [("score_retrieval", True), ("score_hardneg_diffitm", False)]
    assert work[1].evaluations == 5 * 2


def test_hours_shards_and_bytes() -> None:
    work = Work("d", "s", 10, 10, 4, evaluations=360_000, recorded=0, leaves=Bytes(fixed=1e9, maps=10))
    row = plan_table([work], SPEED, minutes_per_job=20).iloc[0]
    assert row["hours"] == pytest.approx((3600 + 4 * 5) / 3600)
    assert row["minutes_a_job"] == pytest.approx((60 + 20 / 60) / 4)
    assert row["shards_advised"] == 3
    assert row["gigabytes"] == pytest.approx(1 + 10 * (64 * 64 * 3 + 190) / 1e9)
    recorded = replace(work, recorded=work.evaluations)
    assert plan_table([recorded], SPEED, 20).iloc[0]["hours"] == pytest.approx((7200 + 20) / 3600)


def test_the_pilot_times_the_model() -> None:
    model = LatentDiffusion.load(str(MODEL))
    speed = measure(model, batch_size=2, start_up=1.5, seconds=0.1)
    assert (speed.latent_shape, speed.image_size) == (model.latent_shape, model.image_size)
    assert 0 < speed.plain < 10 and 0 < speed.recorded < 10
    assert speed.seconds(100, 40, 2) == pytest.approx(60 * speed.plain + 40 * speed.recorded + 3)


def test_without_a_model_there_are_evaluations_only(
    cases: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cases(tmp_path / "cases.parquet", cases)
    (tmp_path / "model").mkdir()
    study = config(
        model=FetchedModelSection(id=str(tmp_path / "model")),
        datasets={"d": CocoDataset(), "absent": CocoDataset()},
        parts=("localisation",),
    )
    arguments = ["plan_study", "--cases", f"d={tmp_path / 'cases.parquet'}", "--settings", section_json(study)]
    arguments += ["--output-dir", str(tmp_path / "tables")]
    assert main(arguments) == 0
    text = (tmp_path / "tables" / "plan.md").read_text(encoding="utf-8")
    assert text.strip() == capsys.readouterr().out.strip()
    assert "| d | estimate_information | 3 | 2 | 2 | 80 | – | – | – | – |" in text
    assert "because their files are missing: absent." in text
    assert "No hours and no disk space, because the model could not be timed: model → id" in text
    table = pd.read_csv(tmp_path / "tables" / "plan.csv")
    assert table["evaluations"].tolist() == [80, 300, 108] and table["hours"].isna().all()


@pytest.mark.parametrize("solver", ["heun", "euler"])
def test_a_way_is_counted_as_it_is_walked(solver: str) -> None:
    path = KarrasPath(SimpleNamespace(logsnr_range=(-5.0, 7.0)), solver, 4)
    assert path.evaluations == evaluations_of_a_walk(FlowSection(sampler=solver, steps=4))


def test_prompts_of_pairs_are_counted_once_an_image(cases: pd.DataFrame) -> None:
    """One pair of nouns: empty, two words, both, the rest, the rest with one word or the other, the caption."""
    section = PairsSection(
        selection=PairSelectionSection(tagger=None), sampling=PairSamplingSection(steps=4, replicates=3)
    )
    study = config(datasets={"d": CocoDataset(word_pairs=True, shards=3)}, pairs=section)
    work = {one.stage: one for one in study_work(study, {"d": cases})}["decompose_information"]
    assert (work.cases, work.images, work.jobs, work.evaluations) == (1, 1, 1, 8 * 12)
    assert work.leaves.maps == 12 * 3


def test_a_fitted_density_takes_a_pilot(cases: pd.DataFrame) -> None:
    """Four prompts of one case of each image at most, in a job of its own."""
    section = InformationSection(
        draws=DrawsSection(density="adaptive"),
        pilot=PilotSection(images=5, draws=24),
        budget=BudgetSection(steps=(4, 8)),
    )
    first, *_ = study_work(config(information=section), {"d": cases})
    assert (first.stage, first.images, first.jobs, first.evaluations) == ("pilot_density", 2, 1, 4 * 2 * 24)
    assert first.at_most


def test_judged_maps_are_counted_with_the_pairs_of_their_words(cases: pd.DataFrame) -> None:
    """Of three cases two are in the one pair, whose four prompts are drawn again twice for each."""

    def judged(**changes: bool) -> int:
        dataset = CocoDataset(editing=True, **changes)
        study = config(datasets={"d": dataset}, pairs=PairsSection(selection=PairSelectionSection(tagger=None)))
        work = {one.stage: one for one in study_work(study, {"d": cases})}["judge_maps"]
        assert (work.cases, work.images) == (3, 2)
        return work.evaluations

    section = FaithfulnessSection().judging
    one_map_more = 3 * 2 * section.draws * 2 * len(section.fractions)
    assert section.repeated_draws == 6
    assert judged(word_pairs=True) - judged() == one_map_more + 2 * (2 * 4 * 6)


def test_a_dataset_may_have_a_number_of_draws_of_its_own(cases: pd.DataFrame) -> None:
    study = config(
        datasets={"d": CocoDataset(), "few": CocoDataset(draws=6)},
        localisation=LocalisationSection(methods=("cmi", "attention", "gradient")),
    )
    few = study.of_dataset("few")
    assert few.information.budget.steps == few.attention.steps == few.gradients.steps == (6,)
    assert study.of_dataset("d") == study
    counted = {(one.dataset, one.stage): one.evaluations for one in study_work(study, {"d": cases, "few": cases})}
    for stage, section in {
        "estimate_information": study.information,
        "record_attention": study.attention,
        "record_gradients": study.gradients,
    }.items():
        steps = section.budget.steps if isinstance(section, InformationSection) else section.steps
        taken = sum(steps) if stage == "record_attention" else steps[-1]
        assert counted["few", stage] / 6 == counted["d", stage] / taken, stage
