"""A small network that says which categories of the closed world a picture shows.

It judges pictures of the embedded model, and shares no weight with it. Several categories may be in one
picture, so each has its own probability.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from infodecomp.models.recorded_hashes import check_recorded_hashes, put_model_in_place
from infodecomp.models.whole_weights import Difference, refuse_difference, refuse_not_finite, tensor_names
from infodecomp.pictures.images import image_array
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked
from infodecomp.runs.storage import write_text
from infodecomp.scenes.world import CATEGORIES, IMAGE_SIZE

ARCHITECTURE = "SceneClassifier"
WIDTHS = (24, 48, 96)


class SceneClassifier(nn.Module):
    """Five convolutions down to 8×8 cells, the largest value of each feature over the cells, and one logit a category.

    The maximum, not the mean: what is in a picture does not depend on how much of the picture it fills.
    """

    def __init__(self, categories: tuple[str, ...] = CATEGORIES, widths: tuple[int, int, int] = WIDTHS) -> None:
        super().__init__()
        self.categories = categories
        self.widths = widths
        first, second, third = widths
        self.features = nn.Sequential(
            *_layer(3, first, size=5, stride=2),
            *_layer(first, second, size=3, stride=2),
            *_layer(second, second, size=3, stride=1),
            *_layer(second, third, size=3, stride=2),
            *_layer(third, third, size=3, stride=1),
        )
        self.logits = nn.Linear(third, len(categories))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits (n, categories) of pictures (n, 3, 64, 64) in [−1, 1]."""
        return self.logits(self.features(pixels).amax((2, 3)))

    @torch.inference_mode()
    def probabilities(self, picture: Image.Image) -> dict[str, float]:
        """Category → probability that the RGB picture shows it.

        Raises InputError unless the picture has 64×64 pixels. The network has to be in evaluation mode, as
        `load_classifier` leaves it.
        """
        if picture.size != (IMAGE_SIZE, IMAGE_SIZE):
            width, height = picture.size
            raise InputError(
                f"the picture has {width}×{height} pixels; the classifier takes {IMAGE_SIZE}×{IMAGE_SIZE}."
            )
        pixels = torch.from_numpy(image_array(picture))[None]
        chances = torch.sigmoid(self(pixels)[0].double())
        return dict(zip(self.categories, chances.tolist(), strict=True))


def _layer(inputs: int, outputs: int, *, size: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU()


def save_classifier(folder: Path, classifier: SceneClassifier) -> None:
    """Write config.json and model.safetensors (half precision), replacing an earlier one."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    partial.mkdir(parents=True, exist_ok=True)
    weights = {name: _half(weight) for name, weight in classifier.state_dict().items()}
    save_file(weights, partial / "model.safetensors")
    settings = {
        "architecture": ARCHITECTURE,
        "categories": list(classifier.categories),
        "widths": list(classifier.widths),
    }
    write_text(partial / "config.json", json.dumps(settings, indent=2, sort_keys=True) + "\n")
    put_model_in_place(partial, folder)


def load_classifier(folder: Path) -> SceneClassifier:
    """The classifier of a folder that `save_classifier` wrote, in float32 on the CPU and in evaluation mode.

    Raises InputError naming the file that is missing, has changed, or does not hold exactly such a classifier.
    """
    check_recorded_hashes(folder)
    settings, weights = folder / "config.json", folder / "model.safetensors"
    missing = [path.name for path in (settings, weights) if not path.is_file()]
    if missing:
        raise InputError(f"{folder}: there is no {' and no '.join(missing)} in it; expected a folder of a classifier.")
    classifier = _from_settings(settings)
    names, expected = tensor_names(weights), classifier.state_dict()
    refuse_difference(weights, ARCHITECTURE, Difference(expected.keys() - names, names - expected.keys()))
    found = load_file(checked(weights))
    shapes = {(name, tuple(found[name].shape), tuple(expected[name].shape)) for name in names}
    refuse_difference(weights, ARCHITECTURE, Difference(shapes={one for one in shapes if one[1] != one[2]}))
    refuse_not_finite(weights, found)
    classifier.load_state_dict(found)
    return classifier.requires_grad_(False).eval()


def _from_settings(path: Path) -> SceneClassifier:
    try:
        settings = json.loads(checked(path).read_text(encoding="utf-8"))
        if settings["architecture"] != ARCHITECTURE:
            raise ValueError(f"its architecture is {settings['architecture']!r}")
        first, second, third = map(int, settings["widths"])
        return SceneClassifier(tuple(map(str, settings["categories"])), (first, second, third))
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{path}: this does not describe a {ARCHITECTURE} by categories and three widths ({error!r})."
        ) from error


def _half(weight: torch.Tensor) -> torch.Tensor:
    return (weight.half() if weight.is_floating_point() else weight).contiguous().cpu()
