"""The sections of the configuration: every key with its default, range and meaning.

The defaults are the embedded demo study.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from infodecomp.methods import METHODS, OF_EVERY_CASE, OF_PAIRS
from infodecomp.scenes.partners import SCENE_SWAPS

# Names become folder names, and parts of them words of a file name.
NAME = r"^[A-Za-z0-9_-]+$"
DEVICE = r"^(auto|cpu|mps|cuda(:\d+)?)$"
RETRIEVAL_FILE = r"\.(json|parquet)$"
HUB_REVISION = r"^[\w.-]+/[\w.-]+@[\w./-]+$"

Name = Annotated[str, Field(pattern=NAME)]
Rows = Annotated[int, Field(ge=1)]
Steps = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
# A model has 1000 timesteps, and the path of inversion starts one stride below the last.
AttentionSteps = Annotated[tuple[Annotated[int, Field(ge=1, le=999)], ...], Field(min_length=1)]
Timesteps = Annotated[tuple[Annotated[int, Field(ge=0, le=999)], ...], Field(min_length=1)]
# A word and its partner.
Swap = tuple[Annotated[str, Field(min_length=1)], Annotated[str, Field(min_length=1)]]
Precision = Literal["auto", "float32", "tf32", "bfloat16", "float16"]
Mirrors = Annotated[tuple[Annotated[str, Field(pattern=HUB_REVISION)], ...], Field(min_length=1)]
GradientReduction = Literal["grad_x_input", "max", "mean", "min", "integrated"]
Pixel = Annotated[int, Field(ge=0)]
PixelBox = tuple[Pixel, Pixel, Pixel, Pixel]
Prompt = Annotated[str, Field(min_length=1)]
if TYPE_CHECKING:
    Method = str
else:
    Method = Literal[tuple(METHODS)]
Estimator = Literal["orthogonal", "standard"]
Redundancy = Literal["ppid", "min", "ccs"]
PairKind = Literal["noun+noun", "adjective+noun"]
Share = Annotated[float, Field(gt=0, lt=1)]
Design = Literal["iid", "stratified", "midpoint", "sobol"]
# `auto` stands for one of them: see `infodecomp.estimator.designs`.
ChosenDesign = Literal["auto", "iid", "stratified", "midpoint", "sobol"]
ValidationProblem = Literal[
    "plane",
    "shapes",
    "fine",
    "labels",
    "disc_16",
    "disc_64",
    "normal_1",
    "dense_5",
    "dense_25",
    "sparse_5",
    "sparse_25",
]
# Methods of the retrieval study that score with a model of their own.
SecondModel = Literal["hardneg_diffitm"]
RetrievalMethod = Literal["i_o", "i_s", "neg_nll", "diffitm", "clip", "hardneg_diffitm", "text_only"]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values are not converted, and nothing changes once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ScenesSection(Section):
    """The embedded evaluation scenes, drawn anew from their seed."""

    seed: int = Field(0, ge=0, description="another seed draws other scenes; never those of training")
    count: int = Field(240, ge=1, description="number of pictures")
    folder: str = Field("data/scenes", min_length=1, description="where they are written, in COCO layout")
    retrieval: int = Field(
        60,
        ge=1,
        description="cases of each embedded retrieval set; order sets: five captions of an image are five cases",
    )


class DatasetSection(Section):
    """One dataset of images, captions and words."""

    kind: Literal["coco_it", "word_list", "custom", "generated"] = Field(
        description="cases from categories named in captions, a word list, your own CSV, or `generate`"
    )
    root: str | None = Field(
        None,
        description="folder in COCO layout (null: $COCO_ROOT or data/coco); custom: start of the CSV's paths",
    )
    images: str = Field("val2017", description="image folder below root")
    instances: str = Field("annotations/instances_val2017.json", description="objects and masks, below root")
    captions: str = Field("annotations/captions_val2017.json", description="captions, below root")
    list: str | None = Field(
        None,
        description="word_list: CSV of image_id, caption_id, label, word, word_type; "
        "custom: CSV of image, caption, word (and mask, label)",
    )
    outside_root: bool = Field(False, description="custom: its paths may be absolute, or lead out of root by `..`")
    word_removal: Literal["word", "substring"] = Field(
        "word", description="take it out of the caption as a whole word, or wherever its letters stand"
    )
    crowd: Literal["include", "exclude"] = Field("include", description="crowd regions are part of a category's mask")
    first: int | None = Field(None, ge=1, description="take only the first so many cases (null: all)")
    per_label: int | None = Field(None, ge=1, description="take only the first so many cases of each label (null: all)")
    shards: int | None = Field(None, ge=1, le=700, description="jobs of this dataset (null: `shards` of the study)")
    draws: int | None = Field(
        None,
        ge=3,
        le=999,
        description="draws of its maps, and steps of their attention (null: `steps` of information, attention, gradients)",
    )
    localisation: bool = Field(True, description="the words have masks: score them; false: heat maps only")
    editing: bool = Field(False, description="cases of this dataset are edited")
    word_pairs: bool = Field(False, description="pairs of words in its captions are decomposed")


class RetrievalDatasetSection(Section):
    """One set of images, each with one true caption and false ones, in the form of a set of the ARO benchmark."""

    kind: Literal["vg_relation", "vg_attribution", "coco_order", "flickr30k_order"] = Field(
        description="the set of ARO whose form it has"
    )
    file: str = Field(
        pattern=RETRIEVAL_FILE,
        examples=["data/aro/visual_genome_relation.json"],
        description=".json as ARO or Karpathy publish it, or a .parquet mirror with captions and images inside",
    )
    images: str | None = Field(
        None, min_length=1, description="folder that image paths of the JSON start from; null for a mirror"
    )
    tagger: str | None = Field(
        None,
        min_length=1,
        description="order sets from JSON, which shuffle by word class: `scenes` (closed vocabulary) or a spaCy pipeline",
    )
    max_words: int = Field(30, ge=1, description="order sets: captions are cut to so many words")
    minimum_group: int = Field(
        1, ge=1, description="relations or attribute pairs with fewer cases do not count in macro accuracy"
    )
    first: int | None = Field(None, ge=1, description="take only the first so many cases (null: all)")
    shards: int | None = Field(None, ge=1, le=700, description="jobs of this set (null: `shards` of the study)")


class FetchSection(Section):
    """Where files come from that are fetched; changing this fetches nothing again."""

    sources: str = Field(
        "data/sources.csv", min_length=1, description="table of files with addresses, sizes, hashes and licences"
    )
    local_path: str | None = Field(
        None,
        min_length=1,
        description="folder with files that you have: linked instead of fetched if their hashes agree",
    )


class ModelSection(Section):
    """The diffusion model."""

    id: str = Field(
        "data/models/scenes",
        min_length=1,
        description="folder of a diffusers pipeline, or its id on the Hugging Face Hub",
    )
    revision: str | None = Field(None, description="commit on the Hub (null: the newest)")
    mirrors: Mirrors | None = Field(None, description="other repositories of it on the Hub, tried in this order")
    variant: str | None = Field(None, description="weight files of this variant, such as fp16 (null: the plain ones)")
    lora: str | None = Field(
        None, min_length=1, description="LoRA folder or file that is put on top of the model (null: none)"
    )
    precision: Precision = Field("auto", description="of the denoiser; auto: float32 on a CPU, tf32 on a GPU")
    resize: Literal["squeeze", "letterbox"] = Field(
        "squeeze", description="fit images to the model's size by stretching or by padding"
    )
    latents: Literal["mean", "sample"] = Field("mean", description="latent of an image: the encoder's mean or one draw")


class ClipSection(Section):
    """The CLIP of the method `clip`: that whose text encoder the diffusion model uses."""

    id: str = Field(
        "data/models/scenes_clip", min_length=1, description="folder of a CLIPModel, or its id on the Hugging Face Hub"
    )
    revision: str | None = Field(None, description="commit on the Hub (null: the newest)")
    mirrors: Mirrors | None = Field(None, description="other repositories of it on the Hub, tried in this order")
    precision: Precision = Field("auto", description="of the model; auto: float32 on a CPU, tf32 on a GPU")


class InformationSection(Section):
    """The estimator of information: where the integral over log-SNR is sampled, and between which prompts."""

    density: Literal["logistic", "uniform", "grid", "adaptive"] = Field(
        "logistic",
        description="density of the log-SNRs; adaptive: fitted to a dataset by a pilot, for maps",
    )
    pilot_images: int = Field(16, ge=1, description="adaptive: images of a dataset on which the density is fitted")
    pilot_draws: int = Field(24, ge=24, description="adaptive: draws of each of them, spread evenly over the range")
    design: ChosenDesign = Field(
        "stratified",
        description="how draws are spread over the density; auto: by what is estimated",
    )
    antithetic_eps: bool = Field(True, description="draw log-SNRs in pairs with noise of opposite sign")
    loc: float = Field(1.0, description="centre of the log-SNRs")
    scale: float = Field(2.0, gt=0, description="their scale")
    clip: float = Field(3.0, gt=0, description="log-SNRs reach from loc - clip*scale to loc + clip*scale")
    beyond_trained_range: bool = Field(
        False, description="do not cut that range to the log-SNRs the model was trained on"
    )
    steps: Steps = Field((50, 100), description="numbers of draws to report, nested in one run")
    extendable: bool = Field(
        False, description="keep what a later run with more numbers at the end of `steps` needs to go on from this one"
    )
    stopping: Literal["none", "target_error"] = Field(
        "none", description="maps: take all draws, or end a case at the first number of draws that is enough for it"
    )
    target_error: float = Field(
        0.02, gt=0, lt=1, description="stopping: mean standard error of a map's pixels over the range of the map"
    )
    word_prompt: Literal["word", "label"] = Field(
        "word", description="prompt of MI: the word as it stands in the caption, or its label"
    )
    missing_word: Literal["delete", "underscore"] = Field(
        "delete", description="caption without the word: take it out, or write `_` for it"
    )


class AttentionSection(Section):
    """Cross-attention maps of words."""

    heads: Literal["all", "second_half"] = Field("all", description="attention heads that are averaged")
    image_range: Literal["signed", "unit"] = Field(
        "signed", description="pixel values given to the encoder: -1 to 1 as in its training, or 0 to 1"
    )
    steps: AttentionSteps = Field((25, 50), description="steps of inversion and of denoising, one run each")


class GradientsSection(Section):
    """Gradients of what the model does, with respect to words, pixels and noise; draws otherwise as in `information`."""

    steps: Steps = Field((12,), description="numbers of draws, nested in one run; of a loss, the last")
    tokens: GradientReduction = Field(
        "grad_x_input", description="gradient of a token in one number; integrated: from the empty prompt on"
    )
    cells: GradientReduction = Field(
        "max", description="gradient of a pixel, or of a cell of the latent, in one number"
    )
    integrated_points: int = Field(16, ge=2, description="integrated: points on the way from the baseline")
    special_tokens: Literal["drop", "keep"] = Field(
        "drop", description="start, end and padding: leave them out of the percentages, or give them rows"
    )
    n_last_steps: int | None = Field(
        None, ge=1, description="generated images: steps that gradients go back through (null: all)"
    )
    boxes: Annotated[tuple[PixelBox, ...], Field(min_length=1)] | None = Field(
        None, description="x0, y0, x1, y1 in pixels of the model's image: each is explained beside the whole image"
    )
    explain: Annotated[tuple[Name, ...], Field(min_length=1)] | None = Field(
        None, description="datasets whose images are explained word by word (null: `generated`, if there is one)"
    )


class GenerateSection(Section):
    """Images that the study's model makes of prompts: they are the dataset `generated`."""

    prompts: Annotated[tuple[Prompt, ...], Field(min_length=1)] | None = Field(
        None, description="what to make (null: what `list` names)"
    )
    list: str | None = Field(
        "data/reference/scene_prompts.csv",
        min_length=1,
        description="CSV of prompt (and words, seed, image, mask), or a list of pairs of words; docs/gradients.md",
    )
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = Field(
        (0,), description="an image of each prompt for each seed; a CSV may name its own"
    )
    steps: int = Field(12, ge=1, le=999, description="steps of DDIM")
    guidance: float = Field(3.0, ge=0, description="scale of classifier-free guidance (1: none)")
    strength: float = Field(
        0.7, gt=0, le=1, description="image to image, and inpainting: share of the steps that are walked"
    )

    @property
    def listed(self) -> str | None:
        """The CSV that says what to make, where no prompts do."""
        return self.list if self.prompts is None else None


class ThresholdsSection(Section):
    """Thresholds on min-max scaled maps, evenly spaced."""

    low: float = Field(0.1, ge=0, lt=1, description="lowest")
    high: float = Field(0.5, ge=0, lt=1, description="highest")
    count: int = Field(50, ge=2, description="how many")


class LocalisationSection(Section):
    """How maps are compared with masks."""

    methods: Annotated[tuple[Method, ...], Field(min_length=1)] = Field(
        OF_EVERY_CASE, description="rows; unique: of words in pairs alone"
    )
    estimators: Annotated[tuple[Estimator, ...], Field(min_length=1)] = Field(
        get_args(Estimator), description="for methods that measure information"
    )
    thresholds: ThresholdsSection = Field(
        ThresholdsSection(), description="Thresholds on min-max scaled maps, evenly spaced"
    )
    bootstrap: int = Field(2000, ge=100, description="resamples of images behind each interval")
    confidence: float = Field(0.95, gt=0, lt=1, description="level of the intervals")
    map_size: int = Field(64, ge=8, description="side in pixels at which maps (bilinear) meet masks (nearest)")


class RetrievalSection(Section):
    """How captions are told apart."""

    methods: Annotated[tuple[RetrievalMethod, ...], Field(min_length=1)] = Field(
        get_args(RetrievalMethod),
        description="rows of the table",
    )
    steps: Steps = Field(
        (12, 24, 48),
        description="draws of a case, shared by its captions, nested in one run; the rest is as in `information`",
    )
    stopping: Literal["none", "racing"] = Field(
        "none", description="take all draws, or let captions go at each number of draws once they will hardly win"
    )
    error: float = Field(
        0.025, gt=0, lt=1, description="racing: chance that a case ends on another caption than all draws would choose"
    )
    diffitm_timesteps: Timesteps = Field(
        tuple(range(10, 1000, 100)), description="noise levels of diffitm and hardneg_diffitm"
    )
    ties: Literal["half", "wrong", "right", "drop"] = Field(
        "half", description="a false caption scores as high as the true one: the case counts as this"
    )
    bootstrap: int = Field(2000, ge=100, description="resamples of groups behind each interval of macro accuracy")
    confidence: float = Field(0.95, gt=0, lt=1, description="level of the intervals")
    symmetric_relations: str = Field(
        "data/reference/vg_symmetric_relations.txt",
        min_length=1,
        description="relations that read the same both ways, one a line; `macro_asymmetric` leaves them out",
    )
    mark_change: float = Field(
        0.3, gt=0, le=1, description="mark groups whose accuracy differs from that of clip by more"
    )


class EditingInformationSection(Section):
    """Where the editing study estimates information otherwise than the other studies do."""

    steps: Steps | None = Field(None, description="numbers of draws, nested in one run; edits use the last")
    loc: float | None = Field(None, description="centre of the log-SNRs")
    scale: float | None = Field(None, gt=0, description="their scale")
    clip: float | None = Field(None, gt=0, description="log-SNRs reach from loc - clip*scale to loc + clip*scale")


class EditingSection(Section):
    """How words are taken out of captions or swapped on the way from an image to noise and back."""

    sampler: Literal["heun", "euler", "ddim"] = Field("heun", description="how the flow is followed")
    steps: int = Field(15, ge=1, le=999, description="noise levels of the flow (ddim: steps), each way")
    rho: float = Field(7.0, gt=0, description="heun, euler: the larger, the more of the levels have little noise")
    noised_start: bool = Field(
        True,
        description="give the latent the noise of the flow's lowest level first, and take it off at the end; "
        "false: as in the paper",
    )
    omit: Literal["underscore", "delete"] = Field(
        "delete", description="caption without the word: write `_` for it, or take it out"
    )
    swaps: Annotated[tuple[Swap, ...], Field(min_length=1)] = Field(
        SCENE_SWAPS, description="words and their partners, both ways, singular and plural"
    )
    swap_scope: Literal["target", "all"] = Field(
        "target", description="swap the word alone, or every word of the caption that has a partner"
    )
    information: EditingInformationSection = Field(
        EditingInformationSection(),
        description="Keys of the section `information` that are other ones for edits (null: as there)",
    )
    animated: int = Field(
        20, ge=0, description="first cases of a dataset whose way to each edit is kept as a moving picture"
    )
    min_reconstruction_psnr: float = Field(
        20.0, ge=0, description="PSNR of the unchanged picture against the real one, dB, below which a case is flagged"
    )
    bootstrap: int = Field(2000, ge=100, description="resamples of images behind each interval")
    confidence: float = Field(0.95, gt=0, lt=1, description="level of the intervals")
    error: Literal["bootstrap_sd", "sd_over_10"] = Field(
        "bootstrap_sd", description="error beside each correlation: the resamples' standard deviation, or a tenth of it"
    )

    def estimator(self, information: InformationSection) -> InformationSection:
        """The estimator of the edits: that of the study, with the keys of `information` here that are not null."""
        return information.model_copy(update=self.information.model_dump(exclude_none=True))

    def shares(self, information: InformationSection) -> bool:
        """Whether the localisation study has MI and CMI of the prompts and draws that the edits take."""
        return (
            information.word_prompt == "word"
            and information.missing_word == self.omit
            and self.estimator(information) == information
        )


class PartialInformationSection(Section):
    """What two words of a caption tell together, taken apart; the estimator is that of `information`."""

    redundancy: Redundancy = Field(
        "ppid", description="measure of what two words share: specificity less ambiguity, minimum, common change"
    )
    map_redundancy: Redundancy = Field(
        "min", description="the same behind maps of single words: `unique`, and the parts on the page"
    )
    word_prior: Literal["corpus", "uniform"] = Field(
        "corpus", description="ppid: how likely a word is: as often as in the dataset's captions, or all equally"
    )
    pairs: Annotated[tuple[PairKind, ...], Field(min_length=1)] = Field(
        get_args(PairKind), description="pairs of words; an adjective goes with the noun that it stands before"
    )
    tagger: str | None = Field(
        "scenes",
        min_length=1,
        description="what knows the words' classes: `scenes` or a spaCy pipeline (null: words of the dataset's cases)",
    )
    list: str | None = Field(
        None,
        min_length=1,
        description="these pairs instead, in captions that hold both words: CSV of first, second (and kind, caption, …)",
    )
    captions: int | None = Field(
        13, ge=1, description="take only the first so many captions of a dataset that have a pair (null: all)"
    )
    join: str = Field("and", description="prompt of both of two nouns that do not stand together: this between them")
    steps: int = Field(6, ge=1, description="draws of each replicate; the rest is as in `information`")
    replicates: int = Field(4, ge=2, description="independent runs of so many draws, behind each standard error")
    shards: int | None = Field(1, ge=1, le=700, description="jobs of each dataset (null: as many as of its cases)")
    bootstrap: int = Field(2000, ge=100, description="resamples of images behind each interval")
    confidence: float = Field(0.95, gt=0, lt=1, description="level of the intervals")


class FaithfulnessSection(Section):
    """Whether maps are true to the model: taken at its word, pixel by pixel, and made again."""

    datasets: tuple[Name, ...] | None = Field(
        None, description="datasets whose maps are judged (null: those that are edited; []: none)"
    )
    cases: int = Field(
        22, ge=1, description="the first so many cases of a dataset, and the rest of the last one's image"
    )
    shards: int = Field(2, ge=1, le=700, description="jobs into which the judged images of a dataset are divided")
    estimators: Annotated[tuple[Estimator, ...], Field(min_length=1)] = Field(
        ("orthogonal",), description="for methods that measure information"
    )
    judged: Literal["first", "last"] = Field(
        "first", description="of the numbers of draws or steps of a map, the first or the last"
    )
    fractions: Annotated[tuple[Share, ...], Field(min_length=1)] = Field(
        (0.1, 0.3), description="shares of the pixels that are taken away or put back, beside none and all"
    )
    filling: Literal["denoiser", "noise"] = Field(
        "denoiser",
        description="what stands in a pixel that is taken away: what the model expects without a prompt, or noise",
    )
    filling_logsnr: float = Field(-3.0, description="denoiser: log-SNR at which the image is shown to it")
    draws: int = Field(8, ge=2, description="draws of iᵒ and iˢ of an image with some pixels taken away")
    repeated_draws: int | None = Field(
        6, ge=2, description="draws of the maps that are made again, at most (null: as many as the judged map has)"
    )
    bootstrap: int = Field(2000, ge=100, description="resamples of images behind each interval")
    confidence: float = Field(0.95, gt=0, lt=1, description="level of the intervals")


class ValidationSection(Section):
    """The estimator against problems whose information is known; range of log-SNRs and pilots as in `information`."""

    problems: Annotated[tuple[ValidationProblem, ...], Field(min_length=1)] = Field(
        ("plane", "fine", "disc_16", "dense_5"), description="problems"
    )
    designs: Annotated[tuple[Design, ...], Field(min_length=1)] = Field(
        ("iid", "stratified"), description="how the draws are spread over the density"
    )
    densities: Annotated[tuple[Literal["logistic", "adaptive"], ...], Field(min_length=1)] = Field(
        ("logistic",), description="densities of the log-SNRs; adaptive: pilots on points of their own"
    )
    antithetic_eps: Annotated[tuple[bool, ...], Field(min_length=1)] = Field(
        (True,), description="log-SNRs one by one (false), or in pairs with noise of opposite sign (true)"
    )
    steps: Steps = Field((50, 100), description="numbers of draws")
    points: int = Field(20, ge=2, description="draws of (x, y) from each problem")
    runs: int = Field(10, ge=1, description="runs of the estimator for each point")
    confidence: float = Field(0.95, gt=0, lt=1, description="level of the intervals whose coverage is counted")


class FiguresSection(Section):
    """How figures look."""

    palette: Literal["cividis", "viridis", "magma", "inferno", "plasma", "paper"] = Field(
        "cividis", description="colours of heat maps, perceptually uniform; paper: jet, as published"
    )
    panels: int = Field(12, ge=1, description="cases shown as panels, for each dataset; edits: half as many strips")
    caption_image: str | None = Field(
        None, description="image_id of the image whose caption is taken apart word by word (null: chosen)"
    )
    format: Literal["pdf", "png", "svg"] = Field("pdf", description="vector format beside PNG (png: none)")


class ReportSection(Section):
    """What the page of a study shows."""

    images: int = Field(
        1000, ge=1, description="images of each dataset in the page, and cases of each retrieval dataset"
    )
    picture: int = Field(512, ge=64, description="longest side of a picture in the page, in pixels")


class ScenesModelSection(Section):
    """Recipe of the embedded model and its CLIP; used only by `snakemake train_scenes_model` and `train_scenes_clip`."""

    seed: int = Field(0, ge=0, description="seed of weights, scenes and noise")
    text_steps: int = Field(1200, ge=1, description="steps of the text encoder")
    decoder_steps: int = Field(1600, ge=1, description="steps of the autoencoder's decoder")
    unet_steps: int = Field(
        29000, ge=1, description="steps of the denoiser, in three cycles of the learning rate (18, 9 and 2 of 29)"
    )
    batch: int = Field(32, ge=1, description="scenes in a step")
    learning_rate: float = Field(0.001, gt=0, description="peak learning rate of the denoiser")
    text_learning_rate: float = Field(0.00002, ge=0, description="that of the text encoder while the denoiser learns")
    bind_from: int = Field(
        2000, ge=0, description="step from which most scenes hold two things and most captions say which is where"
    )
    bind_until: int = Field(4500, ge=0, description="step from which the mixture is the first one again")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights, which are the ones saved")
    hide_padding: float = Field(0.5, ge=0, le=1, description="share of prompts whose padding the denoiser cannot read")
    silence: float = Field(
        0.85,
        ge=0,
        le=1,
        description="share of prompts left empty at log-SNRs where the scene is plain to see",
    )
    consistency_steps: int = Field(
        6600,
        ge=1,
        description="steps in which it learns to expect, given less, the mean of what it expects given more, "
        "in three cycles (40, 15 and 11 of 66)",
    )
    consistency_learning_rate: float = Field(0.0004, gt=0, description="peak learning rate of these steps")
    clip_steps: int = Field(3000, ge=1, description="steps of the CLIP's image tower")
    clip_batch: int = Field(64, ge=2, description="scenes in a step, told apart by their captions")
    clip_learning_rate: float = Field(0.001, gt=0, description="peak learning rate of the image tower")
    hardneg_steps: int = Field(400, ge=1, description="steps of the LoRA that learns to prefer true captions")
    hardneg_batch: int = Field(16, ge=1, description="pairs of captions in a step")
    hardneg_learning_rate: float = Field(0.0005, gt=0, description="peak learning rate of the LoRA")
    hardneg_rank: int = Field(4, ge=1, description="rank of its change of a weight matrix")
    hardneg_margin: float = Field(
        0.01, ge=0, description="by how much more the noise should be mistaken under a false caption"
    )
    classifier_steps: int = Field(1500, ge=1, description="steps of the classifier that judges edits")
    classifier_batch: int = Field(32, ge=2, description="scenes in a step")
    classifier_learning_rate: float = Field(0.003, gt=0, description="peak learning rate of the classifier")


class MachineSection(Section):
    """Facts about the computer. They never change a result by more than rounding, and changing them runs nothing again."""

    device: str = Field(
        "auto",
        pattern=DEVICE,
        description="auto: a GPU where there is one, else the CPU",
    )
    batch_size: Rows | Literal["auto"] = Field(
        "auto", description="rows in one call of the model; auto: as its memory allows, 64 on a CPU"
    )
    threads: int | None = Field(None, ge=1, description="CPU threads of a job that runs the model (null: one)")
    checkpointing: bool = Field(
        False, description="gradients of generated images: compute steps twice instead of keeping what is inside them"
    )
    compile: bool = Field(False, description="compile the denoiser: a minute at the start of a job, faster calls after")
    minutes_per_job: int = Field(
        20,
        ge=1,
        description="length that `snakemake plan` advises shards for; a cluster's time limit is three times it",
    )


_DEMO_DATASETS = {
    "scenes": DatasetSection(kind="coco_it", root="data/scenes", first=60, editing=True, word_pairs=True),
    "scenes_words": DatasetSection(
        kind="word_list", root="data/scenes", list="data/scenes/words.csv", localisation=False, shards=1, draws=30
    ),
    "generated": DatasetSection(kind="generated", localisation=False, shards=1, draws=12),
}


_SCENES_ARO = "data/scenes/aro"

# One job a set: five of them keep the cores of a laptop busy, and each spends seconds on loading the model.
_DEMO_RETRIEVAL_DATASETS = {
    "scenes_vg_relation": RetrievalDatasetSection(
        kind="vg_relation", file=f"{_SCENES_ARO}/visual_genome_relation.json", images=_SCENES_ARO, shards=1
    ),
    "scenes_vg_attribution": RetrievalDatasetSection(
        kind="vg_attribution", file=f"{_SCENES_ARO}/visual_genome_attribution.json", images=_SCENES_ARO, shards=1
    ),
    "scenes_noun_swap": RetrievalDatasetSection(
        kind="vg_relation", file=f"{_SCENES_ARO}/noun_swap.json", images=_SCENES_ARO, shards=1
    ),
    "scenes_coco_order": RetrievalDatasetSection(
        kind="coco_order",
        file=f"{_SCENES_ARO}/coco_karpathy_test.json",
        images=_SCENES_ARO,
        tagger="scenes",
        first=40,
        shards=1,
    ),
    "scenes_flickr30k_order": RetrievalDatasetSection(
        kind="flickr30k_order",
        file=f"{_SCENES_ARO}/flickr30k_test.json",
        images=_SCENES_ARO,
        tagger="scenes",
        first=40,
        shards=1,
    ),
}


class Config(Section):
    """A whole study."""

    study: str = Field("demo", pattern=NAME, description="results go to results/<study>/")
    seed: int = Field(0, ge=0, description="seed of every draw; results depend on nothing else that is random")
    shards: int = Field(
        2, ge=1, le=700, description="jobs into which the images of a dataset are divided; `snakemake plan` advises"
    )
    max_failed_fraction: float = Field(0.05, ge=0, le=1, description="a stage fails when more of its cases failed")
    scenes: ScenesSection = Field(ScenesSection(), description="The embedded evaluation scenes, drawn from their seed")
    datasets: dict[Name, DatasetSection] = Field(
        _DEMO_DATASETS,
        description="Datasets by name; results go to results/<study>/<name>/. An overlay adds to them; "
        "`name: null` takes one out",
    )
    retrieval_datasets: dict[Name, RetrievalDatasetSection] = Field(
        _DEMO_RETRIEVAL_DATASETS,
        description="Sets of true and false captions by name; overlays and results as with datasets. "
        "`retrieval_datasets: null` takes all out",
    )
    model: ModelSection = Field(ModelSection(), description="The diffusion model")
    clip: ClipSection = Field(
        ClipSection(), description="The CLIP of the method `clip`, whose text encoder the diffusion model uses"
    )
    models: dict[SecondModel, ModelSection] = Field(
        {"hardneg_diffitm": ModelSection(lora="data/models/scenes_hardneg")},
        description="Second models, by the method that scores with one (hardneg_diffitm); keys as in `model`",
    )
    information: InformationSection = Field(
        InformationSection(density="adaptive"), description="The estimator of information"
    )
    attention: AttentionSection = Field(AttentionSection(), description="Cross-attention maps of words")
    gradients: GradientsSection = Field(
        GradientsSection(), description="Gradients of what the model does, with respect to words, pixels and noise"
    )
    generate: GenerateSection = Field(
        GenerateSection(),
        description="Images that the study's model makes of prompts: the dataset `generated`",
    )
    localisation: LocalisationSection = Field(LocalisationSection(), description="How maps are compared with masks")
    retrieval: RetrievalSection = Field(RetrievalSection(), description="How captions are told apart")
    editing: EditingSection = Field(EditingSection(), description="What an image becomes when its caption is changed")
    partial_information: PartialInformationSection = Field(
        PartialInformationSection(), description="What two words of a caption tell together, taken apart"
    )
    faithfulness: FaithfulnessSection = Field(
        FaithfulnessSection(), description="Whether maps are true to the model: pixels taken away, and maps made again"
    )
    validation: ValidationSection = Field(
        ValidationSection(),
        description="The estimator against problems whose information is known; range and pilots as in `information`",
    )
    figures: FiguresSection = Field(FiguresSection(), description="How figures look")
    fetch: FetchSection = Field(
        FetchSection(),
        description="Where data is fetched from that a study needs and that is not there; the embedded one needs none",
    )
    report: ReportSection = Field(ReportSection(), description="The page results/<study>/report/index.html")
    scenes_model: ScenesModelSection = Field(
        ScenesModelSection(),
        description="Recipe of the embedded models, for `snakemake train_scenes_model` and `train_scenes_clip` only",
    )
    machine: MachineSection = Field(
        MachineSection(), description="The computer: never changes a result, and changing it runs nothing again"
    )

    def of_dataset(self, name: str) -> Config:
        """The study as it is for one dataset, which may have a number of draws of its own."""
        draws = self.datasets[name].draws
        if draws is None:
            return self
        own = {"steps": (draws,)}
        sections = {key: getattr(self, key) for key in ("information", "attention", "gradients")}
        return self.model_copy(update={key: section.model_copy(update=own) for key, section in sections.items()})

    def shards_of(self, dataset: str) -> int:
        """Number of jobs into which the images of a dataset or retrieval set are divided."""
        section = self.datasets.get(dataset) or self.retrieval_datasets[dataset]
        return section.shards or self.shards

    def pair_shards_of(self, dataset: str) -> int:
        """Number of jobs into which the pairs of words of a dataset are divided."""
        return self.partial_information.shards or self.shards_of(dataset)

    @property
    def judged_datasets(self) -> list[str]:
        """Datasets whose maps are judged."""
        named = self.faithfulness.datasets
        return [name for name, dataset in self.datasets.items() if dataset.editing] if named is None else list(named)

    @property
    def judged_methods(self) -> list[str]:
        """Methods of localisation whose maps tell pixels apart, and `unique` where pairs of words are decomposed."""
        paired = any(self.datasets[name].word_pairs for name in self.judged_datasets)
        methods = dict.fromkeys((*self.localisation.methods, *(OF_PAIRS if paired else ())))
        return [method for method in methods if METHODS[method].has_map]
