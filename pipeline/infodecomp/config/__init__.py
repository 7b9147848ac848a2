"""The configuration: every key with its default, range and meaning.

`config.yaml` is generated from the sections (`infodecomp run write_config`); its values are the embedded demo study.
Snakemake merges overlays (`--configfile`) into it, `load_config` checks the result, and each stage gets its own
section as JSON.
"""

from infodecomp.config.attribution import AttentionSection, GradientsSection
from infodecomp.config.datasets import (
    CocoDataset,
    CustomDataset,
    Dataset,
    DatasetSection,
    GeneratedDataset,
    WordListDataset,
)
from infodecomp.config.editing import EditingSection
from infodecomp.config.faithfulness import FaithfulnessSection
from infodecomp.config.fetch import FetchSection
from infodecomp.config.generate import GenerateSection
from infodecomp.config.information import InformationSection
from infodecomp.config.loading import (
    default_config,
    given,
    load_config,
    parse_section,
    parse_sections,
    section_json,
    sections_json,
)
from infodecomp.config.localisation import LocalisationSection, ThresholdsSection
from infodecomp.config.machine import MachineSection
from infodecomp.config.models import ClipSection, ModelSection
from infodecomp.config.pairs import PartialInformationSection
from infodecomp.config.presentation import FiguresSection, ReportSection
from infodecomp.config.rendering import render_yaml
from infodecomp.config.retrieval import RetrievalSection
from infodecomp.config.retrieval_datasets import (
    OrderRetrievalDataset,
    PairRetrievalDataset,
    RetrievalDataset,
    RetrievalDatasetSection,
)
from infodecomp.config.scenes import ScenesSection
from infodecomp.config.scenes_model import ScenesModelSection
from infodecomp.config.section import Section
from infodecomp.config.statistics import StatisticsSection
from infodecomp.config.study import Config
from infodecomp.config.validation import ValidationSection

__all__ = [
    "AttentionSection",
    "ClipSection",
    "CocoDataset",
    "Config",
    "CustomDataset",
    "Dataset",
    "DatasetSection",
    "EditingSection",
    "FaithfulnessSection",
    "FetchSection",
    "FiguresSection",
    "GenerateSection",
    "GeneratedDataset",
    "GradientsSection",
    "InformationSection",
    "LocalisationSection",
    "MachineSection",
    "ModelSection",
    "OrderRetrievalDataset",
    "PairRetrievalDataset",
    "PartialInformationSection",
    "ReportSection",
    "RetrievalDataset",
    "RetrievalDatasetSection",
    "RetrievalSection",
    "ScenesModelSection",
    "ScenesSection",
    "Section",
    "StatisticsSection",
    "ThresholdsSection",
    "ValidationSection",
    "WordListDataset",
    "default_config",
    "given",
    "load_config",
    "parse_section",
    "parse_sections",
    "render_yaml",
    "section_json",
    "sections_json",
]
