"""Networks of features for FID and KID: modules from images (n, C, H, W) in [−1, 1] to features (n, num_features).

classifier: of the set's own factors (`infodecomp.representation.factor_classifier`). dinov2: self-supervised features, which
follow what people see better than Inception's (Stein et al., NeurIPS 2023). inception: for comparison with published FIDs;
needs the extra `fid`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from infodecomp.models.recorded_hashes import check_recorded_hashes
from infodecomp.models.whole_weights import load_whole
from infodecomp.representation.factor_classifier import FactorClassifier
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

FeatureKind = Literal["classifier", "dinov2", "inception"]

# Of ImageNet, per channel in [0, 1], as DINOv2 was trained.
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_DINOV2_SIDE = 224
_INCEPTION_FEATURES = 2048


def load_features(kind: FeatureKind, path: Path) -> nn.Module:
    """The network of a folder, or of Inception's file of weights, in evaluation mode. InputError if it cannot be used."""
    if kind == "inception":
        return Inception(path)
    check_recorded_hashes(path)
    if kind == "classifier":
        network: nn.Module = load_whole(FactorClassifier, path)
    else:
        from transformers import Dinov2Model  # a second to import

        network = Dinov2Features(load_whole(Dinov2Model, path))
    return network.requires_grad_(False).eval()


class Dinov2Features(nn.Module):
    """The class token of DINOv2 after its last normalisation, of images resized to 224×224."""

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network, self.num_features = network, int(network.config.hidden_size)
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1))
        self.register_buffer("spread", torch.tensor(_SPREAD).view(3, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        resized = torch.nn.functional.interpolate(
            as_colours(images), (_DINOV2_SIDE, _DINOV2_SIDE), mode="bicubic", antialias=True
        )
        pixels = ((resized.clamp(-1, 1) + 1) / 2 - self.mean) / self.spread
        return self.network(pixel_values=pixels).pooler_output


class Inception(nn.Module):
    """The 2,048 features of Inception v3 with the weights of the first FIDs, by torch-fidelity through torchmetrics."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        if find_spec("torch_fidelity") is None:
            raise InputError(
                "fidelity: inception needs the package torch-fidelity, which is missing; install infodecomp[fid], or use"
                " classifier or dinov2."
            )
        from torchmetrics.image.fid import NoTrainInceptionV3

        self.network = NoTrainInceptionV3(
            "inception-v3-compat", [str(_INCEPTION_FEATURES)], feature_extractor_weights_path=str(checked(weights))
        )
        self.num_features = _INCEPTION_FEATURES

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(((as_colours(images).clamp(-1, 1) + 1) * 127.5).round().byte())


def as_colours(images: torch.Tensor) -> torch.Tensor:
    """Grey images (n, 1, H, W) with their channel three times; others as they are."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
