"""The configuration of a whole study; its defaults are the embedded demo study."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from infodecomp.config import demo
from infodecomp.config.attribution import AttentionSection, GradientsSection
from infodecomp.config.datasets import Dataset
from infodecomp.config.editing import EditingSection
from infodecomp.config.faithfulness import FaithfulnessSection
from infodecomp.config.fetch import FetchSection
from infodecomp.config.generate import GenerateSection
from infodecomp.config.information import DrawsSection, InformationSection
from infodecomp.config.localisation import LocalisationSection
from infodecomp.config.machine import MachineSection
from infodecomp.config.models import FetchedClipSection, FetchedModelSection
from infodecomp.config.pairs import PairsSection
from infodecomp.config.presentation import FiguresSection, ReportSection
from infodecomp.config.representation import RepresentationSection
from infodecomp.config.representation_model import RepresentationModelSection
from infodecomp.config.retrieval import RetrievalSection, SecondModel
from infodecomp.config.retrieval_datasets import RetrievalDataset
from infodecomp.config.scenes import ScenesSection
from infodecomp.config.scenes_model import ScenesModelSection
from infodecomp.config.section import NAME, Name, Section
from infodecomp.config.statistics import StatisticsSection
from infodecomp.config.unfamiliar import unfamiliar_datasets
from infodecomp.config.validation import ValidationSection
from infodecomp.methods import METHODS, OF_PAIRS

Part = Literal["localisation", "retrieval", "editing", "pairs", "faithfulness", "validation", "representation"]


class Config(Section):
    """A whole study."""

    study: str = Field("demo", pattern=NAME, description="results go to results/<study>/")
    seed: int = Field(0, ge=0, description="seed of every random draw")
    shards: int = Field(2, ge=1, le=700, description="jobs of each dataset; `snakemake plan` advises")
    max_failed_fraction: float = Field(0.05, ge=0, le=1, description="a stage fails if more of its cases failed")
    parts: Annotated[tuple[Part, ...], Field(min_length=1)] = Field(
        get_args(Part), description="what to run, with all it needs"
    )
    statistics: StatisticsSection = Field(StatisticsSection(), description="Intervals of all tables and figures")
    scenes: ScenesSection = Field(ScenesSection(), description="The embedded evaluation scenes, drawn from their seed")
    datasets: dict[Name, Dataset] = Field(
        demo.DATASETS,
        description="Datasets by name. An overlay adds to them; `name: null` removes one. "
        "Keys of each kind: docs/configure.md",
    )
    retrieval_datasets: dict[Name, RetrievalDataset] = Field(
        demo.RETRIEVAL_DATASETS,
        description="Sets of true and false captions by name, as with datasets; null removes them all",
    )
    generate: GenerateSection = Field(
        GenerateSection(), description="Images that the study's model generates from prompts: the dataset `generated`"
    )
    fetch: FetchSection = Field(
        FetchSection(), description="Downloads of what a study needs; the embedded one needs none"
    )
    model: FetchedModelSection = Field(FetchedModelSection(), description="The diffusion model")
    clip: FetchedClipSection = Field(
        FetchedClipSection(),
        description="The CLIP model of the method `clip`; the diffusion model uses its text encoder",
    )
    models: dict[SecondModel, FetchedModelSection] = Field(
        {"hardneg_diffitm": FetchedModelSection(lora="data/models/scenes_hardneg")},
        description="Second models, by the method that uses one (hardneg_diffitm); keys as in `model`",
    )
    information: InformationSection = Field(
        InformationSection(draws=DrawsSection(density="adaptive")), description="The estimator of information"
    )
    attention: AttentionSection = Field(AttentionSection(), description="Cross-attention maps of words")
    gradients: GradientsSection = Field(
        GradientsSection(),
        description="Gradients with respect to words, pixels and noise; sampled as in `information`",
    )
    localisation: LocalisationSection = Field(LocalisationSection(), description="Maps against masks")
    retrieval: RetrievalSection = Field(
        RetrievalSection(), description="True captions against false ones; sampled as in `information`"
    )
    editing: EditingSection = Field(EditingSection(), description="Images edited by changing their captions")
    pairs: PairsSection = Field(
        PairsSection(),
        description="Partial information decomposition of two words of a caption; sampled as in `information`",
    )
    faithfulness: FaithfulnessSection = Field(
        FaithfulnessSection(), description="Faithfulness of maps: pixels removed and restored, and maps repeated"
    )
    validation: ValidationSection = Field(
        ValidationSection(), description="The estimator against problems with known information"
    )
    representation: RepresentationSection = Field(
        RepresentationSection(), description="What codes and factors say about images, in nats"
    )
    figures: FiguresSection = Field(FiguresSection(), description="Style of the figures")
    report: ReportSection = Field(ReportSection(), description="The page results/<study>/report/index.html")
    machine: MachineSection = Field(
        MachineSection(), description="The computer: changes no result, and changing it reruns nothing"
    )
    scenes_model: ScenesModelSection = Field(
        ScenesModelSection(), description="Recipe of the embedded models, for the targets `train_scenes_*`"
    )
    representation_model: RepresentationModelSection = Field(
        RepresentationModelSection(), description="Recipe of the representation models, for `train_representation`"
    )

    def of_dataset(self, name: str) -> Config:
        """The study as one dataset needs it, which may have its own number of draws."""
        draws = self.datasets[name].draws
        if draws is None:
            return self
        own = {"steps": (draws,)}
        updates = {
            "information": self.information.model_copy(
                update={"budget": self.information.budget.model_copy(update=own)}
            ),
            "attention": self.attention.model_copy(update=own),
            "gradients": self.gradients.model_copy(update=own),
        }
        return self.model_copy(update=updates)

    def of_edits(self, name: str) -> Config:
        """The study as the edits of one dataset need it, whose information is estimated as `editing` specifies."""
        own = self.of_dataset(name)
        return own.model_copy(update={"information": self.editing.estimator(own.information)})

    def shards_of(self, dataset: str) -> int:
        """Number of jobs of a dataset or retrieval set."""
        section = self.datasets.get(dataset) or self.retrieval_datasets[dataset]
        return section.shards or self.shards

    def pair_shards_of(self, dataset: str) -> int:
        """Number of jobs of the word pairs of a dataset."""
        return self.pairs.shards or self.shards_of(dataset)

    @property
    def described(self) -> dict[str, str]:
        """Name of each description of images → what it is or the folder of its model."""
        return {entry.rpartition("/")[2]: entry for entry in self.representation.models}

    @property
    def masks_are_read(self) -> bool:
        """Whether a part that runs compares something with the masks of datasets that have them."""
        return bool({"localisation", "editing"} & set(self.parts))

    @property
    def unfamiliar_datasets(self) -> tuple[str, ...]:
        """Datasets whose pictures the embedded model cannot know, if the study runs it."""
        return unfamiliar_datasets(self)

    @property
    def judged_datasets(self) -> list[str]:
        """Datasets whose maps are judged."""
        named = self.faithfulness.datasets
        return [name for name, dataset in self.datasets.items() if dataset.editing] if named is None else list(named)

    @property
    def judged_methods(self) -> list[str]:
        """Methods of localisation whose maps rank pixels, and `unique` if word pairs are decomposed."""
        paired = any(self.datasets[name].word_pairs for name in self.judged_datasets)
        methods = dict.fromkeys((*self.localisation.methods, *(OF_PAIRS if paired else ())))
        return [method for method in methods if METHODS[method].has_map]
