"""All channels are one: networks that know the posterior mean in their own terms give the same information."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Predict
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.evaluation import estimate
from infodecomp.models.channels import Channel, Edm, RectifiedFlow, VariancePreserving, flow_logsnr, flow_time
from infodecomp.validation.denoisers import GaussianField
from tests.truth.problems import disc_field, planar_mixture

DRAWS = 48
LOGSNR = torch.linspace(-9, 11, DRAWS, dtype=torch.float64)
# Falling, as tables of timesteps are, and with nodes at all log-SNRs of the draws.
TABLE = LOGSNR.flip(0)
DATA_STD = 0.7

# (what the network reads (B, C, h, w), its time (B,)) → (x_α, α), and (x_α, α, ε̂) → its answer; both written from the
# definitions of the families, not from the functions under test.
Reading = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
Answer = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def rows(values: torch.Tensor) -> torch.Tensor:
    return values[:, None, None, None]


def clean(x_alpha: torch.Tensor, logsnr: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    return (x_alpha - rows(1 / (1 + logsnr.exp())).sqrt() * eps) / rows(1 / (1 + (-logsnr).exp())).sqrt()


def read_table(given: torch.Tensor, time: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return given, TABLE[time]


def velocity(x_alpha: torch.Tensor, logsnr: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    angle = torch.atan2(rows((-logsnr / 2).exp()), torch.ones(()))
    return angle.cos() * eps - angle.sin() * clean(x_alpha, logsnr, eps)


def read_flow(given: torch.Tensor, time: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    time = time / 1000
    return given / rows((1 - time).square() + time.square()).sqrt(), 2 * ((1 - time) / time).log()


def read_reversed(given: torch.Tensor, time: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return read_flow(given, 1000 * (1 - time))


def read_edm(given: torch.Tensor, time: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    noise = (4 * time).exp()
    exploding = given * rows((noise.square() + DATA_STD**2).sqrt())
    return exploding / rows((1 + noise.square()).sqrt()), -2 * noise.log()


def answer_edm(x_alpha: torch.Tensor, logsnr: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    noise = rows((-logsnr / 2).exp())
    total = noise.square() + DATA_STD**2
    exploding = x_alpha * (1 + noise.square()).sqrt()
    skip, out = DATA_STD**2 / total, noise * DATA_STD / total.sqrt()
    return (clean(x_alpha, logsnr, eps) - skip * exploding) / out


CHANNELS: dict[str, tuple[Channel, Reading, Answer]] = {
    "epsilon": (VariancePreserving(TABLE), read_table, lambda x_alpha, logsnr, eps: eps),
    "v": (VariancePreserving(TABLE, "v_prediction"), read_table, velocity),
    "x": (VariancePreserving(TABLE, "sample"), read_table, clean),
    "flow": (
        RectifiedFlow(time_factor=1000.0),
        read_flow,
        lambda x_alpha, logsnr, eps: eps - clean(x_alpha, logsnr, eps),
    ),
    "reversed flow": (
        RectifiedFlow(reversed=True),
        read_reversed,
        lambda x_alpha, logsnr, eps: clean(x_alpha, logsnr, eps) - eps,
    ),
    "edm": (Edm(DATA_STD), read_edm, answer_edm),
}


def through(name: str, exact: Predict) -> Predict:
    """ε̂ of a network of this kind that knows the exact denoiser."""
    channel, reading, answer = CHANNELS[name]

    def eps_hat(x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        given = channel.network_input(x_alpha, logsnr)
        x, alpha = reading(given, channel.time(logsnr))
        return channel.eps_hat(given, answer(x, alpha, exact(x, alpha, condition)), logsnr)

    return eps_hat


def problems() -> dict[str, tuple[Predict, torch.Tensor, dict[str, Condition]]]:
    field, mixture = disc_field(6), planar_mixture()
    x = torch.tensor([0.9, 0.2], dtype=torch.float64).view(1, 1, 2)
    return {
        "field": (GaussianField(), field.x, {"empty": field.marginal, "word": field.conditional}),
        "mixture": (mixture.denoiser, x, {"empty": mixture.unknown, "word": mixture.label(0)}),
    }


@pytest.mark.parametrize("problem", ["field", "mixture"])
@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_gives_the_same_information_and_likelihood(name: str, problem: str) -> None:
    exact, x, prompts = problems()[problem]
    eps = torch.randn(DRAWS, *x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    draws = Draws.held(LOGSNR, torch.full((DRAWS,), 20.0, dtype=torch.float64), eps)
    found, expected = (
        estimate(denoiser, x, prompts, [("empty", "word")], draws) for denoiser in (through(name, exact), exact)
    )
    pair = ("empty", "word")
    for ours, theirs in (
        (found.standard[pair], expected.standard[pair]),
        (found.orthogonal[pair], expected.orthogonal[pair]),
        (found.nll["word"], expected.nll["word"]),
    ):
        torch.testing.assert_close(torch.as_tensor(ours.map), torch.as_tensor(theirs.map), rtol=1e-6, atol=1e-6)
    assert float(torch.as_tensor(expected.orthogonal[pair].map).sum()) > 0.1


def test_time_and_log_snr_of_a_flow_are_inverse() -> None:
    torch.testing.assert_close(flow_logsnr(flow_time(LOGSNR)), LOGSNR)
    assert float(flow_logsnr(torch.tensor(1.0))) == -torch.inf


@pytest.mark.parametrize("name", ["v", "flow", "reversed flow", "edm"])
def test_no_channel_blows_up_at_the_ends(name: str) -> None:
    """Far beyond every trained range, in single precision: an answer of order one gives noise of order one."""
    channel = CHANNELS[name][0]
    logsnr, x_alpha = torch.tensor([-40.0, 40.0]), torch.ones(2, 1, 1, 1)
    given = channel.network_input(x_alpha, logsnr)
    found = channel.eps_hat(given, torch.ones(2, 1, 1, 1), logsnr)
    assert found.isfinite().all() and found.abs().max() < 3
