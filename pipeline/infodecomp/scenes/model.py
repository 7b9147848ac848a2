"""The networks of the embedded model: a small Stable Diffusion, of the same classes and files as the real one.

Latents are 16×16×8. The autoencoder is diffusers' `AutoencoderTiny` with an exactly linear encoder: 4×4 patches of the
image are projected on the principal components of training patches, so that only the decoder needs training.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from infodecomp.scenes.captions import MAX_TOKENS, vocabulary

PATCH = 4
LATENT_CHANNELS = 8
LATENT_SIZE = 16
LATENT_STD = 0.5
# Latents shrink as in Stable Diffusion, so that words carry most information near log-SNR 1, where the paper samples most.
SCALING = 0.4
TEXT_WIDTH = 128
CAPTION_TOKENS = 96


def byte_alphabet() -> list[str]:
    """The 256 printable stand-ins for bytes that byte-level BPE (GPT-2, CLIP) uses, in vocabulary order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + k) for k in range(len(others))]


def build_tokenizer(limit: int = MAX_TOKENS) -> CLIPTokenizer:
    """A CLIP tokenizer in which every word of the closed vocabulary is one token; other words fall into pieces.

    Captions are cut and padded to `limit` tokens, special tokens included.
    """
    alphabet = byte_alphabet()
    tokens = alphabet + [letter + "</w>" for letter in alphabet]
    known, merges = set(tokens), []
    for word in vocabulary():
        pieces = [*word[:-1], word[-1] + "</w>"]
        while len(pieces) > 1:
            # Merging from the right shares no prefix between words, so each merge rank is reached by its own word.
            pair = (pieces[-2], pieces[-1])
            if pair not in merges:
                merges.append(pair)
            pieces[-2:] = ["".join(pair)]
            if pieces[-1] not in known:
                known.add(pieces[-1])
                tokens.append(pieces[-1])
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: k for k, token in enumerate(tokens)}, merges=merges, model_max_length=limit)


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """A causal CLIP text tower, width 128, three layers."""
    end = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=MAX_TOKENS,
            hidden_act="gelu",
            bos_token_id=tokenizer.convert_tokens_to_ids("<|startoftext|>"),
            eos_token_id=end,
            pad_token_id=end,
            projection_dim=TEXT_WIDTH,
        )
    )


def lengthened(tower: CLIPTextModel) -> CLIPTextModel:
    """The tower with room for `CAPTION_TOKENS` tokens.

    Scene captions are short, and training pads them no further than it must. Other captions, such as COCO's, fall into many
    pieces; for them the last but one trained position is repeated. Scene captions keep their meaning: the metrics of the
    model are taken with this tower.
    """
    config = copy.deepcopy(tower.config)
    config.max_position_embeddings = CAPTION_TOKENS
    weights = dict(tower.state_dict())
    name = next(name for name in weights if name.endswith("position_embedding.weight"))
    added = weights[name][MAX_TOKENS - 2].expand(CAPTION_TOKENS - MAX_TOKENS, -1)
    weights[name] = torch.cat([weights[name], added])
    longer = CLIPTextModel(config)
    longer.load_state_dict(weights)
    return longer


def build_unet() -> UNet2DConditionModel:
    """The denoiser. Words enter at 8×8 and 4×4: at 16×16 a cell is too small a part of an object to know its word."""
    return UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        layers_per_block=1,
        block_out_channels=(32, 64, 128),
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
    )


def build_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise schedule: scaled-linear betas, 1000 steps, epsilon prediction."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="epsilon",
    )


def build_autoencoder(pictures: np.ndarray) -> AutoencoderTiny:
    """An autoencoder whose encoder projects 4×4 patches of `pictures` on their principal components.

    pictures: uint8 (n, 64, 64, 3). Latents have standard deviation 0.5 over `pictures` before they are scaled.
    """
    width = 3 * PATCH**2
    vae = AutoencoderTiny(
        encoder_block_out_channels=(width,) * 3,
        num_encoder_blocks=(0, 0, 0),
        decoder_block_out_channels=(32,) * 3,
        num_decoder_blocks=(3, 3, 1),
        latent_channels=LATENT_CHANNELS,
        scaling_factor=SCALING,
    )
    identity, first_halving, second_halving, projection = vae.encoder.layers
    with torch.no_grad():
        for layer in vae.encoder.layers:
            for parameter in layer.parameters():
                parameter.zero_()
        identity.weight[range(3), range(3), 1, 1] = 1.0
        _space_to_depth(first_halving, channels=3)
        _space_to_depth(second_halving, channels=12)
        patches = vae.encoder.layers[:3](_to_unit(pictures)).permute(0, 2, 3, 1).reshape(-1, width).double()
        mean = patches.mean(0)
        values, vectors = torch.linalg.eigh(torch.cov((patches - mean).T))
        # Half-way to whitening: detail that tells objects apart then stands above the noise in the trained range.
        basis = vectors[:, -LATENT_CHANNELS:] * values[-LATENT_CHANNELS:] ** -0.25
        basis *= LATENT_STD / (values[-LATENT_CHANNELS:] ** 0.5).mean().sqrt()
        projection.weight[:, :, 1, 1] = basis.T.float()
        projection.bias.copy_((-mean @ basis).float())
    return vae.requires_grad_(False)


def _space_to_depth(layer: torch.nn.Conv2d, *, channels: int) -> None:
    """Make a 3×3 stride-2 convolution move each 2×2 block of the first `channels` channels into channels."""
    for row in range(2):
        for column in range(2):
            for channel in range(channels):
                layer.weight[(2 * row + column) * channels + channel, channel, 1 + row, 1 + column] = 1.0


def _to_unit(pictures: np.ndarray) -> torch.Tensor:
    """uint8 (n, H, W, 3) → float (n, 3, H, W) in [0, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def save_pipeline(
    folder: Path,
    *,
    text_encoder: CLIPTextModel,
    unet: UNet2DConditionModel,
    vae: AutoencoderTiny,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write a Stable Diffusion pipeline folder that reads captions of up to `CAPTION_TOKENS` tokens.

    Weights are stored in half precision, as safetensors.
    """
    StableDiffusionPipeline(
        vae=vae.to(dtype),
        text_encoder=lengthened(text_encoder).to(dtype),
        tokenizer=build_tokenizer(CAPTION_TOKENS),
        unet=unet.to(dtype),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    drop_settings(folder / "vae" / "config.json", ("_name_or_path", "block_out_channels"))


def drop_settings(path: Path, names: tuple[str, ...]) -> None:
    """Take out what diffusers records by itself: the folder a part came from, and a name it then does not know."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    kept = {name: value for name, value in settings.items() if name not in names}
    path.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")
