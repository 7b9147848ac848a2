"""Problems whose information is known in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.validation.denoisers import GaussianField, GaussianMixture

# Wide enough that what is cut off is below 1e-5 of these problems' information.
WIDE = Interval(low=-15.0, high=25.0, loc=1.0, scale=2.0)


@dataclass(frozen=True)
class MixtureProblem:
    """x from one of three Gaussians in the plane; the label y names the component."""

    denoiser: GaussianMixture
    weights: torch.Tensor

    @property
    def unknown(self) -> Condition:
        """The prompt that knows nothing."""
        return self.denoiser.prompt(weights=self.weights)

    def label(self, component: int) -> Condition:
        """The prompt that names a component."""
        return self.denoiser.prompt(component, weights=self.weights)

    def sample(self, rng: np.random.Generator) -> tuple[torch.Tensor, int]:
        """A draw of x, (1, 1, d), and its component."""
        component = int(rng.choice(len(self.weights), p=self.weights.numpy()))
        mean, covariance = self.denoiser.means[component].numpy(), self.denoiser.covariances[component].numpy()
        return torch.from_numpy(rng.multivariate_normal(mean, covariance)).view(1, 1, -1), component

    def information(self, x: torch.Tensor, component: int) -> float:
        """i(x; y) = ln p(x|y) − ln p(x), exact."""
        known = self.denoiser.log_density(x[None], self.label(component)[None])
        return float(known - self.denoiser.log_density(x[None], self.unknown[None]))


def planar_mixture() -> MixtureProblem:
    """Three overlapping components of different shape."""
    means = torch.tensor([[1.2, 0.0], [-0.8, 0.9], [-0.3, -1.1]], dtype=torch.float64)
    roots = torch.tensor(
        [[[0.6, 0.0], [0.2, 0.5]], [[0.7, 0.0], [-0.3, 0.4]], [[0.5, 0.0], [0.1, 0.8]]], dtype=torch.float64
    )
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    return MixtureProblem(GaussianMixture(means, roots @ roots.transpose(1, 2)), weights)


@dataclass(frozen=True)
class FieldProblem:
    """Independent Gaussian pixels; the condition tells more about those in a disc than about the rest."""

    marginal: Condition  # states (2, C, h, w): mean, variance
    conditional: Condition
    x: torch.Tensor  # (C, h, w)

    @property
    def information(self) -> np.ndarray:
        """i_j(x; y) at every pixel, (h, w), exact."""
        known = GaussianField.log_density(self.x, self.conditional)
        return (known - GaussianField.log_density(self.x, self.marginal)).numpy()


def disc_field(side: int, seed: int = 0) -> FieldProblem:
    """A field of 4 × side × side pixels with a disc in the middle in which the condition tells the mean."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    disc = (rows - side / 2) ** 2 + (columns - side / 2) ** 2 < (side / 4) ** 2
    explained = np.broadcast_to(np.where(disc, 0.8, 1e-4), (4, side, side))
    rest = np.full((4, side, side), 1.0) - 0.5 * explained
    mean = rng.normal(size=explained.shape) * np.sqrt(explained)
    x = mean + rng.normal(size=explained.shape) * np.sqrt(rest)
    marginal = np.stack([np.zeros_like(rest), rest + explained])
    prompts = (Condition.of(torch.from_numpy(states)) for states in (marginal, np.stack([mean, rest])))
    return FieldProblem(*prompts, torch.from_numpy(x))


def draw(
    shape: tuple[int, ...],
    steps: int,
    seed: int,
    *,
    design: str = "stratified",
    antithetic_eps: bool = False,
    interval: Interval = WIDE,
) -> Draws:
    """Draws for one problem."""
    return sample_draws(
        shape=(shape[0], shape[1], shape[2]),
        steps=[steps],
        density="logistic",
        design=design,
        antithetic_eps=antithetic_eps,
        interval=interval,
        rng=np.random.default_rng(seed),
    )
