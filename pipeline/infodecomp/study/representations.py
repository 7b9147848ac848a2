"""What the representation part of a study will take: its images and models are opened, counted and timed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from infodecomp.config import Config
from infodecomp.jobs.work import Work
from infodecomp.models.devices import resolve_device
from infodecomp.models.speed import Speed
from infodecomp.representation.described_images import describe
from infodecomp.representation.image_sets import ImageSet, open_images
from infodecomp.representation.sampled_models import open_model
from infodecomp.representation.speed import drawing_speed, estimation_speed
from infodecomp.representation.work import DRAWN, ESTIMATED, drawing_work, estimation_work, timed_as
from infodecomp.runs.errors import InputError


@dataclass
class PlannedRepresentations:
    """works: in the order of a run. speeds: `Work.timed` → its speed. notes: what was not counted, and why."""

    works: list[Work] = field(default_factory=list)
    speeds: dict[str, Speed] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, config: Config, name: str, images: ImageSet, opened: float) -> None:
        """Count and time one description. opened: seconds that opening the images took."""
        started, device = time.perf_counter(), resolve_device(config.machine.device)
        entry, components = config.described[name], config.representation.components
        described = describe(entry, images, components, device)
        opened += time.perf_counter() - started
        model = open_model(entry, images, components, device)
        self.works += estimation_work(config, name, described)
        self.works.append(drawing_work(config, name, model, len(images.held_out)))
        self.speeds[timed_as(name, ESTIMATED)] = estimation_speed(described, device, opened)
        if drawn := drawing_speed(model, images.shape, device, opened):
            self.speeds[timed_as(name, DRAWN)] = drawn


def plan_representations(config: Config, prepared: Path | None) -> PlannedRepresentations:
    """Count and time every description of `representation → models`, if the study runs that part.

    prepared: folder of the prepared images; None if they are drawn or not prepared yet.
    """
    planned, dataset = PlannedRepresentations(), config.representation.images.dataset
    if "representation" not in config.parts:
        return planned
    if dataset != "factors" and prepared is None:
        planned.notes.append(
            f"Representations are not counted, because the images of {dataset} are not prepared yet: `snakemake --cores all"
            " --until prepare_representation_images`."
        )
        return planned
    started = time.perf_counter()
    images = open_images(config.representation.images, prepared)
    opened = time.perf_counter() - started
    for name in config.described:
        try:
            planned.add(config, name, images, opened)
        except InputError as error:
            reason = str(error).split("\n", maxsplit=1)[0].rstrip(".")
            planned.notes.append(f"representation/{name} is not counted: {reason}.")
    planned.notes.append(
        "Hours of representations are those of their own denoisers, timed on a few draws. Exact values, training of the"
        " classifier and of models of codes, and judging are not counted: they take minutes."
    )
    return planned
