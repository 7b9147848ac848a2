"""The configuration: every key with its default, range and meaning.

`config.yaml` is generated from the sections (`infodecomp run write_config`); its values are the embedded demo study.
Snakemake merges overlays (`--configfile`) into it, `load_config` checks the result, and each stage gets what it reads
as JSON (`infodecomp.config.settings`).
"""

from infodecomp.config.attribution import AttentionSection, ExplanationSection, GradientsSection
from infodecomp.config.datasets import (
    CocoDataset,
    CocoSource,
    CustomDataset,
    CustomSource,
    Dataset,
    DatasetSection,
    DatasetSource,
    GeneratedDataset,
    GeneratedSource,
    WordListDataset,
    WordListSource,
)
from infodecomp.config.editing import (
    EditCaptionsSection,
    EditingInformationSection,
    EditingRangeSection,
    EditingSection,
    EditingTableSection,
    FlowSection,
)
from infodecomp.config.faithfulness import FaithfulnessSection, JudgingSection
from infodecomp.config.fetch import FetchSection
from infodecomp.config.generate import GenerateSection, GenerationSection, PromptListSection
from infodecomp.config.information import (
    BudgetSection,
    DrawsSection,
    InformationSection,
    PilotSection,
    PromptsSection,
    RangeSection,
)
from infodecomp.config.loading import default_config, load_config, parse, section_json
from infodecomp.config.localisation import LocalisationSection, ThresholdsSection
from infodecomp.config.machine import MachineSection
from infodecomp.config.models import ClipSection, FetchedClipSection, FetchedModelSection, ModelSection
from infodecomp.config.pairs import PairSamplingSection, PairSelectionSection, PairsSection
from infodecomp.config.presentation import FiguresSection, ReportSection
from infodecomp.config.rendering import render_yaml
from infodecomp.config.retrieval import DiffitmSection, RetrievalSection, RetrievalTableSection, ScoringSection
from infodecomp.config.retrieval_datasets import (
    OrderRetrievalDataset,
    OrderRetrievalSource,
    PairRetrievalDataset,
    PairRetrievalSource,
    RetrievalDataset,
    RetrievalDatasetSection,
    RetrievalSource,
)
from infodecomp.config.scenes import ScenesSection
from infodecomp.config.scenes_model import ScenesModelSection
from infodecomp.config.section import Section
from infodecomp.config.settings import Settings, settings_of
from infodecomp.config.statistics import StatisticsSection
from infodecomp.config.study import Config
from infodecomp.config.validation import ValidationGridSection, ValidationSection

__all__ = [
    "AttentionSection",
    "BudgetSection",
    "ClipSection",
    "CocoDataset",
    "CocoSource",
    "Config",
    "CustomDataset",
    "CustomSource",
    "Dataset",
    "DatasetSection",
    "DatasetSource",
    "DiffitmSection",
    "DrawsSection",
    "EditCaptionsSection",
    "EditingInformationSection",
    "EditingRangeSection",
    "EditingSection",
    "EditingTableSection",
    "ExplanationSection",
    "FaithfulnessSection",
    "FetchSection",
    "FetchedClipSection",
    "FetchedModelSection",
    "FiguresSection",
    "FlowSection",
    "GenerateSection",
    "GeneratedDataset",
    "GeneratedSource",
    "GenerationSection",
    "GradientsSection",
    "InformationSection",
    "JudgingSection",
    "LocalisationSection",
    "MachineSection",
    "ModelSection",
    "OrderRetrievalDataset",
    "OrderRetrievalSource",
    "PairRetrievalDataset",
    "PairRetrievalSource",
    "PairSamplingSection",
    "PairSelectionSection",
    "PairsSection",
    "PilotSection",
    "PromptListSection",
    "PromptsSection",
    "RangeSection",
    "ReportSection",
    "RetrievalDataset",
    "RetrievalDatasetSection",
    "RetrievalSection",
    "RetrievalSource",
    "RetrievalTableSection",
    "ScenesModelSection",
    "ScenesSection",
    "ScoringSection",
    "Section",
    "Settings",
    "StatisticsSection",
    "ThresholdsSection",
    "ValidationGridSection",
    "ValidationSection",
    "WordListDataset",
    "WordListSource",
    "default_config",
    "load_config",
    "parse",
    "render_yaml",
    "section_json",
    "settings_of",
]
