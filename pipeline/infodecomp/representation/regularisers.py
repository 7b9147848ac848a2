"""What keeps codes near their prior while an encoder learns: maximum mean discrepancy, and the divergence of each code."""

from __future__ import annotations

import torch

# Squared widths of the kernels of `multiscale`, in units of the number of dimensions.
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)


def mmd(codes: torch.Tensor, prior: torch.Tensor, kernel: str) -> torch.Tensor:
    """MMD² = E k(z, z′) + E k(p, p′) − 2 E k(z, p) of codes, (n, a), and draws of the prior, (m, a); a scalar.

    published: k = exp(−‖·‖²/a²), means over all pairs, equal ones among them, as in the code of InfoDiffusion. Its bias is
    about (1 − E k)/n a side, and it is so wide that it sees little more than second moments.
    multiscale: the mean of five kernels exp(−‖·‖²/(2 c a)) with c from ¼ to 4, over different draws: it has no bias,
    and may be negative.

    Source: Gretton et al., A Kernel Two-Sample Test, JMLR 2012, Eq. 3 (unbiased) and 5 (biased).

    >>> float(mmd(torch.zeros(4, 2), torch.zeros(4, 2), "published"))
    0.0
    """
    if kernel == "published":
        width = codes.shape[1] ** 2
        return (
            _wide(codes, codes, width).mean()
            + _wide(prior, prior, width).mean()
            - 2 * _wide(codes, prior, width).mean()
        )
    among = _different(_scaled(codes, codes)) + _different(_scaled(prior, prior))
    return among - 2 * _scaled(codes, prior).mean()


def normal_kl(means: torch.Tensor, deviations: torch.Tensor) -> torch.Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) = ½ Σ (μ² + σ² − 1 − ln σ²) of each row, (n,), in nats. means, deviations: (n, a).

    >>> normal_kl(torch.zeros(1, 3), torch.ones(1, 3)).item()
    0.0
    """
    variances = deviations.square()
    return (means.square() + variances - 1 - variances.log()).sum(1) / 2


def divergence_penalty(kl: torch.Tensor, capacity: float | None) -> torch.Tensor:
    """The mean divergence, or its distance |KL − C| from a capacity C in nats (Burgess et al., 2018); a scalar. kl: (n,).

    >>> divergence_penalty(torch.tensor([2.0, 4.0]), 5.0).item()
    2.0
    """
    return kl.mean() if capacity is None else (kl.mean() - capacity).abs()


def _wide(first: torch.Tensor, second: torch.Tensor, width: float) -> torch.Tensor:
    return torch.exp(-torch.cdist(first, second).square() / width)


def _scaled(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    squares = torch.cdist(first, second).square() / (2 * first.shape[1])
    return torch.stack([torch.exp(-squares / scale) for scale in SCALES]).mean(0)


def _different(kernels: torch.Tensor) -> torch.Tensor:
    """The mean over pairs of different rows."""
    count = len(kernels)
    return (kernels.sum() - kernels.diagonal().sum()) / (count * (count - 1))
