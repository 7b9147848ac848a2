"""The probability flow and the swapped captions against recorded numbers of the released code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.flows.karras import KarrasPath, Solver
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.words.swaps import SWAPS, released_swaps, replace_words, swap_word
from tests.reference.recorded import read_recorded

SOLVERS: dict[Solver, int] = {"euler": 1, "heun": 2}


@pytest.fixture(scope="module")
def golden(reference: Path) -> dict[str, np.ndarray]:
    return read_recorded(reference / "golden" / "ode.npz")


@pytest.fixture(scope="module")
def recorded(reference: Path) -> dict:
    return json.loads((reference / "golden" / "ode.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model(reference: Path) -> LatentDiffusion:
    return LatentDiffusion.load(str(reference / "tiny_sd"))


def tensor(golden: dict[str, np.ndarray], name: str) -> torch.Tensor:
    return torch.from_numpy(golden[name])


def condition(golden: dict[str, np.ndarray], prompt: str) -> Condition:
    return Condition.of(tensor(golden, f"emb_{prompt}"))


def close(ours: torch.Tensor, theirs: np.ndarray, tolerance: float) -> None:
    assert ours.shape == theirs.shape
    assert np.abs(ours.numpy() - theirs).max() <= tolerance * np.abs(theirs).max()


def test_prompts_are_the_recorded_ones(golden: dict[str, np.ndarray], recorded: dict, model: LatentDiffusion) -> None:
    for name, prompt in recorded["prompts"].items():
        close(Condition.stack(model.encode_prompts([prompt])).states, golden[f"emb_{name}"], 1e-5)


@pytest.mark.parametrize("steps", [10, 50])
def test_schedule(golden: dict[str, np.ndarray], model: LatentDiffusion, steps: int) -> None:
    """The recorded schedule ends with the step to zero, which the reversible one leaves out."""
    schedule = golden[f"n{steps}/schedule_full"]
    assert schedule[-1] == 0
    sigmas = KarrasPath(model, "heun", steps).sigmas
    assert len(sigmas) == steps
    assert sigmas == pytest.approx(schedule[:-1].tolist(), rel=1e-6)
    assert (sigmas[-1], sigmas[0]) == pytest.approx((float(golden["sigma_min"]), float(golden["sigma_max"])), rel=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_single_moves(golden: dict[str, np.ndarray], model: LatentDiffusion, solver: Solver) -> None:
    """Each move from the point that the recorded walk had reached."""
    path = KarrasPath(model, solver, 10)
    noise = golden[f"n10/order{SOLVERS[solver]}/reverse_cap"]
    walks = [("reverse_cap", golden["x0"], "cap", path.sigmas[::-1])]
    walks += [(f"generate_{prompt}", noise, prompt, path.sigmas) for prompt in ("cap", "omit", "swap")]
    for walk, start, prompt, sigmas in walks:
        points = np.concatenate([start, golden[f"n10/order{SOLVERS[solver]}/{walk}_traj"]])
        for i in range(9):
            moved = path.walk(torch.from_numpy(points[i : i + 1]), sigmas[i : i + 2], condition(golden, prompt))
            close(moved, points[i + 1 : i + 2], 1e-5)


@pytest.mark.parametrize("steps", [10, 50])
@pytest.mark.parametrize("solver", SOLVERS)
def test_whole_flows(golden: dict[str, np.ndarray], model: LatentDiffusion, solver: Solver, steps: int) -> None:
    """There with the caption, and back with three prompts in one batch."""
    folder = f"n{steps}/order{SOLVERS[solver]}"
    path = KarrasPath(model, solver, steps)
    close(path.reverse(tensor(golden, "x0"), condition(golden, "cap")), golden[f"{folder}/reverse_cap"], 1e-3)
    prompts = ("cap", "omit", "swap")
    noise = tensor(golden, f"{folder}/reverse_cap").repeat(3, 1, 1, 1)
    edited = path.generate(noise, Condition.cat([condition(golden, prompt) for prompt in prompts]))
    for row, prompt in enumerate(prompts):
        close(edited[row : row + 1], golden[f"{folder}/generate_{prompt}"], 1e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_network_sees_the_recorded_timesteps(
    golden: dict[str, np.ndarray], model: LatentDiffusion, solver: Solver
) -> None:
    path, seen = KarrasPath(model, solver, 10), list[int]()
    hook = model.denoiser.register_forward_pre_hook(lambda _, args: seen.append(int(args[1][0])))
    with hook:
        noise = path.reverse(tensor(golden, "x0"), condition(golden, "cap"))
        path.generate(noise, condition(golden, "cap"))
    folder = f"n10/order{SOLVERS[solver]}"
    assert seen == [*golden[f"{folder}/reverse_cap_t"], *golden[f"{folder}/generate_cap_t"]]
    assert len(seen) == 2 * path.evaluations


@pytest.mark.parametrize("steps", [10, 50])
def test_batches_of_images(golden: dict[str, np.ndarray], model: LatentDiffusion, steps: int) -> None:
    path, folder = KarrasPath(model, "heun", steps), f"n{steps}/batch3"
    noise = path.reverse(tensor(golden, f"{folder}/x0"), condition(golden, "cap")[[0, 0, 0]])
    close(noise, golden[f"{folder}/reverse_cap"], 1e-3)
    edited = path.generate(tensor(golden, f"{folder}/reverse_cap"), condition(golden, "swap")[[0, 0, 0]])
    close(edited, golden[f"{folder}/generate_swap"], 1e-3)


def test_swap_table(recorded: dict) -> None:
    """The released table, with its odd plurals of people, follows from the seven pairs."""
    assert released_swaps(SWAPS) == recorded["word_swap_map"]


def test_word_swaps(recorded: dict) -> None:
    tables = {"image_edit": released_swaps(SWAPS)}
    assert len(recorded["word_swaps"]) == 11
    for case in recorded["word_swaps"]:
        table = tables.get(case["swaps"]) if isinstance(case["swaps"], str) else case["swaps"]
        assert replace_words(case["text"], table) == case["out"]


@pytest.mark.parametrize(
    ("word", "text"),
    [("dog", "A Dog and a cat"), ("beds", "two dogs on beds"), ("bear", "Teddy bear next to a bear"),
     ("peoples", "peoples of the table"), ("ZEBRAS", "Bears, cats; ZEBRAS!"), ("monkeys", "monkeys and people"),
     ("dog", "a person's dog")],
)  # fmt: skip
def test_a_swap_of_all_words_is_the_recorded_one(recorded: dict, word: str, text: str) -> None:
    expected = {case["text"]: case["out"] for case in recorded["word_swaps"]}
    assert swap_word(text, word, scope="all") == expected[text]
