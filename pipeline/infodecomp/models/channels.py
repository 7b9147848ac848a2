"""How a network is asked for the noise at a log-SNR: what it reads of the noised image and as its time, and what its
output says of the noise.

Every family is the Gaussian channel of `infodecomp.estimator.channel`, x_α = √σ(α)·x + √σ(−α)·ε, after a rescaling of its
input. With signal s = √σ(α) and noise n = √σ(−α):

| channel | reads | time | answers | ε̂ |
|---|---|---|---|---|
| ε, VP | x_α | index of the nearest trained log-SNR | ε̂ | itself |
| v, VP | x_α | the same | v̂ = s·ε̂ − n·x̂ | s·v̂ + n·x_α |
| x, VP | x_α | the same | x̂ | (x_α − s·x̂)/n |
| rectified flow | x_t = (1 − t)·x + t·ε, t = σ(−α/2) | t times a factor | ε̂ − x̂ | x_t + (1 − t)·output |
| reversed flow | x_t | 1 − t times a factor | x̂ − ε̂ | x_t − (1 − t)·output |
| EDM | c·x_k, x_k = x_α/s = x + k·ε, k = n/s, c = 1/√(k² + d²) | ¼ ln k | (x̂ − c²d²·x_k)/(c·k·d) | c·(k·input − d·output) |

d is the standard deviation of the data that EDM assumes. No row but that of x̂ divides by what can vanish.

VP: variance-preserving diffusion (Ho et al., NeurIPS 2020; v: Salimans & Ho, ICLR 2022). Rectified flow: Liu et al., ICLR
2023, with the noise at t = 1 as in Stable Diffusion 3 (Esser et al., ICML 2024). EDM: Karras et al., NeurIPS 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch

from infodecomp.estimator.channel import nearest_timestep, signal_and_noise

Prediction = Literal["epsilon", "v_prediction", "sample"]


class Channel(Protocol):
    """The three functions that join a network to the estimator. x_α, its rescaling and outputs: (B, C, h, w); α: (B,)."""

    def network_input(self, x_alpha: torch.Tensor, logsnr: torch.Tensor) -> torch.Tensor:
        """What the network reads for x_α, in the dtype of x_α."""
        ...

    def time(self, logsnr: torch.Tensor) -> torch.Tensor:
        """What the network reads as its time, (B,)."""
        ...

    def eps_hat(self, network_input: torch.Tensor, output: torch.Tensor, logsnr: torch.Tensor) -> torch.Tensor:
        """ε̂ from what the network has read and answered."""
        ...


@dataclass(frozen=True)
class VariancePreserving:
    """A diffusion whose network reads x_α and the index of a noise level.

    table: the trained log-SNR of every timestep, float64 (timesteps,), falling. prediction: what the network answers.

    >>> channel = VariancePreserving(torch.tensor([2.0, 0.0], dtype=torch.float64), "v_prediction")
    >>> x_alpha, logsnr = torch.ones(1, 1, 1, 1), torch.tensor([0.0])
    >>> channel.time(logsnr).tolist(), round(channel.eps_hat(x_alpha, torch.zeros(1, 1, 1, 1), logsnr).item(), 4)
    ([1], 0.7071)
    """

    table: torch.Tensor
    prediction: Prediction = "epsilon"

    def network_input(self, x_alpha: torch.Tensor, logsnr: torch.Tensor) -> torch.Tensor:
        return x_alpha

    def time(self, logsnr: torch.Tensor) -> torch.Tensor:
        return nearest_timestep(logsnr.detach().cpu().double(), self.table)

    def eps_hat(self, network_input: torch.Tensor, output: torch.Tensor, logsnr: torch.Tensor) -> torch.Tensor:
        if self.prediction == "epsilon":
            return output
        signal, noise = (_by_row(part, output) for part in signal_and_noise(logsnr))
        if self.prediction == "v_prediction":
            return signal * output + noise * network_input
        return (network_input - signal * output) / noise


@dataclass(frozen=True)
class RectifiedFlow:
    """A flow between image and noise, x_t = (1 − t)·x + t·ε, whose network answers its velocity ε − x.

    time_factor: the network reads t·time_factor. reversed: it reads (1 − t)·time_factor and answers x − ε.

    >>> channel = RectifiedFlow(time_factor=1000.0)
    >>> channel.time(torch.tensor([0.0])).tolist()
    [500.0]
    >>> round(channel.network_input(torch.ones(1, 1, 1, 1), torch.tensor([0.0])).item(), 4)
    0.7071
    """

    time_factor: float = 1.0
    reversed: bool = False

    def network_input(self, x_alpha: torch.Tensor, logsnr: torch.Tensor) -> torch.Tensor:
        time = flow_time(logsnr)
        return x_alpha * _by_row(torch.hypot(1 - time, time), x_alpha)

    def time(self, logsnr: torch.Tensor) -> torch.Tensor:
        return self.time_factor * flow_time(-logsnr if self.reversed else logsnr)

    def eps_hat(self, network_input: torch.Tensor, output: torch.Tensor, logsnr: torch.Tensor) -> torch.Tensor:
        left = _by_row(flow_time(-logsnr), output)  # 1 − t
        return network_input - left * output if self.reversed else network_input + left * output


@dataclass(frozen=True)
class Edm:
    """The preconditioned network F of EDM: x̂ = c_skip·x_k + c_out·F(c_in·x_k, ¼ ln k) at noise of standard deviation k.

    data_std: the standard deviation that the preconditioning gives the data.

    >>> channel = Edm(data_std=0.5)
    >>> channel.time(torch.tensor([8.0])).tolist()
    [-1.0]
    """

    data_std: float = 0.5

    def network_input(self, x_alpha: torch.Tensor, logsnr: torch.Tensor) -> torch.Tensor:
        signal, _ = signal_and_noise(logsnr)
        return x_alpha * _by_row(self._scale(logsnr) / signal, x_alpha)

    def time(self, logsnr: torch.Tensor) -> torch.Tensor:
        return -logsnr / 8

    def eps_hat(self, network_input: torch.Tensor, output: torch.Tensor, logsnr: torch.Tensor) -> torch.Tensor:
        scale = self._scale(logsnr)
        of_input, of_output = (_by_row(part, output) for part in (scale * _noise(logsnr), scale * self.data_std))
        return of_input * network_input - of_output * output

    def _scale(self, logsnr: torch.Tensor) -> torch.Tensor:
        """c_in = 1/√(k² + d²), (B,)."""
        return 1 / torch.hypot(_noise(logsnr), torch.full_like(logsnr, self.data_std))


def flow_time(logsnr: torch.Tensor) -> torch.Tensor:
    """The time t = σ(−α/2) of a rectified flow; any shape. α = 2 ln((1 − t)/t).

    >>> flow_time(torch.tensor([0.0])).item()
    0.5
    """
    return torch.sigmoid(-logsnr / 2)


def flow_logsnr(time: torch.Tensor) -> torch.Tensor:
    """The log-SNR α = 2 ln((1 − t)/t) at the times of a rectified flow; any shape, −∞ at t = 1.

    >>> flow_logsnr(torch.tensor([0.5])).item()
    0.0
    """
    return 2 * (torch.log1p(-time) - torch.log(time))


def _noise(logsnr: torch.Tensor) -> torch.Tensor:
    """k = √(σ(−α)/σ(α)) = e^(−α/2)."""
    return torch.exp(-logsnr / 2)


def _by_row(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Values (B,) for rows (B, C, h, w), on their device and in their dtype."""
    return values[:, None, None, None].to(rows)
