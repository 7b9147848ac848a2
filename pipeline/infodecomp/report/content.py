"""What the page shows of a study: images with maps, their edits, choices among captions, and what codes say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infodecomp.config import DatasetSection, RetrievalDatasetSection
from infodecomp.datasets.retrieval_folders import retrieval_image_folder
from infodecomp.pictures.images import Resize
from infodecomp.report.codes import codes_of
from infodecomp.report.edits import edits_of
from infodecomp.report.explorer import Explorer
from infodecomp.report.layout import StudyFolder
from infodecomp.report.pictures import PictureFolder
from infodecomp.report.retrieval import choices_of


@dataclass(frozen=True)
class PageContent:
    """Records of the page, one a shown image, edit, choice or description of images; they grow as datasets are added."""

    images: list[dict[str, Any]] = field(default_factory=list)
    choices: list[dict[str, Any]] = field(default_factory=list)
    edits: list[dict[str, Any]] = field(default_factory=list)
    codes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Number of records by kind; `described`: images that a code or factors describe."""
        described = {image["image"] for code in self.codes for image in code["images"]}
        return {
            **{"images": len(self.images), "choices": len(self.choices), "edits": len(self.edits)},
            "described": len(described),
        }

    def add_datasets(
        self,
        study: StudyFolder,
        datasets: Mapping[str, DatasetSection],
        pictures: PictureFolder,
        *,
        resize: Resize,
        limit: int,
    ) -> Iterator[str]:
        """Add the images of datasets, at most `limit` of each, and their edits; yields each dataset when it is added."""
        for name, dataset in datasets.items():
            self.images.extend(Explorer(study, name, dataset, resize, limit, pictures).write())
            if dataset.editing:
                self.edits.extend(edits_of(study, name, limit, pictures))
            yield name

    def add_choices(
        self,
        study: StudyFolder,
        datasets: Mapping[str, RetrievalDatasetSection],
        pictures: PictureFolder,
        *,
        limit: int,
    ) -> Iterator[str]:
        """Add the cases of retrieval datasets, at most `limit` of each; yields each dataset when it is added."""
        for name, dataset in datasets.items():
            folder = retrieval_image_folder(dataset, study.root / name)
            self.choices.extend(choices_of(study, name, folder, limit, pictures))
            yield name

    def add_codes(self, study: StudyFolder, pictures: PictureFolder, *, limit: int) -> None:
        """Add descriptions of images, each with at most `limit` of them."""
        self.codes.extend(codes_of(study, limit, pictures))
