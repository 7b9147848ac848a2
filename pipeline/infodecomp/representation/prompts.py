"""The prompts of an image as conditions, for the exact denoiser alone or beside a trained decoder."""

from __future__ import annotations

from collections.abc import Mapping

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.prompt_pairs import PromptPair
from infodecomp.representation.beside_exact import by_exact, by_model
from infodecomp.representation.descriptions import Description, known_parts
from infodecomp.representation.quantities import prompt_names


def exactly(prompt: str) -> str:
    """The name of a prompt that the exact denoiser reads beside a trained decoder."""
    return f"{prompt}, exact"


def exact_pair(pair: PromptPair) -> PromptPair:
    """A pair, read by the exact denoiser."""
    reference, conditioned = pair
    return exactly(reference), exactly(conditioned)


def image_prompts(description: Description, number: int, seed: int, *, beside: bool) -> Mapping[str, Condition]:
    """Name → condition of an image; beside: for both a trained decoder and the exact denoiser."""
    masks, names = known_parts(len(description.parts)), prompt_names(description.parts)
    conditions = description.conditions([number] * len(masks), masks, seed)
    prompts = dict(zip(names, conditions, strict=True))
    if not beside:
        return prompts
    return {
        **{name: by_model(one) for name, one in prompts.items()},
        **{exactly(name): by_exact(one) for name, one in prompts.items()},
    }
