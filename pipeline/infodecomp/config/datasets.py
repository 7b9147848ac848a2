"""Datasets of images, captions and words: a class for each kind, with the keys of that kind alone."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from infodecomp.config.section import SETTLED, CsvFile, Section

WordRemoval = Annotated[
    Literal["word", "substring"],
    Field(description="remove the word as a whole word, or wherever its letters occur"),
]
CocoRoot = Annotated[
    str | None, Field(min_length=1, description="folder in COCO layout (null: $COCO_ROOT, or data/coco)")
]


class DatasetSource(Section):
    """What cases, masks and pictures of a dataset are made from; a stage that parses this gets the class of the kind."""

    kind: Literal["coco_it", "word_list", "custom", "generated"] = Field(description="source of the cases")
    root: str | None = Field(None, description="folder of its files")
    crowd: Literal["include", "exclude"] = Field("include", description="count crowd regions as part of a mask")
    localisation: bool = Field(True, description="score maps against masks (false: no masks, heat maps only)")
    orientation: Literal["auto", "apply", "ignore"] = Field(
        "auto", description="turn pictures as their EXIF says; auto: where that fits their annotations"
    )
    boxes: Literal["refuse", "mask"] = Field(
        "refuse", description="objects with a box and no outline; mask: filled boxes"
    )
    first: int | None = Field(None, ge=1, description="use only the first N cases (null: all)")
    per_label: int | None = Field(None, ge=1, description="use only the first N cases of each label (null: all)")


class CocoSource(DatasetSource):
    """Kind `coco_it`: one case for every image and category that a caption names."""

    kind: Literal["coco_it"] = Field("coco_it", description="cases from categories named in captions")
    root: CocoRoot = None
    images: str = Field("val2017", description="image folder below root")
    instances: str = Field("annotations/instances_val2017.json", description="objects and masks, below root")
    captions: str = Field("annotations/captions_val2017.json", description="captions, below root")
    word_removal: WordRemoval = "word"


class WordListSource(DatasetSource):
    """Kind `word_list`: one case for each row of a CSV of words, in captions of a folder in COCO layout."""

    kind: Literal["word_list"] = Field("word_list", description="cases from a CSV of words")
    root: CocoRoot = None
    images: str = Field("val2017", description="image folder below root")
    instances: str = Field("annotations/instances_val2017.json", description="objects and masks, below root")
    captions: str = Field("annotations/captions_val2017.json", description="captions, below root")
    list: CsvFile = Field(description="CSV of image_id, caption_id, label, word, word_type")
    word_removal: WordRemoval = "word"


class CustomSource(DatasetSource):
    """Kind `custom`: your own images, one case for each row of a CSV, or for each content word of their captions."""

    kind: Literal["custom"] = Field("custom", description="cases from your own CSV or folder")
    root: str | None = Field(None, description="folder that the CSV's paths start from (null: the folder of the CSV)")
    crowd: Annotated[Literal["include"], SETTLED] = Field("include", description="masks are files")
    boxes: Annotated[Literal["refuse"], SETTLED] = Field("refuse", description="masks are files")
    localisation: bool = Field(True, description="score maps against the masks of the CSV, if it names any")
    list: CsvFile = Field(
        description="CSV of image, caption (and word, mask, mask_value, label), or a folder: images and captions in .txt"
    )
    function_words: bool = Field(
        False, description="where no words are named: cases of function words too, such as `on`"
    )
    outside_root: bool = Field(False, description="the CSV's paths may be absolute, or leave root by `..`")
    word_removal: WordRemoval = "word"


class GeneratedSource(DatasetSource):
    """Kind `generated`: the images that `generate` describes; they have no masks."""

    kind: Literal["generated"] = Field("generated", description="cases from the prompts of `generate`")
    root: Annotated[str | None, SETTLED] = Field(None, description="where generate_images writes them")
    crowd: Annotated[Literal["include"], SETTLED] = Field("include", description="there are no masks")
    orientation: Annotated[Literal["auto"], SETTLED] = Field("auto", description="they are upright")
    boxes: Annotated[Literal["refuse"], SETTLED] = Field("refuse", description="there are no masks")
    localisation: Annotated[Literal[False], SETTLED] = Field(False, description="there are no masks")


AnySource = Annotated[CocoSource | WordListSource | CustomSource | GeneratedSource, Field(discriminator="kind")]


class DatasetSection(DatasetSource):
    """A dataset: its source, and what a study does with it, on which no case depends."""

    editing: bool = Field(False, description="edit the cases of this dataset")
    word_pairs: bool = Field(False, description="decompose pairs of words in its captions")
    draws: int | None = Field(
        None, ge=3, le=999, description="its own `steps` of information, attention and gradients (null: theirs)"
    )
    shards: int | None = Field(None, ge=1, le=700, description="jobs of this dataset (null: `shards` of the study)")

    @property
    def source(self) -> DatasetSource:
        """What its cases are made from, alone."""
        return self.part(next(one for one in get_args(get_args(AnySource)[0]) if isinstance(self, one)))


class CocoDataset(CocoSource, DatasetSection):
    """Kind `coco_it`: one case for every image and category that a caption names."""


class WordListDataset(WordListSource, DatasetSection):
    """Kind `word_list`: one case for each row of a CSV of words, in captions of a folder in COCO layout."""


class CustomDataset(CustomSource, DatasetSection):
    """Kind `custom`: your own images, one case for each row of a CSV, or for each content word of their captions."""


class GeneratedDataset(GeneratedSource, DatasetSection):
    """Kind `generated`: the images that `generate` describes; they have no masks."""


Dataset = Annotated[CocoDataset | WordListDataset | CustomDataset | GeneratedDataset, Field(discriminator="kind")]
