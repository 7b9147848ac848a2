"""The computer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infodecomp.config.section import Section

DEVICE = r"^(auto|cpu|mps|cuda(:\d+)?)$"

Rows = Annotated[int, Field(ge=1)]


class MachineSection(Section):
    """Facts about the computer. They change no result by more than rounding, and changing them reruns nothing."""

    device: str = Field("auto", pattern=DEVICE, description="auto: a GPU if there is one, else the CPU")
    batch_size: Rows | Literal["auto"] = Field(
        "auto", description="rows in one call of the model; auto: as memory allows, 64 on a CPU"
    )
    threads: int | None = Field(None, ge=1, description="CPU threads of a job that runs the model (null: one)")
    checkpointing: bool = Field(
        False, description="gradients of generated images: recompute activations to save memory"
    )
    compile: bool = Field(False, description="compile the denoiser: a minute at the start of a job, then faster calls")
    minutes_per_job: int = Field(
        20, ge=1, description="job length `snakemake plan` aims at; a cluster's time limit is three times it"
    )
