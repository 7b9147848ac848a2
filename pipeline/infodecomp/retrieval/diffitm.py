"""DiffITM: score captions by the norm of the denoising error at a few timesteps (Krojer et al., 2023).

There is one noise per timestep, the same for all images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from infodecomp.config import DiffitmSection
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.evaluation import Problem
from infodecomp.jobs.model_job import ModelJob
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob


def diffitm_problems(
    stage: ModelJob, images: Sequence[tuple[ImageJob, torch.Tensor]], section: DiffitmSection
) -> Iterator[Problem]:
    """The evaluations of every image, with its latent (C, h, w): all of its options at every timestep."""
    timesteps = np.array(section.timesteps)
    noise = [
        generator(stage.args.seed, "diffitm", int(timestep)).standard_normal(stage.model.latent_shape, dtype=np.float32)
        for timestep in timesteps
    ]
    draws = Draws.held(
        logsnr=stage.model.logsnr_at(torch.from_numpy(timesteps)),
        weight=torch.ones(len(timesteps), dtype=torch.float64),
        eps=torch.from_numpy(np.stack(noise)),
        stratified=True,
    )
    for job, latent in images:
        options = list(dict.fromkeys(option for case in job.cases for option in case.options))
        yield Problem(latent, stage.captions.conditions(options), [], draws)
