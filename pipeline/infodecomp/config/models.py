"""The models of a study."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infodecomp.config.section import Mirrors, Precision, Section

HubMirrors = Annotated[Mirrors | None, Field(description="other Hub repositories of it, tried in this order")]

NoText = Literal["auto", "trained", "empty"]
Resize = Literal["squeeze", "letterbox"]


class ModelSection(Section):
    """The diffusion model."""

    id: str = Field("data/models/scenes", min_length=1, description="folder of a diffusers pipeline, or Hub id")
    revision: str | None = Field(None, description="commit on the Hub (null: the newest)")
    variant: str | None = Field(None, description="variant of the weight files, such as fp16 (null: the plain ones)")
    lora: str | None = Field(None, min_length=1, description="LoRA folder or file to add (null: none)")
    precision: Precision = Field("auto", description="auto: float32 on CPU, tf32 on GPU")
    no_text: NoText = Field(
        "auto", description="the empty prompt: as in training, or encoded as it is; auto: by family"
    )
    size: int | None = Field(None, ge=8, description="side of pictures in pixels (null: as in training)")
    resize: Resize = Field("squeeze", description="fit images by stretching or by padding")
    latents: Literal["mean", "sample"] = Field("mean", description="latent of an image: the encoder's mean or a sample")


class FetchedModelSection(ModelSection):
    """The diffusion model, and where else it can be fetched, on which no result depends."""

    mirrors: HubMirrors = None

    @property
    def without_mirrors(self) -> ModelSection:
        """What results depend on."""
        return self.part(ModelSection)


class ClipSection(Section):
    """The CLIP model of the method `clip`."""

    id: str = Field("data/models/scenes_clip", min_length=1, description="folder of a CLIPModel, or Hub id")
    revision: str | None = Field(None, description="commit on the Hub (null: the newest)")
    precision: Precision = Field("auto", description="auto: float32 on CPU, tf32 on GPU")


class FetchedClipSection(ClipSection):
    """The CLIP model, and where else it can be fetched, on which no result depends."""

    mirrors: HubMirrors = None

    @property
    def without_mirrors(self) -> ClipSection:
        """What results depend on."""
        return self.part(ClipSection)
