"""Every family explained by the library, and estimated by the stage of a study: no case fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from infodecomp.config import (
    AttentionSection,
    BudgetSection,
    DrawsSection,
    EditingSection,
    FlowSection,
    GradientsSection,
    InformationSection,
    ModelSection,
    section_json,
)
from infodecomp.datasets.cases import cases_table, make_case, write_cases
from infodecomp.explain import Explainer
from infodecomp.explaining import measured as measured_settings
from infodecomp.models.families import FAMILIES
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_arrays
from infodecomp.stages import edit_images, estimate_information, explain_images, record_attention, record_gradients
from tests.stage_settings import settings
from tests.unit.shard_arguments import shard_arguments
from tests.unit.tiny_pipelines import PIPELINES, SIZE, tiny_pipeline

CAPTION = "a red dog above a cat"
PICTURE = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
METHODS = ("cmi", "mi", "attention", "attention_information", "gradient")
JOINT = [name for name in PIPELINES if FAMILIES[name].text_keys != "alone"]
# Of stages that can also work on generated images, and on cases that are known already: none of either.
OTHER_ARGUMENTS = {"prompts": None, "trajectories": None, "generation": None, "checkpointing": 0, "known": None}
NEW = [name for name in PIPELINES if name != "stable_diffusion"]


@pytest.mark.filterwarnings("ignore::infodecomp.ExplanationWarning")
@pytest.mark.parametrize("name", NEW)
def test_a_pipeline_in_memory_is_explained_and_left_as_it_was(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_settings, "ATTENTION_STEPS", 3)
    monkeypatch.setattr(measured_settings, "GRADIENT_DRAWS", 4)
    pipeline = tiny_pipeline(name)
    kinds = {part for part in pipeline.components if part.startswith("tokenizer")}
    limits = {part: getattr(pipeline, part).model_max_length for part in kinds}
    before = {part: one.training for part, one in pipeline.components.items() if hasattr(one, "training")}
    methods = [*METHODS, *(["attention_output"] if name in JOINT else [])]
    found = Explainer(pipeline)(PICTURE, CAPTION, words=["dog", "cat"], draws=4, methods=methods, progress=False)
    for word in ("dog", "cat"):
        assert found[word].status == "ok"
        assert found[word].cmi.map.shape == (16, 16) and np.isfinite(found[word].cmi.map).all()
        assert found[word].cmi.total > 0
        assert set(found[word].maps) == set(methods) - {"cmi", "mi"}
        assert all(np.isfinite(heat).all() and heat.any() for heat in found[word].maps.values())
    assert {part: getattr(pipeline, part).model_max_length for part in kinds} == limits
    assert {part: getattr(pipeline, part).training for part in before} == before


def test_a_model_whose_text_does_not_attend_has_no_results_of_it() -> None:
    with pytest.raises(InputError, match="the text of this model does not attend to the image"):
        Explainer(tiny_pipeline("pixart"))(PICTURE, CAPTION, draws=4, methods=["attention_output"], progress=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = []
    for number, caption in enumerate(("a red dog above a cat", "a dog", "a dog and a blue robot")):
        Image.fromarray(np.roll(PICTURE, number)).save(tmp_path / f"{number}.png")
        name = f"{number}.png"
        rows.append(
            make_case(dataset="d", image_id=str(number), image_path=name, label="dog", word="dog", caption=caption)
        )
    write_cases(tmp_path / "cases.parquet", cases_table(rows))
    return tmp_path


@pytest.mark.parametrize("name", NEW)
def test_the_stages_of_a_study_fail_no_case(name: str, folder: Path) -> None:
    tiny_pipeline(name).save_pretrained(folder / "model")
    model = section_json(ModelSection(id=str(folder / "model"), size=SIZE))

    def arguments(stage: str, rows: int) -> object:
        chosen = settings(
            stage,
            information=InformationSection(draws=DrawsSection(density="logistic"), budget=BudgetSection(steps=(8,))),
            attention=AttentionSection(steps=(4,)),
            gradients=GradientsSection(steps=(4,)),
            editing=EditingSection(flow=FlowSection(steps=4)),
        )
        return shard_arguments(
            folder,
            f"{stage}{rows}",
            images=folder,
            settings=chosen,
            model=model,
            batch_size=rows,
            max_failed_fraction=0.0,
            **OTHER_ARGUMENTS,
        )

    stages = {
        "estimate_information": estimate_information,
        "record_attention": record_attention,
        "record_gradients": record_gradients,
        "explain_images": explain_images,
    }
    if name in JOINT:  # the walk there and back takes seconds
        stages["edit_images"] = edit_images
    for stage, door in stages.items():
        door.run(arguments(stage, 5))
        table = pd.read_parquet(folder / f"{stage}5" / "shard.parquet")
        assert len(table) == 3 and set(table["status"]) == {"ok"}
    for path in (folder / "record_attention5" / "maps").glob("*.npz"):
        assert ("attention_output/-/4" in read_arrays(path)) == (name in JOINT)
    estimate_information.run(arguments("estimate_information", 16))
    for path in (folder / "estimate_information5" / "maps").glob("*.npz"):
        ours, theirs = read_arrays(path), read_arrays(folder / "estimate_information16" / "maps" / path.name)
        for key in (key for key in ours if "orthogonal" in key and ours[key].ndim):
            np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-3, atol=1e-4 * float(np.abs(theirs[key]).max()))
