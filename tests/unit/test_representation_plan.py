"""The plan of the representation part: evaluations as they are then made, bytes as they then lie on the disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from infodecomp.config import Config, load_config
from infodecomp.config.representation_model import RepresentationModel
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Denoiser
from infodecomp.models.batch_size import ON_CPU
from infodecomp.representation.described_images import describe
from infodecomp.representation.drawn_file import drawn_arrays
from infodecomp.representation.estimated_images import estimated_images
from infodecomp.representation.image_sets import ImageSet, open_images
from infodecomp.representation.noise_draws import pilot_density
from infodecomp.representation.sampled_models import open_model, prior_of
from infodecomp.representation.work import drawing_work, estimation_work
from infodecomp.runs.storage import write_arrays
from infodecomp.study.plan import plan_table
from infodecomp.study.representations import plan_representations
from tests.unit.described_world import write_model, write_world


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Of twelve pictures, six of them held out, described also by the codes of a model and its trained decoder."""
    folder = tmp_path_factory.mktemp("planned")
    write_world(folder / "images")
    write_model(folder / "codes", RepresentationModel(dimensions=2), states=2, parts=2)
    section = {
        "images": {"dataset": "own", "list": "list.csv", "root": str(folder / "images")},
        "models": ["factors", "components", str(folder / "codes")],
        "components": {"dimensions": 3},
        "estimation": {"images": 6, "draws": 6, "maps": 2, "pilot": 3},
        "samples": {"count": 5, "steps": 4, "split_step": 2, "traversals": [-1, 0, 1], "interpolations": 3},
        "judging": {"features": []},
    }
    return load_config({"parts": ["representation"], "representation": section})


def opened(config: Config) -> ImageSet:
    return open_images(config.representation.images, Path(str(config.representation.images.root)))


@dataclass
class Counting:
    """A denoiser that counts its evaluations."""

    denoiser: Denoiser
    evaluations: int = 0

    @property
    def logsnr_range(self) -> tuple[float, float]:
        return self.denoiser.logsnr_range

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        self.evaluations += len(x_alpha)
        return self.denoiser(x_alpha, logsnr, condition)


@pytest.mark.parametrize("name", ["factors", "components", "codes"])
def test_estimates_are_counted_as_they_are_made(config: Config, name: str, tmp_path: Path) -> None:
    images, section = opened(config), config.representation
    described = describe(config.described[name], images, section.components)
    pilot, estimates = estimation_work(config, name, described)
    density, record = pilot_density(described, section.estimation.pilot, (-8.0, 4.0), 0, ON_CPU)
    assert (pilot.images, pilot.jobs, pilot.evaluations) == (3, 1, record["evaluations"])
    cases = [SimpleNamespace(number=int(number), shown=place < 2) for place, number in enumerate(images.held_out)]
    made, sizes = 0, []
    for case, arrays in estimated_images(described, cases, section.estimation.draws, density, 0, ON_CPU):
        write_arrays(tmp_path / f"{case.number}.npz", arrays)
        made += int(arrays["evaluations"])
        sizes.append((tmp_path / f"{case.number}.npz").stat().st_size)
    assert (estimates.images, estimates.jobs, estimates.evaluations) == (6, section.shards, made)
    assert estimates.leaves.total(images.shape, images.shape[-1]) == pytest.approx(sum(sizes), rel=0.4)


@pytest.mark.parametrize("name", ["factors", "components", "codes"])
def test_pictures_are_counted_as_they_are_drawn(config: Config, name: str) -> None:
    images, section = opened(config), config.representation
    model = open_model(config.described[name], images, section.components)
    assert model.sampled.denoiser is not None
    denoiser = Counting(model.sampled.denoiser)
    sampled = replace(model.sampled, denoiser=denoiser)
    if name != "factors":
        sampled = replace(sampled, latent=prior_of("normal", len(model.description.parts)))  # type: ignore[union-attr]
    model = replace(model, sampled=sampled)
    drawn = drawn_arrays(model, images, section.samples, 0)
    work = drawing_work(config, name, model, len(images.held_out))
    assert work.evaluations == denoiser.evaluations
    pictures = [array for array in drawn.values() if array.dtype == "uint8"]
    assert work.leaves.pictures == sum(array[..., 0, 0, 0].size for array in pictures)


def test_every_description_has_its_own_speed(config: Config) -> None:
    planned = plan_representations(config, Path(str(config.representation.images.root)))
    table = plan_table(planned.works, None, 20, planned.speeds)
    assert table["dataset"].unique().tolist() == [f"representation/{name}" for name in config.described]
    assert table["stage"].tolist()[:3] == ["pilot_representation", "estimate_representation", "sample_representation"]
    assert (table[["evaluations", "hours", "shards_advised"]] > 0).all(axis=None)
    assert set(planned.speeds) == {f"{name}, {what}" for name in config.described for what in ("estimated", "drawn")}
    assert {work.timed for work in planned.works} == set(planned.speeds)


@pytest.mark.parametrize(
    ("models", "note"),
    [
        (["factors"], "the images of own are not prepared yet: `snakemake"),
        (
            ["nowhere"],
            "representation/nowhere is not counted: nowhere: this is not the folder of a representation model",
        ),
    ],
    ids=["images", "model"],
)
def test_what_cannot_be_counted_is_named(config: Config, models: list[str], note: str) -> None:
    section = config.representation.model_copy(update={"models": tuple(models)})
    images = None if models == ["factors"] else Path(str(section.images.root))
    planned = plan_representations(config.model_copy(update={"representation": section}), images)
    assert planned.works == [] and any(note in one for one in planned.notes)
    other = plan_representations(config.model_copy(update={"parts": ("editing",)}), images)
    assert other.works == other.notes == []
