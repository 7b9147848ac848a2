"""What each stage reads of the configuration: a class a stage, whose fields name their places among the keys.

A rule passes the class's JSON, made by `settings_of`. The stage parses it by `parse`, which has no defaults, so that no key
can be left out on the way. A stage cannot read what its class lacks, and changing that does not run the stage again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Annotated, Any, Literal

from infodecomp.config.attribution import AttentionSection, ExplanationSection, Heads
from infodecomp.config.datasets import AnySource, Dataset
from infodecomp.config.editing import EditCaptionsSection, EditingTableSection, FlowSection
from infodecomp.config.faithfulness import JudgingSection
from infodecomp.config.generate import GenerationSection, PromptListSection
from infodecomp.config.information import (
    DrawsSection,
    InformationSection,
    PilotSection,
    PromptsSection,
    RangeSection,
)
from infodecomp.config.localisation import LocalisationSection
from infodecomp.config.models import Resize
from infodecomp.config.pairs import PairSamplingSection, PairSelectionSection, Redundancy, WordPrior
from infodecomp.config.presentation import Format, Palette, ReportSection
from infodecomp.config.representation import (
    ComponentsSection,
    RepresentationEstimationSection,
    RepresentationExactSection,
)
from infodecomp.config.representation_images import RepresentationImagesSection
from infodecomp.config.representation_model import RepresentationModel, RepresentationTrainingSection
from infodecomp.config.representation_samples import (
    FactorClassifierSection,
    RepresentationJudgingSection,
    RepresentationSamplesSection,
)
from infodecomp.config.retrieval import DiffitmSection, RetrievalMethod, RetrievalTableSection, ScoringSection
from infodecomp.config.retrieval_datasets import AnyRetrievalSource, RetrievalDataset
from infodecomp.config.scenes_model import (
    AutoencoderTrainingSection,
    ClassifierTrainingSection,
    ClipTrainingSection,
    ConsistencyTrainingSection,
    DenoiserTrainingSection,
    FlowConsistencySection,
    FlowTrainingSection,
    HardnegTrainingSection,
    TextTrainingSection,
)
from infodecomp.config.section import Name, Section, Steps
from infodecomp.config.statistics import StatisticsSection
from infodecomp.config.study import Config
from infodecomp.config.validation import ValidationGridSection, ValidationProblem


@dataclass(frozen=True)
class At:
    """The place of a value in the configuration; NAME stands for the dataset or model that a job works on."""

    path: str

    def of(self, config: Config, name: str | None) -> Any:
        """The value there."""
        start: Any = config
        return reduce(lambda value, key: _inside(value, name if key == "NAME" else key), self.path.split("."), start)


class Settings(Section):
    """Base of what stages read."""


def settings_of(stage: str, config: Config, name: str | None = None) -> Settings:
    """What a stage reads of a configuration, such as `settings_of("build_cases", config, "scenes")`; name: of a dataset.

    >>> settings_of("plot_teaser", Config())
    PlotTeaser(palette='cividis', font=None, format='pdf')
    """
    cls = SETTINGS[stage]
    values = {key: at.of(config, name) for key, at in places(cls).items()}
    return cls.model_validate(values)


def places(cls: type[Settings]) -> dict[str, At]:
    """The place of each field."""
    return {key: next(at for at in field.metadata if isinstance(at, At)) for key, field in cls.model_fields.items()}


def _inside(value: Any, key: str | None) -> Any:
    return value[key] if isinstance(value, Mapping) else getattr(value, str(key))


class DrawScenes(Settings):
    """Of `draw_scenes`."""

    seed: Annotated[int, At("scenes.seed")]
    count: Annotated[int, At("scenes.count")]


class DrawScenesAro(Settings):
    """Of `draw_scenes_aro`."""

    seed: Annotated[int, At("scenes.seed")]
    retrieval: Annotated[int, At("scenes.retrieval")]


class BuildCases(Settings):
    """Of `build_cases`."""

    source: Annotated[AnySource, At("datasets.NAME.source")]
    masks_are_read: Annotated[bool, At("masks_are_read")]
    max_failed_fraction: Annotated[float, At("max_failed_fraction")]


class BuildRetrievalCases(Settings):
    """Of `build_retrieval_cases`."""

    source: Annotated[AnyRetrievalSource, At("retrieval_datasets.NAME.source")]


class ListPrompts(Settings):
    """Of `list_prompts`."""

    source: Annotated[PromptListSection, At("generate.source")]


class GenerateImages(Settings):
    """Of `generate_images`."""

    sampling: Annotated[GenerationSection, At("generate.sampling")]


class PilotDensity(Settings):
    """Of `pilot_density`."""

    range: Annotated[RangeSection, At("information.range")]
    pilot: Annotated[PilotSection, At("information.pilot")]
    prompts: Annotated[PromptsSection, At("information.prompts")]


class EstimateInformation(Settings):
    """Of `estimate_information`."""

    information: Annotated[InformationSection, At("information")]
    heads: Annotated[Heads, At("attention.heads")]


class RecordAttention(Settings):
    """Of `record_attention`."""

    attention: Annotated[AttentionSection, At("attention")]


class RecordGradients(Settings):
    """Of `record_gradients`."""

    range: Annotated[RangeSection, At("information.range")]
    draws: Annotated[DrawsSection, At("information.draws")]
    prompts: Annotated[PromptsSection, At("information.prompts")]
    steps: Annotated[Steps, At("gradients.steps")]


class ExplainImages(Settings):
    """Of `explain_images`."""

    explanation: Annotated[ExplanationSection, At("gradients.explanation")]
    steps: Annotated[Steps, At("gradients.steps")]
    range: Annotated[RangeSection, At("information.range")]
    draws: Annotated[DrawsSection, At("information.draws")]


class DrawExplanations(Settings):
    """Of `draw_explanations`."""

    source: Annotated[AnySource, At("datasets.NAME.source")]
    explanation: Annotated[ExplanationSection, At("gradients.explanation")]
    palette: Annotated[Palette, At("figures.palette")]
    resize: Annotated[Resize, At("model.resize")]


class DissectCaption(Settings):
    """Of `dissect_caption`."""

    information: Annotated[InformationSection, At("information")]


class ScoreLocalisation(Settings):
    """Of `score_localisation`."""

    localisation: Annotated[LocalisationSection, At("localisation")]
    source: Annotated[AnySource, At("datasets.NAME.source")]
    resize: Annotated[Resize, At("model.resize")]
    max_failed_fraction: Annotated[float, At("max_failed_fraction")]


class TabulateLocalisation(Settings):
    """Of `tabulate_localisation`."""

    localisation: Annotated[LocalisationSection, At("localisation")]
    statistics: Annotated[StatisticsSection, At("statistics")]
    unfamiliar: Annotated[tuple[Name, ...], At("unfamiliar_datasets")]


class PlotLocalisationCurves(Settings):
    """Of `plot_localisation_curves`."""

    confidence: Annotated[float, At("statistics.confidence")]
    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]


class PlotLocalisationPanels(Settings):
    """Of `plot_localisation_panels`."""

    source: Annotated[AnySource, At("datasets.NAME.source")]
    palette: Annotated[Palette, At("figures.palette")]
    panels: Annotated[int, At("figures.panels")]
    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]
    resize: Annotated[Resize, At("model.resize")]


class ScoreRetrieval(Settings):
    """Of `score_retrieval`."""

    scoring: Annotated[ScoringSection, At("retrieval.scoring")]
    diffitm: Annotated[DiffitmSection, At("retrieval.diffitm")]
    range: Annotated[RangeSection, At("information.range")]
    draws: Annotated[DrawsSection, At("information.draws")]


class ScoreSecondModel(Settings):
    """Of `score_second_model`."""

    diffitm: Annotated[DiffitmSection, At("retrieval.diffitm")]


class TabulateRetrieval(Settings):
    """Of `tabulate_retrieval`."""

    methods: Annotated[tuple[RetrievalMethod, ...], At("retrieval.methods")]
    table: Annotated[RetrievalTableSection, At("retrieval.table")]
    datasets: Annotated[dict[Name, RetrievalDataset], At("retrieval_datasets")]
    statistics: Annotated[StatisticsSection, At("statistics")]
    unfamiliar: Annotated[tuple[Name, ...], At("unfamiliar_datasets")]


class PlotRetrieval(Settings):
    """Of `plot_retrieval`."""

    confidence: Annotated[float, At("statistics.confidence")]
    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]


class EditImages(Settings):
    """Of `edit_images`."""

    flow: Annotated[FlowSection, At("editing.flow")]
    captions: Annotated[EditCaptionsSection, At("editing.captions")]
    animated: Annotated[int, At("editing.animated")]
    information: Annotated[InformationSection, At("information")]
    heads: Annotated[Heads, At("attention.heads")]


class JudgeEdits(Settings):
    """Of `judge_edits`."""

    captions: Annotated[EditCaptionsSection, At("editing.captions")]


class TabulateEditing(Settings):
    """Of `tabulate_editing`."""

    table: Annotated[EditingTableSection, At("editing.table")]
    datasets: Annotated[dict[Name, Dataset], At("datasets")]
    statistics: Annotated[StatisticsSection, At("statistics")]
    resize: Annotated[Resize, At("model.resize")]
    unfamiliar: Annotated[tuple[Name, ...], At("unfamiliar_datasets")]


class PlotEditStrips(Settings):
    """Of `plot_edit_strips`."""

    palette: Annotated[Palette, At("figures.palette")]
    panels: Annotated[int, At("figures.panels")]
    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]


class PlotEditCorrelations(Settings):
    """Of `plot_edit_correlations`."""

    statistics: Annotated[StatisticsSection, At("statistics")]
    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]


class PairWords(Settings):
    """Of `pair_words`."""

    selection: Annotated[PairSelectionSection, At("pairs.selection")]


class DecomposeInformation(Settings):
    """Of `decompose_information`."""

    sampling: Annotated[PairSamplingSection, At("pairs.sampling")]
    range: Annotated[RangeSection, At("information.range")]
    draws: Annotated[DrawsSection, At("information.draws")]


class GatherParts(Settings):
    """Of `gather_parts`."""

    map_redundancy: Annotated[Redundancy, At("pairs.map_redundancy")]
    word_prior: Annotated[WordPrior, At("pairs.word_prior")]


class TabulatePartialInformation(Settings):
    """Of `tabulate_partial_information`."""

    redundancy: Annotated[Redundancy, At("pairs.redundancy")]
    word_prior: Annotated[WordPrior, At("pairs.word_prior")]
    statistics: Annotated[StatisticsSection, At("statistics")]
    unfamiliar: Annotated[tuple[Name, ...], At("unfamiliar_datasets")]


class PlotPartialInformation(Settings):
    """Of `plot_partial_information`."""

    redundancy: Annotated[Redundancy, At("pairs.redundancy")]
    word_prior: Annotated[WordPrior, At("pairs.word_prior")]
    datasets: Annotated[dict[Name, Dataset], At("datasets")]
    statistics: Annotated[StatisticsSection, At("statistics")]
    panels: Annotated[int, At("figures.panels")]
    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]
    resize: Annotated[Resize, At("model.resize")]


class JudgeMaps(Settings):
    """Of `judge_maps`."""

    judging: Annotated[JudgingSection, At("faithfulness.judging")]
    information: Annotated[InformationSection, At("information")]
    attention: Annotated[AttentionSection, At("attention")]
    map_redundancy: Annotated[Redundancy, At("pairs.map_redundancy")]
    word_prior: Annotated[WordPrior, At("pairs.word_prior")]


class TabulateFaithfulness(Settings):
    """Of `tabulate_faithfulness`."""

    judging: Annotated[JudgingSection, At("faithfulness.judging")]
    statistics: Annotated[StatisticsSection, At("statistics")]
    unfamiliar: Annotated[tuple[Name, ...], At("unfamiliar_datasets")]


class PlotFaithfulness(Settings):
    """Of `plot_faithfulness`."""

    confidence: Annotated[float, At("statistics.confidence")]
    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]


class ValidateEstimator(Settings):
    """Of `validate_estimator`."""

    grid: Annotated[ValidationGridSection, At("validation.grid")]
    range: Annotated[RangeSection, At("information.range")]
    pilot: Annotated[PilotSection, At("information.pilot")]
    confidence: Annotated[float, At("statistics.confidence")]


class TabulateValidation(Settings):
    """Of `tabulate_validation`."""

    problems: Annotated[tuple[ValidationProblem, ...], At("validation.problems")]
    grid: Annotated[ValidationGridSection, At("validation.grid")]
    confidence: Annotated[float, At("statistics.confidence")]


class PlotValidation(Settings):
    """Of `plot_validation`."""

    confidence: Annotated[float, At("statistics.confidence")]
    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]


class PrepareRepresentationImages(Settings):
    """Of `prepare_representation_images`."""

    images: Annotated[RepresentationImagesSection, At("representation.images")]


class PilotRepresentation(Settings):
    """Of `pilot_representation`."""

    images: Annotated[RepresentationImagesSection, At("representation.images")]
    components: Annotated[ComponentsSection, At("representation.components")]
    pilot: Annotated[int, At("representation.estimation.pilot")]
    interval: Annotated[Literal["exact"] | tuple[float, float], At("representation.estimation.interval")]


class EstimateRepresentation(Settings):
    """Of `estimate_representation`."""

    images: Annotated[RepresentationImagesSection, At("representation.images")]
    components: Annotated[ComponentsSection, At("representation.components")]
    estimation: Annotated[RepresentationEstimationSection, At("representation.estimation")]


class ExactRepresentation(Settings):
    """Of `exact_representation`."""

    images: Annotated[RepresentationImagesSection, At("representation.images")]
    components: Annotated[ComponentsSection, At("representation.components")]
    exact: Annotated[RepresentationExactSection, At("representation.exact")]


class TrainRepresentationClassifier(Settings):
    """Of `train_representation_classifier`."""

    images: Annotated[RepresentationImagesSection, At("representation.images")]
    classifier: Annotated[FactorClassifierSection, At("representation.judging.classifier")]


class SampleRepresentation(Settings):
    """Of `sample_representation`."""

    images: Annotated[RepresentationImagesSection, At("representation.images")]
    components: Annotated[ComponentsSection, At("representation.components")]
    samples: Annotated[RepresentationSamplesSection, At("representation.samples")]


class JudgeRepresentation(Settings):
    """Of `judge_representation`."""

    images: Annotated[RepresentationImagesSection, At("representation.images")]
    components: Annotated[ComponentsSection, At("representation.components")]
    judging: Annotated[RepresentationJudgingSection, At("representation.judging")]


class PlotRepresentationPictures(Settings):
    """Of `plot_representation_pictures`."""

    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]


class TabulateRepresentation(Settings):
    """Of `tabulate_representation`."""

    statistics: Annotated[StatisticsSection, At("statistics")]


class PlotRepresentation(Settings):
    """Of `plot_representation`."""

    palette: Annotated[Palette, At("figures.palette")]
    panels: Annotated[int, At("figures.panels")]
    confidence: Annotated[float, At("statistics.confidence")]
    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]


class PlotTeaser(Settings):
    """Of `plot_teaser`."""

    palette: Annotated[Palette, At("figures.palette")]
    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]


class PlotDenoisingStrip(Settings):
    """Of `plot_denoising_strip`."""

    palette: Annotated[Palette, At("figures.palette")]
    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]


class PlotIntegrandCurves(Settings):
    """Of `plot_integrand_curves`."""

    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]


class PlotInformationScatter(Settings):
    """Of `plot_information_scatter`."""

    statistics: Annotated[StatisticsSection, At("statistics")]
    font: Annotated[str | None, At("figures.font")]
    format: Annotated[Format, At("figures.format")]


class WriteReport(Settings):
    """Of `write_report`."""

    report: Annotated[ReportSection, At("report")]
    palette: Annotated[Palette, At("figures.palette")]
    datasets: Annotated[dict[Name, Dataset], At("datasets")]
    retrieval_datasets: Annotated[dict[Name, RetrievalDataset], At("retrieval_datasets")]
    resize: Annotated[Resize, At("model.resize")]
    unfamiliar: Annotated[tuple[Name, ...], At("unfamiliar_datasets")]
    confidence: Annotated[float, At("statistics.confidence")]


class TrainScenesText(Settings):
    """Of `train_scenes_text`."""

    seed: Annotated[int, At("scenes_model.seed")]
    training: Annotated[TextTrainingSection, At("scenes_model.text")]


class TrainScenesAutoencoder(Settings):
    """Of `train_scenes_autoencoder`."""

    seed: Annotated[int, At("scenes_model.seed")]
    training: Annotated[AutoencoderTrainingSection, At("scenes_model.autoencoder")]


class TrainScenesUnet(Settings):
    """Of `train_scenes_unet`."""

    seed: Annotated[int, At("scenes_model.seed")]
    training: Annotated[DenoiserTrainingSection, At("scenes_model.denoiser")]


class TrainScenesConsistency(Settings):
    """Of `train_scenes_consistency`."""

    seed: Annotated[int, At("scenes_model.seed")]
    training: Annotated[ConsistencyTrainingSection, At("scenes_model.consistency")]


class TrainScenesTransformer(Settings):
    """Of `train_scenes_transformer`."""

    seed: Annotated[int, At("scenes_model.seed")]
    training: Annotated[FlowTrainingSection, At("scenes_model.flow")]


class TrainScenesFlowConsistency(Settings):
    """Of `train_scenes_flow_consistency`."""

    seed: Annotated[int, At("scenes_model.seed")]
    training: Annotated[FlowConsistencySection, At("scenes_model.flow_consistency")]


class TrainScenesClip(Settings):
    """Of `train_scenes_clip`."""

    seed: Annotated[int, At("scenes_model.seed")]
    training: Annotated[ClipTrainingSection, At("scenes_model.clip")]


class TrainScenesHardneg(Settings):
    """Of `train_scenes_hardneg`."""

    seed: Annotated[int, At("scenes_model.seed")]
    training: Annotated[HardnegTrainingSection, At("scenes_model.hardneg")]


class TrainScenesClassifier(Settings):
    """Of `train_scenes_classifier`."""

    seed: Annotated[int, At("scenes_model.seed")]
    training: Annotated[ClassifierTrainingSection, At("scenes_model.classifier")]


class TrainRepresentation(Settings):
    """Of `train_representation`; NAME is a model's."""

    seed: Annotated[int, At("representation_model.seed")]
    split_seed: Annotated[int, At("representation.images.seed")]
    model: Annotated[RepresentationModel, At("representation_model.models.NAME")]
    training: Annotated[RepresentationTrainingSection, At("representation_model.training")]


# Stage → class. Two stages run for two rules each, which read different keys.
SETTINGS = {re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower(): cls for cls in Settings.__subclasses__()}
