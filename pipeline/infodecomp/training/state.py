"""The state of networks under training: weights, running averages, optimizers; one step of it, and its checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from infodecomp.runs.durable import put_in_place
from infodecomp.training.cycles import Pace, learning_rate_factor
from infodecomp.training.drawn_ahead import Drawn, drawn_ahead
from infodecomp.training.workers import Worker

# What optimizers keep of each parameter, and the names it has in checkpoints: two moments of AdamW, the momentum of Muon.
MOMENTS = {"exp_avg": "moment1", "exp_avg_sq": "moment2", "momentum_buffer": "momentum"}


@dataclass
class TrainState:
    """The networks under training by name, their running averages, the optimizers and the step reached.

    Each parameter belongs to one optimizer; the groups of an optimizer name their peak learning rate `scale`.
    """

    networks: Mapping[str, torch.nn.Module]
    optimizers: Sequence[torch.optim.Optimizer]
    step: int = 0
    averages: dict[str, torch.Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.averages = {name: p.detach().clone() for name, p in self.parameters().items()}

    def parameters(self) -> dict[str, torch.nn.Parameter]:
        """All trainable parameters, named `network.parameter`."""
        return {
            f"{network}.{name}": p
            for network, module in self.networks.items()
            for name, p in module.named_parameters()
            if p.requires_grad
        }

    def buffers(self) -> dict[str, torch.Tensor]:
        """What the networks record beside their parameters, such as running statistics, named `network.buffer`."""
        return {
            f"{network}.{name}": tensor
            for network, module in self.networks.items()
            for name, tensor in module.state_dict().items()
            if name not in dict(module.named_parameters(remove_duplicate=False))
        }

    def descend(self, loss: torch.Tensor, *, factor: float, ema: float, ranks: int) -> None:
        """One step down the mean loss of all workers; `factor` times each group's peak learning rate.

        `ema` is the decay of the running averages, which start faster.
        """
        named = self.parameters()
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["scale"] * factor
            optimizer.zero_grad()
        loss.backward()
        _average_gradients(list(named.values()), ranks)
        torch.nn.utils.clip_grad_norm_(named.values(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        decay = min(ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averages.values()), list(named.values()), 1 - decay)


StateType = TypeVar("StateType", bound=TrainState)


def train(
    state: StateType,
    draw: Callable[[int], Drawn],
    loss_of: Callable[[Drawn], torch.Tensor],
    *,
    steps: int,
    cycles: Sequence[Pace],
    ema: float,
    worker: Worker,
    report: Callable[[StateType, float], None],
) -> None:
    """Descend `loss_of(draw(step))` from `state.step` to `steps`; workers call `report(state, loss)` after each step."""
    for drawn in drawn_ahead(draw, range(state.step, steps), worker.drawing):
        factor = learning_rate_factor(state.step, steps, cycles)
        loss = loss_of(drawn)
        state.descend(loss, factor=factor, ema=ema, ranks=worker.ranks)
        report(state, float(loss.detach()))


def _average_gradients(parameters: list[torch.nn.Parameter], ranks: int) -> None:
    if ranks == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= ranks
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def load_checkpoint(state: TrainState, folder: Path) -> None:
    """Continue from `folder`; what the optimizers keep is stored by parameter name, as safetensors."""
    tensors = load_file(folder / "checkpoint.safetensors")
    state.step = int(tensors["step"])
    for name, buffer in state.buffers().items():
        buffer.copy_(tensors[f"buffer/{name}"])
    for name, parameter in state.parameters().items():
        parameter.data.copy_(tensors[f"weight/{name}"])
        state.averages[name].copy_(tensors[f"average/{name}"])
    names = {parameter: name for name, parameter in state.parameters().items()}
    for optimizer in state.optimizers:
        for parameter in (each for group in optimizer.param_groups for each in group["params"]):
            kept = {key: tensors.get(f"{stored}/{names[parameter]}") for key, stored in MOMENTS.items()}
            moments = {key: tensor.clone().to(parameter.device) for key, tensor in kept.items() if tensor is not None}
            counted = {"step": torch.tensor(float(state.step))} if "exp_avg" in moments else {}
            optimizer.state[parameter] = {**counted, **moments}


def save_checkpoint(state: TrainState, folder: Path) -> None:
    """Write everything that a later run needs to continue as if it had not stopped."""
    tensors = {"step": torch.tensor(state.step)}
    tensors |= {f"buffer/{name}": buffer for name, buffer in state.buffers().items()}
    for name, parameter in state.parameters().items():
        tensors[f"weight/{name}"] = parameter.detach()
        tensors[f"average/{name}"] = state.averages[name]
        for optimizer in state.optimizers:
            moments = optimizer.state.get(parameter, {})
            tensors |= {f"{stored}/{name}": moments[key] for key, stored in MOMENTS.items() if key in moments}
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "checkpoint.part"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial)
    put_in_place(partial, folder / "checkpoint.safetensors")


def use_averages(state: TrainState) -> None:
    """Put the running averages in place of the weights, for evaluation and export."""
    for name, parameter in state.parameters().items():
        parameter.data.copy_(state.averages[name])
