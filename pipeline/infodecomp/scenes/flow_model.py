"""The networks of the embedded flow model: a small Stable Diffusion 3, of the same classes and files as the real one.

Latents are those of the embedded U-Net, scaled to unit spread. At log-SNR α of the U-Net's channel the flow's own is
α + 2 ln(0.4/2.0) = α − 3.22, so that words carry most information near −2.2, the centre of Stable Diffusion 3's shift of 3.
"""

from __future__ import annotations

import copy
import math
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from infodecomp.scenes.captions import MAX_TOKENS
from infodecomp.scenes.model import (
    LATENT_CHANNELS,
    LATENT_SIZE,
    SCALING,
    TEXT_WIDTH,
    build_tokenizer,
    drop_settings,
)

FLOW_SCALING = 2.0
HEAD = 32
PATCH_SIDE = 2
SIDE = LATENT_SIZE // PATCH_SIDE


def build_transformer(blocks: int, width: int) -> SD3Transformer2DModel:
    """The denoiser: `blocks` blocks in which 8×8 patches of the latent and the caption's tokens attend to each other.

    As in Stable Diffusion 3, every block starts as the identity and the output as zero. Positions are parameters, begun from
    waves that distinguish 8 patches a side.
    """
    network = SD3Transformer2DModel(
        sample_size=LATENT_SIZE,
        patch_size=PATCH_SIDE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_layers=blocks,
        attention_head_dim=HEAD,
        num_attention_heads=width // HEAD,
        joint_attention_dim=2 * TEXT_WIDTH,
        caption_projection_dim=width,
        pooled_projection_dim=2 * TEXT_WIDTH,
        pos_embed_max_size=SIDE,
        qk_norm="rms_norm",
    )
    gates = [network.proj_out, network.norm_out.linear]
    for block in network.transformer_blocks:
        gates += [block.norm1.linear, block.norm1_context.linear]
    for layer in gates:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    projection = network.pos_embed.proj
    torch.nn.init.xavier_uniform_(projection.weight.flatten(1))
    torch.nn.init.zeros_(projection.bias)
    network.pos_embed.pos_embed.copy_(waves(width))
    learn_positions(network)
    return network


def learn_positions(network: SD3Transformer2DModel) -> None:
    """Make the positions, a constant of the class, a parameter; a saved model holds them under the same name."""
    positions = network.pos_embed._buffers.pop("pos_embed")
    network.pos_embed.pos_embed = torch.nn.Parameter(positions)


def waves(width: int) -> torch.Tensor:
    """Sines and cosines of the column and the row of every patch, periods of 4 to 64 patches, (1, 64, width)."""
    frequencies = math.pi / 2 * 16.0 ** (-torch.arange(width // 4) / (width // 4))
    phases = torch.arange(SIDE)[:, None] * frequencies
    side = torch.cat([phases.sin(), phases.cos()], 1)
    columns, rows = side.repeat(SIDE, 1), side.repeat_interleave(SIDE, 0)
    return 1.5 * torch.cat([columns, rows], 1)[None]


def build_flow_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """Rectified flow with Stable Diffusion 3's shift."""
    return FlowMatchEulerDiscreteScheduler(shift=3.0)


def flow_times(logsnr: torch.Tensor) -> torch.Tensor:
    """The flow's time t at which a latent has the noise that the U-Net's latent has at a log-SNR; any shape.

    t = σ(−α'/2) with α' = α + 2 ln(`SCALING`/`FLOW_SCALING`): then (1 − t)/t is the ratio of signal to noise.

    >>> times = flow_times(torch.tensor([1.0]))
    >>> round(float((1 - times) / times) * FLOW_SCALING / SCALING, 3) == round(math.exp(0.5), 3)
    True
    """
    return torch.sigmoid(-logsnr / 2 + math.log(FLOW_SCALING / SCALING))


def projecting_tower(tower: CLIPTextModel) -> CLIPTextModelWithProjection:
    """The embedded text tower as Stable Diffusion 3 uses one: with the same states, and the end token's as pooled vector.

    The pipeline reads the last but one layer, so one more layer, whose weights are zero, follows the last; the projection of
    the end token is the identity.
    """
    settings = copy.deepcopy(tower.config).to_dict()
    layers = settings["num_hidden_layers"]
    settings |= {"num_hidden_layers": layers + 1, "architectures": None}
    made = CLIPTextModelWithProjection(CLIPTextConfig(**settings))
    given = {name.removeprefix("text_model."): weight for name, weight in tower.state_dict().items()}
    for name, weight in made.state_dict().items():
        name = name.removeprefix("text_model.")
        if name in given:
            weight.copy_(given[name])
        elif name == "text_projection.weight":
            weight.copy_(torch.eye(len(weight)))
        elif f".layers.{layers}." in name:
            weight.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
        else:
            raise ValueError(f"the text tower has no weight {name}")
    return made.eval().requires_grad_(False)


def caption_states(tower: CLIPTextModelWithProjection, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the transformer reads of captions: states (n, tokens, 2·width) and pooled vectors (n, 2·width), of both towers.

    The two towers of the pipeline have the same weights, so each value stands there twice. ids: (n, tokens).
    """
    distinct, places = torch.unique(ids, dim=0, return_inverse=True)
    with torch.no_grad():
        output = tower(input_ids=distinct, output_hidden_states=True)
    states, pooled = output.hidden_states[-2], output.text_embeds
    return torch.cat([states, states], -1)[places], torch.cat([pooled, pooled], -1)[places]


def flow_autoencoder(vae: AutoencoderTiny) -> AutoencoderTiny:
    """The embedded autoencoder, with latents of unit spread."""
    scaled: AutoencoderTiny = copy.deepcopy(vae)
    scaled.register_to_config(scaling_factor=FLOW_SCALING)
    return scaled


def save_flow_pipeline(
    folder: Path,
    *,
    tower: CLIPTextModelWithProjection,
    transformer: SD3Transformer2DModel,
    vae: AutoencoderTiny,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write a Stable Diffusion 3 pipeline folder without T5, whose captions have up to `MAX_TOKENS` tokens.

    Weights are stored in half precision, as safetensors. The parts given are not changed.
    """
    parts = [copy.deepcopy(part).cpu().to(dtype) for part in (transformer, vae, tower)]
    StableDiffusion3Pipeline(
        transformer=parts[0],
        scheduler=build_flow_scheduler(),
        vae=parts[1],
        text_encoder=parts[2],
        tokenizer=_tokenizer(),
        text_encoder_2=parts[2],
        tokenizer_2=_tokenizer(),
        text_encoder_3=None,
        tokenizer_3=None,
    ).save_pretrained(folder)
    drop_settings(folder / "vae" / "config.json", ("_name_or_path", "block_out_channels"))


def _tokenizer() -> CLIPTokenizer:
    return build_tokenizer(MAX_TOKENS)
