"""Attributes of images that nothing can be learned from, reported before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from infodecomp.representation.datasets.records import Attribute
from infodecomp.runs.errors import InputError


def check_attributes(dataset: str, attributes: Mapping[str, Attribute], held_out: np.ndarray) -> None:
    """Raise one InputError with a sentence for each attribute that is constant, incomplete, or a name of each image.

    attributes: of the images that are used. held_out: (N,) bool, those that are not trained on.
    """
    problems = [
        f"{dataset}: the attribute `{name}` {problem}"
        for name, attribute in attributes.items()
        if (problem := _problem(attribute, held_out))
    ]
    if problems:
        raise InputError("\n".join(problems))


def _problem(attribute: Attribute, held_out: np.ndarray) -> str:
    values, count = attribute.values, len(held_out)
    if len(values) != count:
        return f"has {len(values)} values for {count} images; every image needs one."
    if not np.isfinite(values).all():
        return f"lacks a finite value in {int((~np.isfinite(values)).sum())} of {count} images; every image needs one."
    remedy = "use more images, or leave the attribute out."
    for part, among in (("", slice(None)), (" for training", ~held_out), (" held out", held_out)):
        found = np.unique(values[among])
        if len(found) < 2:
            shown = _shown(attribute, found)
            return f"is {shown} in all {len(values[among])} images{part}, so nothing can be learned from it; {remedy}"
    if attribute.classes and len(np.unique(values)) == count > 2:
        return f"has a different class in each of {count} images, as a name has; leave the column out."
    return ""


def _shown(attribute: Attribute, found: np.ndarray) -> str:
    if not len(found):
        return "missing"
    return attribute.classes[int(found[0])] if attribute.classes else f"{found[0]:g}"
