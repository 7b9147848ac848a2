"""Cosine similarity of an image with captions, by a CLIP of the transformers library.

OpenAI's CLIP, conversions of OpenCLIP (SD 2.1 has the text tower of `laion/CLIP-ViT-H-14-laion2B-s32B-b79K`) and the
embedded one work. Pixels are prepared with Pillow and numpy alone, so that torchvision is not needed.

Radford et al. (2021), "Learning transferable visual models from natural language supervision".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import CLIPModel, CLIPTokenizer
from transformers.utils import cached_file
from transformers.utils import logging as transformers_logging

from infodecomp.estimator.batching import padded
from infodecomp.models.batch_size import BatchSize
from infodecomp.models.devices import resolve_precision, set_precision
from infodecomp.models.layout import weight_files
from infodecomp.models.recorded_hashes import check_recorded_hashes
from infodecomp.models.whole_weights import load_whole
from infodecomp.pictures.images import Resize, fit_mask
from infodecomp.runs.errors import InputError

# Bars of a letterboxed image are mid-grey, as in `infodecomp.pictures.images.fit_image`.
_BAR = 127
_SETTINGS = "preprocessor_config.json"

# Progress bars of loading would clutter the logs of stages.
transformers_logging.disable_progress_bar()


class ClipSimilarity:
    """A CLIP with its tokenizer, and the mean and standard deviation, (3,) each, by which it normalises pixels in [0, 1].

    image_size: side in pixels of its square images. tokens: the longest caption, special tokens included; longer ones are
    cut, and keep their end token. batch_size: the most texts or images that a tower gets at once.
    """

    def __init__(
        self, model: CLIPModel, tokenizer: CLIPTokenizer, mean: np.ndarray, std: np.ndarray, device: str = "cpu"
    ) -> None:
        self.model = model.to(device).eval().requires_grad_(False)
        self.tokenizer, self.mean, self.std, self.device = tokenizer, mean, std, device
        self.batch_size = BatchSize()
        self.image_size = int(model.config.vision_config.image_size)
        self.tokens = min(tokenizer.model_max_length, model.config.text_config.max_position_embeddings)

    @classmethod
    def load(
        cls, model_id: str, *, revision: str | None = None, precision: str = "auto", device: str = "cpu"
    ) -> ClipSimilarity:
        """Load from a local folder or the hub.

        Raises InputError, naming what was looked for, if that fails, and naming the file if the weights are not exactly
        those of the model (see `whole_weights`).
        """
        dtype = set_precision(resolve_precision(precision, device))
        try:
            if Path(model_id).is_dir():
                _check_folder(Path(model_id))
                weight_files(Path(model_id), f"clip → id '{model_id}'", None)
            check_recorded_hashes(Path(model_id))
            model = load_whole(CLIPModel, model_id, revision=revision, dtype=dtype)
            tokenizer = CLIPTokenizer.from_pretrained(model_id, revision=revision)
            settings = _image_settings(model_id, revision)
            mean, std = (np.array(settings[name], dtype=np.float32).reshape(3) for name in ("image_mean", "image_std"))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise InputError(
                f"clip → id '{model_id}' (revision {revision or 'default'}) could not be loaded as a CLIP: looked for "
                f"config.json, safetensors weights, a tokenizer and {_SETTINGS} with image_mean and image_std in a local "
                f"folder or on the Hugging Face Hub: {error}"
            ) from error
        return cls(model, tokenizer, mean, std, device)

    def similarity(self, image: Image.Image, captions: Sequence[str], resize: Resize = "squeeze") -> np.ndarray:
        """cos(image, caption) of one RGB image with each caption: float64 (captions,) in [-1, 1]."""
        return cosine(self.image_features([image], resize)[0], self.text_features(captions))

    def count_cut(self, captions: Sequence[str]) -> int:
        """The number of captions that are longer than the CLIP reads."""
        return sum(len(self.tokenizer(caption, verbose=False).input_ids) > self.tokens for caption in captions)

    def text_features(self, captions: Sequence[str], rows: int = 0) -> np.ndarray:
        """Projected states of the captions' end tokens at unit length, float32 (captions, d); one call of the text tower.

        Fewer captions than `rows` are filled up to `rows` by copies of the first: see `estimator.batching.padded`.
        """
        ids = self.tokenizer(
            list(captions), padding="max_length", truncation=True, max_length=self.tokens, return_tensors="pt"
        ).input_ids
        return self.batch_size.run(self._texts, padded(ids, rows))[: len(captions)].numpy()

    def image_features(self, images: Sequence[Image.Image], resize: Resize = "squeeze", rows: int = 0) -> np.ndarray:
        """Projected image states at unit length, float32 (images, d); one call of the image tower.

        RGB images of any size are fitted by `resize`; `rows` as in `text_features`.
        """
        pixels = torch.from_numpy(np.stack([self.pixels(image, resize) for image in images]))
        return self.batch_size.run(self._images, padded(pixels, rows))[: len(images)].numpy()

    def _texts(self, ids: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            pooled = self.model.text_model(input_ids=ids.to(self.device)).pooler_output
            return _unit(self.model.text_projection(pooled))

    def _images(self, pixels: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            pooled = self.model.vision_model(pixels.to(self.device, self.model.dtype)).pooler_output
            return _unit(self.model.visual_projection(pooled))

    def pixels(self, image: Image.Image, resize: Resize = "squeeze") -> np.ndarray:
        """An RGB image as input of the image tower: float32 (3, s, s), (value/255 − mean)/std, bicubic.

        `resize` as in `pictures.images.fit_image`. CLIP's own preprocessing crops the central square; here the
        whole image is kept, as for the diffusion model.
        """
        inside = fit_mask(np.ones((image.height, image.width), dtype=bool), (self.image_size,) * 2, resize)
        height, width = int(inside.any(1).sum()), int(inside.any(0).sum())
        canvas = np.full((self.image_size, self.image_size, 3), _BAR, dtype=np.uint8)
        canvas[inside] = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC)).reshape(-1, 3)
        scaled = (canvas.astype(np.float32) / np.float32(255) - self.mean) / self.std
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))


def cosine(image: np.ndarray, captions: np.ndarray) -> np.ndarray:
    """Cosine similarity of unit vectors: image (d,), captions (n, d) → float64 (n,)."""
    return captions.astype(np.float64) @ image.astype(np.float64)


def _check_folder(folder: Path) -> None:
    """OSError if a local folder lacks a configuration or a tokenizer, which transformers would replace by an empty one."""
    lacking = [
        " or ".join(names)
        for names in (("config.json",), ("tokenizer.json", "vocab.json"))
        if not any((folder / name).is_file() for name in names)
    ]
    if lacking:
        raise OSError(f"the folder has no {' and no '.join(lacking)}")


def _image_settings(model_id: str, revision: str | None) -> dict[str, Any]:
    """The preprocessor's settings; OSError if there are none."""
    path = Path(str(cached_file(model_id, _SETTINGS, revision=revision)))
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _unit(features: torch.Tensor) -> torch.Tensor:
    """Rows at unit length, float32."""
    kept = features.float()
    return (kept / kept.norm(dim=-1, keepdim=True)).cpu()
