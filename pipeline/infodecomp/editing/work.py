"""Denoiser evaluations and bytes of edited images."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from infodecomp.config import Config, FlowSection
from infodecomp.editing.captions import case_edit
from infodecomp.editing.case_pictures import is_animated
from infodecomp.jobs.work import ARRAY_BYTES, Bytes, Work, by_image, usable, walks

# Arrays without extent that are kept of a case: totals, errors, counts, the key.
_SCALARS = 23


def evaluations_of_a_walk(flow: FlowSection) -> int:
    """Denoiser evaluations of one walk of one image, to noise or back."""
    moves = flow.steps if flow.sampler == "ddim" else flow.steps - 1
    return moves * (2 if flow.sampler == "heun" else 1)


def editing_work(config: Config, dataset: str, cases: pd.DataFrame) -> Iterator[Work]:
    """Walks to noise and back, information that was not estimated for the maps, and that of swapped captions."""
    if not config.datasets[dataset].editing:
        return
    cases = usable(cases)
    section, a_walk = config.editing, evaluations_of_a_walk(config.editing.flow)
    information = section.estimator(config.information)
    known, draws = section.shares(config.information), information.budget.steps[-1]
    walked = estimated = interventions = swaps = moving = 0
    for rows in by_image(cases):
        for caption in dict.fromkeys(case.prompt_full for case in rows):
            of_caption = [(case, case_edit(case, section.captions)) for case in rows if case.prompt_full == caption]
            branches = sum(len(edit.branches) - 1 for _, edit in of_caption)
            swapped = [edit for _, edit in of_caption if edit.swap]
            prompts = {prompt for edit in swapped for prompt in (edit.swap, edit.unchanged)}
            if not known:
                prompts |= {
                    prompt for case, edit in of_caption for prompt in ("", case.prompt_word, edit.omit, caption)
                }
            walked += 2 + branches
            estimated += len(prompts) + 2 * len(swapped)
            interventions += branches
            swaps += len(swapped)
            moving += sum(len(edit.branches) - 1 for case, edit in of_caption if is_animated(case, section.animated))
    leaves = Bytes(
        fixed=len(cases) * _SCALARS * ARRAY_BYTES,
        maps=3 * interventions + 5 * len(cases) + 2 * swaps,
        latents=2 * len(cases) + interventions,
        pictures=2 * len(cases) + interventions,
        moving=moving,
    )
    evaluations, recorded = walked * a_walk + estimated * draws, walks(cases) * a_walk
    yield Work.of(config, dataset, "edit_images", cases, evaluations, leaves, recorded=recorded)
