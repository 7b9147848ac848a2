"""The CLIP of the embedded study: the embedded model's own text tower, and a small image tower that is trained against it.

As with Stable Diffusion 2.1 and OpenCLIP, the baseline reads captions with the very tower that the diffusion model has.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from transformers import CLIPConfig, CLIPModel, CLIPTextModel, CLIPTokenizer, CLIPVisionConfig

from infodecomp.models.recorded_hashes import check_recorded_hashes, put_model_in_place
from infodecomp.models.whole_weights import load_whole
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import write_text
from infodecomp.scenes.world import IMAGE_SIZE

WIDTH = 128
LAYERS = 4
HEADS = 4
PATCH = 8
# Pixels reach the image tower as (value/255 − MEAN)/STD, from −1 to 1.
MEAN = STD = (0.5, 0.5, 0.5)


def build_clip(text_encoder: CLIPTextModel) -> CLIPModel:
    """A CLIP around `text_encoder`, whose weights it copies and freezes. All else is drawn from torch's generator.

    Image tower: width 128, four layers, 8×8 patches of 64×64 pictures. Both towers are projected to 128 dimensions.
    """
    # Where the tower was loaded from, and in which number format, is no part of the model.
    text = {
        name: value for name, value in text_encoder.config.to_dict().items() if name not in ("_name_or_path", "dtype")
    }
    vision = CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        image_size=IMAGE_SIZE,
        patch_size=PATCH,
        hidden_act="gelu",
        projection_dim=WIDTH,
    )
    clip = CLIPModel(CLIPConfig(text_config=text, vision_config=vision.to_dict(), projection_dim=WIDTH))
    # Some versions of transformers name the weights of a tower that stands alone `text_model.…`.
    weights = {name.removeprefix("text_model."): weight for name, weight in text_encoder.state_dict().items()}
    clip.text_model.load_state_dict(weights)
    clip.text_model.requires_grad_(False)
    return clip


def load_text_parts(model: Path) -> tuple[CLIPTextModel, CLIPTokenizer]:
    """Text tower (float32) and tokenizer of a pipeline folder; InputError if it lacks them or they are damaged."""
    missing = [name for name in ("text_encoder", "tokenizer") if not (model / name).is_dir()]
    if missing:
        raise InputError(
            f"{model}: there is no folder {' or '.join(missing)} in it; expected a diffusers pipeline folder."
        )
    check_recorded_hashes(model)
    tower = load_whole(CLIPTextModel, model / "text_encoder")
    return tower.requires_grad_(False).eval(), CLIPTokenizer.from_pretrained(model / "tokenizer")


def save_clip(folder: Path, clip: CLIPModel, tokenizer: CLIPTokenizer) -> None:
    """Write a folder that `CLIPModel.from_pretrained` reads, replacing an earlier one.

    Weights are stored in half precision, as safetensors; the given model is left in half precision too.
    """
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    clip.cpu().half().save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    write_text(partial / "preprocessor_config.json", json.dumps(_image_settings(), indent=2, sort_keys=True) + "\n")
    put_model_in_place(partial, folder)


def _image_settings() -> dict[str, object]:
    """What transformers' image processor needs to prepare a picture for this model."""
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
        "resample": 3,  # bicubic
        "do_center_crop": False,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(MEAN),
        "image_std": list(STD),
    }
