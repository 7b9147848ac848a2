"""Prepared images as a finite world: all of them, equally likely, so that every information about them can be enumerated.

3DShapes is such a world as published, 480,000 images that hold ln 480,000 = 13.08 nats. A sample of any other dataset is
one too, of ln K nats: what a code says about which of these K images it belongs to.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.prepared_images import PreparedImages
from infodecomp.runs.errors import InputError


def prepared_world(prepared: PreparedImages) -> FiniteWorld:
    """The images with those of their attributes that are classes, in the order of `class_attributes`.

    It holds 4·C·H·W bytes an image: 24 GB for the whole of 3DShapes. Raises InputError if two images are equal, because
    they would hold less than ln K nats.
    """
    first = dict[bytes, int]()
    for number, image in enumerate(prepared.images):
        earlier = first.setdefault(hashlib.sha256(image).digest(), number)
        if earlier != number:
            names = prepared.names[earlier], prepared.names[number]
            raise InputError(
                f"{prepared.description['dataset']}: the images {names[0]} and {names[1]} are equal; images that are "
                "enumerated must all differ: leave one out, or prepare them in a larger size."
            )
    columns = [prepared.attributes[name].values for name in class_attributes(prepared)]
    attributes = np.stack(columns, axis=1) if columns else np.empty((len(prepared.images), 0))
    return FiniteWorld(
        torch.from_numpy(prepared.batch(np.arange(len(prepared.images)))),
        torch.from_numpy(attributes.astype(np.int64)),
    )


def class_attributes(prepared: PreparedImages) -> tuple[str, ...]:
    """Names of the attributes that are classes."""
    return tuple(name for name, attribute in prepared.attributes.items() if attribute.classes)
