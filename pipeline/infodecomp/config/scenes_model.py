"""The recipe of the embedded models."""

from __future__ import annotations

from pydantic import Field

from infodecomp.config.section import Section


class TextTrainingSection(Section):
    """The text encoder."""

    steps: int = Field(1200, ge=1, description="training steps")


class AutoencoderTrainingSection(Section):
    """The autoencoder's decoder."""

    steps: int = Field(1600, ge=1, description="training steps")


class DenoiserTrainingSection(Section):
    """The denoiser."""

    steps: int = Field(
        29000, ge=1, description="training steps, in three cycles of the learning rate (18, 9 and 2 of 29)"
    )
    batch: int = Field(32, ge=1, description="scenes a step")
    learning_rate: float = Field(0.001, gt=0, description="peak learning rate")
    text_learning_rate: float = Field(
        0.00002, ge=0, description="learning rate of the text encoder while the denoiser is trained"
    )
    bind_from: int = Field(
        2000, ge=0, description="from this step, most scenes hold two things and most captions say where each is"
    )
    bind_until: int = Field(4500, ge=0, description="from this step, the mixture of scenes is the first one again")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights, which are the ones saved")
    hide_padding: float = Field(
        0.5, ge=0, le=1, description="share of prompts whose padding is hidden from the denoiser"
    )
    silence: float = Field(
        0.85, ge=0, le=1, description="share of prompts left empty at log-SNRs where the scene is plain to see"
    )


class ConsistencyTrainingSection(Section):
    """Consistency training of the denoiser: shorter prompts should predict the mean over longer ones."""

    steps: int = Field(6600, ge=1, description="training steps, in three cycles (40, 15 and 11 of 66)")
    batch: int = Field(32, ge=1, description="scenes a step")
    learning_rate: float = Field(0.0004, gt=0, description="peak learning rate")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights, which are the ones saved")
    hide_padding: float = Field(
        0.5, ge=0, le=1, description="share of prompts whose padding is hidden from the denoiser"
    )


class FlowTrainingSection(Section):
    """The flow transformer."""

    blocks: int = Field(4, ge=1, description="transformer blocks")
    width: int = Field(128, ge=32, multiple_of=32, description="channels of a token")
    steps: int = Field(
        56000, ge=1, description="training steps, in three cycles of the learning rate (8, 15 and 5 of 28)"
    )
    batch: int = Field(16, ge=1, description="scenes a step")
    matrix_learning_rate: float = Field(0.003, gt=0, description="peak learning rate of Muon, for the blocks' matrices")
    learning_rate: float = Field(0.003, gt=0, description="peak learning rate of AdamW, for the rest")
    bind_from: int = Field(
        500, ge=0, description="from this step, most scenes hold two things and most captions say where each is"
    )
    bind_until: int = Field(4000, ge=0, description="from this step, the mixture of scenes is the first one again")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights, which are the ones saved")
    silence: float = Field(
        0.85, ge=0, le=1, description="share of prompts left empty at log-SNRs where the scene is plain to see"
    )


class FlowConsistencySection(Section):
    """Consistency training of the flow transformer."""

    steps: int = Field(12000, ge=1, description="training steps, in three cycles (40, 15 and 11 of 66)")
    batch: int = Field(16, ge=1, description="scenes a step")
    matrix_learning_rate: float = Field(0.001, gt=0, description="peak learning rate of Muon, for the blocks' matrices")
    learning_rate: float = Field(0.001, gt=0, description="peak learning rate of AdamW, for the rest")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights, which are the ones saved")


class ClipTrainingSection(Section):
    """CLIP's image tower."""

    steps: int = Field(3000, ge=1, description="training steps")
    batch: int = Field(64, ge=2, description="scenes a step, each to be matched with its caption")
    learning_rate: float = Field(0.001, gt=0, description="peak learning rate")


class HardnegTrainingSection(Section):
    """The LoRA that learns to prefer true captions."""

    steps: int = Field(400, ge=1, description="training steps")
    batch: int = Field(16, ge=1, description="pairs of captions a step")
    learning_rate: float = Field(0.0005, gt=0, description="peak learning rate")
    rank: int = Field(4, ge=1, description="rank of its update of a weight matrix")
    margin: float = Field(
        0.01, ge=0, description="margin by which a false caption's denoising error should exceed the true one's"
    )


class ClassifierTrainingSection(Section):
    """The classifier that judges edits."""

    steps: int = Field(1500, ge=1, description="training steps")
    batch: int = Field(32, ge=2, description="scenes a step")
    learning_rate: float = Field(0.003, gt=0, description="peak learning rate")


class ScenesModelSection(Section):
    """Recipe of the embedded models: read by the rules `train_scenes_*` and by nothing else."""

    seed: int = Field(0, ge=0, description="seed of weights, scenes and noise")
    text: TextTrainingSection = Field(TextTrainingSection(), description="The text encoder")
    autoencoder: AutoencoderTrainingSection = Field(
        AutoencoderTrainingSection(), description="The decoder of the autoencoder"
    )
    denoiser: DenoiserTrainingSection = Field(DenoiserTrainingSection(), description="The denoiser")
    consistency: ConsistencyTrainingSection = Field(
        ConsistencyTrainingSection(),
        description="Consistency training: shorter prompts should predict the mean over longer ones",
    )
    flow: FlowTrainingSection = Field(FlowTrainingSection(), description="The flow transformer")
    flow_consistency: FlowConsistencySection = Field(
        FlowConsistencySection(), description="Consistency training of the flow transformer"
    )
    clip: ClipTrainingSection = Field(ClipTrainingSection(), description="The image tower of CLIP")
    hardneg: HardnegTrainingSection = Field(
        HardnegTrainingSection(), description="The LoRA that learns to prefer true captions"
    )
    classifier: ClassifierTrainingSection = Field(
        ClassifierTrainingSection(), description="The classifier that judges edits"
    )
