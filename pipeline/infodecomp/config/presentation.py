"""Figures and the page."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from infodecomp.config.section import Section

Palette = Literal["cividis", "viridis", "magma", "inferno", "plasma", "paper"]
Format = Literal["pdf", "png", "svg"]


class FiguresSection(Section):
    """Style of the figures."""

    palette: Palette = Field("cividis", description="colours of heat maps; paper: jet")
    panels: int = Field(12, ge=1, description="cases shown as panels for each dataset; edits: half as many")
    caption_image: str | None = Field(
        None, description="image_id whose caption is dissected word by word (null: chosen automatically)"
    )
    font: str | None = Field(
        None, min_length=1, description="font, or font file, of letters that DejaVu Sans lacks (null: none)"
    )
    format: Format = Field("pdf", description="vector format besides PNG (png: none)")


class ReportSection(Section):
    """Contents of the page."""

    images: int = Field(1000, ge=1, description="images of each dataset, and cases of each retrieval set, on the page")
    picture: int = Field(512, ge=64, description="longest side of a picture on the page, in pixels")
