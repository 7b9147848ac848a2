"""The configuration: every key with its default, range and meaning.

`config.yaml` is generated from the sections (`infodecomp run write_config`); its values are the embedded demo study.
Snakemake merges overlays (`--configfile`) into it, `load_config` checks the result, and each stage gets its own
section as JSON.
"""

from infodecomp.config.loading import (
    default_config,
    given,
    load_config,
    parse_section,
    parse_sections,
    section_json,
    sections_json,
)
from infodecomp.config.rendering import render_yaml
from infodecomp.config.sections import (
    AttentionSection,
    ClipSection,
    Config,
    DatasetSection,
    EditingSection,
    FaithfulnessSection,
    FetchSection,
    FiguresSection,
    GenerateSection,
    GradientsSection,
    InformationSection,
    LocalisationSection,
    MachineSection,
    ModelSection,
    PartialInformationSection,
    ReportSection,
    RetrievalDatasetSection,
    RetrievalSection,
    ScenesModelSection,
    ScenesSection,
    Section,
    ThresholdsSection,
    ValidationSection,
)

__all__ = [
    "AttentionSection",
    "ClipSection",
    "Config",
    "DatasetSection",
    "EditingSection",
    "FaithfulnessSection",
    "FetchSection",
    "FiguresSection",
    "GenerateSection",
    "GradientsSection",
    "InformationSection",
    "LocalisationSection",
    "MachineSection",
    "ModelSection",
    "PartialInformationSection",
    "ReportSection",
    "RetrievalDatasetSection",
    "RetrievalSection",
    "ScenesModelSection",
    "ScenesSection",
    "Section",
    "ThresholdsSection",
    "ValidationSection",
    "default_config",
    "given",
    "load_config",
    "parse_section",
    "parse_sections",
    "render_yaml",
    "section_json",
    "sections_json",
]
