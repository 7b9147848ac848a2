"""The state of the embedded flow transformer under training, and how it is asked for a velocity.

The network is trained towards v = ε − z on the straight paths z_t = (1 − t)·z + t·ε of a rectified flow (Liu et al., ICLR
2023). Its prediction of the noise is ε̂ = z_t + (1 − t)·v̂.
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderTiny, SD3Transformer2DModel
from transformers import CLIPTextModelWithProjection

from infodecomp.scenes.flow_model import caption_states, flow_times
from infodecomp.scenes.model import build_scheduler
from infodecomp.training.autoencoder import to_signed
from infodecomp.training.batches import Batch
from infodecomp.training.state import TrainState

# Below this share of the image in a path, errors of the velocity count less: as those of the noise would, in proportion.
LITTLE_IMAGE = 0.1


class FlowState(TrainState):
    """A transformer under training, with the frozen tower whose states it reads.

    Muon (Jordan, 2024) trains the matrices of the blocks, AdamW the rest, modulations by the time among it.
    """

    def __init__(
        self,
        transformer: SD3Transformer2DModel,
        tower: CLIPTextModelWithProjection,
        *,
        matrix_learning_rate: float,
        learning_rate: float,
    ) -> None:
        self.transformer, self.tower = transformer, tower.requires_grad_(False)
        matrices = block_matrices(transformer)
        taken = {id(weight) for weight in matrices}
        others = [weight for weight in transformer.parameters() if id(weight) not in taken]
        muon = torch.optim.Muon(
            [{"params": matrices, "scale": matrix_learning_rate}],
            lr=matrix_learning_rate,
            weight_decay=0.0,
            adjust_lr_fn="match_rms_adamw",
        )
        adamw = torch.optim.AdamW(
            [{"params": others, "scale": learning_rate}], lr=learning_rate, betas=(0.9, 0.99), weight_decay=1e-4
        )
        super().__init__({"transformer": transformer}, [muon, adamw])


def block_matrices(transformer: SD3Transformer2DModel) -> list[torch.nn.Parameter]:
    """The weights of attention and feed-forward layers in all blocks."""
    return [
        weight
        for name, weight in transformer.transformer_blocks.named_parameters()
        if weight.ndim == 2 and ".norm1" not in name
    ]


def noised_paths(batch: Batch, vae: AutoencoderTiny) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """z_t and the velocity ε − z of a batch, (batch, 8, 16, 16), and the times t, (batch,), on the autoencoder's device."""
    logsnr = torch.logit(build_scheduler().alphas_cumprod.double())[batch.timesteps].float()
    times = flow_times(logsnr).to(vae.device)
    with torch.no_grad():
        latents = vae.encode(to_signed(batch.pictures.to(vae.device))).latents * vae.config.scaling_factor
    eps, share = batch.eps.to(vae.device), times[:, None, None, None]
    return (1 - share) * latents + share * eps, eps - latents, times


def predicted_velocity(
    transformer: SD3Transformer2DModel,
    tower: CLIPTextModelWithProjection,
    paths: torch.Tensor,
    times: torch.Tensor,
    ids: torch.Tensor,
) -> torch.Tensor:
    """v̂(z_t | caption), (batch, 8, 16, 16). ids: (batch, tokens)."""
    states, pooled = caption_states(tower, ids.to(paths.device))
    predicted: torch.Tensor = transformer(
        hidden_states=paths, encoder_hidden_states=states, pooled_projections=pooled, timestep=1000 * times
    ).sample
    return predicted


def velocity_error(predicted: torch.Tensor, velocity: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """w(t)·‖v̂ − v‖²/d with w = min(1, ((1 − t)/0.1)²), the mean over the batch.

    Where the image is almost gone, the error of the noise is (1 − t) times that of the velocity, so it hardly depends on it.
    """
    weight = ((1 - times) / LITTLE_IMAGE).clamp(max=1.0).square()
    return (weight * (predicted - velocity).square().mean((1, 2, 3))).mean()
