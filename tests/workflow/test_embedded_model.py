"""The embedded model that the repository ships: what its card says, and that it still does it."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.contents import folder_sha256
from infodecomp.scenes.evaluation import build_probes, information_bounds, investigate
from infodecomp.scenes.model_metrics import Metric, model_metrics
from tests.conftest import ROOT

MODEL = ROOT / "data/models/scenes"
CARD = ROOT / "data/models/README.md"
METRICS = ROOT / "data/models/scenes-metrics.json"


def card_metrics() -> dict[str, Metric]:
    return {name: Metric(**values) for name, values in json.loads(METRICS.read_text()).items()}


def test_weights_are_small_safetensors_and_the_ones_of_the_card() -> None:
    files = [path for path in MODEL.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files if path.suffix == ".safetensors") <= 16e6
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".txt"}
    assert folder_sha256(MODEL) in CARD.read_text()


def test_card_states_the_measured_numbers() -> None:
    card = CARD.read_text()
    for name, metric in card_metrics().items():
        assert f"| {name} | {metric.value:.3f} | {metric.low:.3f} – {metric.high:.3f} | {metric.n} |" in card


def test_the_clip_reads_captions_with_the_tower_of_the_model() -> None:
    tower = load_file(MODEL / "text_encoder/model.safetensors")
    clip = load_file(ROOT / "data/models/scenes_clip/model.safetensors")
    # Transformers names the weights of a tower alone without the prefix, or with it, depending on its version.
    own = {name.removeprefix("text_model."): tensor for name, tensor in tower.items()}
    shared = {name.removeprefix("text_model."): t for name, t in clip.items() if name.startswith("text_model.")}
    assert len(shared) > 30 and shared.keys() == own.keys() - {"embeddings.position_ids"}
    assert all(torch.equal(tensor.float(), own[name].float()) for name, tensor in shared.items())


@pytest.mark.parametrize("folder", ["scenes_clip", "scenes_hardneg", "scenes_classifier"])
def test_the_other_weights_are_the_ones_of_the_card(folder: str) -> None:
    files = [path for path in (ROOT / "data/models" / folder).rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".txt"}
    assert sum(path.stat().st_size for path in files) <= 4e6
    assert folder_sha256(ROOT / "data/models" / folder) in CARD.read_text()


@pytest.fixture(scope="module")
def measured() -> dict[str, Metric]:
    model = LatentDiffusion.load(str(MODEL))
    probes = list(build_probes(seed=0, count=60))
    findings = list(investigate(model, probes, seed=1, draws=16, batch_size=64))
    return model_metrics(findings, information_bounds(seed=0), seed=0)


@pytest.mark.slow
def test_maps_find_the_named_object(measured: dict[str, Metric]) -> None:
    for maps in ("mi", "cmi"):
        assert measured[f"{maps}_miou"].value >= 0.36
        assert measured[f"{maps}_miou"].value >= 2.5 * measured[f"{maps}_miou_shuffled"].value
    assert measured["mi_named_hotter"].value >= 0.82
    assert measured["cmi_named_hotter"].value >= 0.85
    assert measured["attention_auc"].value >= 0.65


@pytest.mark.slow
def test_changed_captions_are_told_from_true_ones(measured: dict[str, Metric]) -> None:
    assert measured["noun_swap_told"].value >= 0.9
    assert measured["attribute_swap_told"].value >= 0.7
    assert measured["relation_swap_told"].value >= 0.7


@pytest.mark.slow
def test_an_implied_noun_tells_little(measured: dict[str, Metric]) -> None:
    assert measured["implied_noun_cmi_over_mi"].value <= 0.1


@pytest.mark.slow
def test_words_tell_hardly_more_than_they_can(measured: dict[str, Metric]) -> None:
    """With slack: an exact model stays at 1 or below."""
    assert measured["noun_mi_over_bound"].low <= 1.2
    assert measured["tint_mi_over_bound"].low <= 1


@pytest.mark.slow
def test_the_card_holds_on_fewer_scenes(measured: dict[str, Metric]) -> None:
    """Shares measured here agree with the card within the two intervals."""
    for name, card in card_metrics().items():
        if name.endswith(("_miou", "_told", "_hotter", "_auc")):
            slack = 0.02
            assert measured[name].low - slack <= card.high and card.low <= measured[name].high + slack, name
