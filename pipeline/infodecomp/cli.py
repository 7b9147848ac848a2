"""The command `infodecomp`: `infodecomp run STAGE …` runs one stage of the workflow, as its rules do."""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from infodecomp import __version__
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage_errors import disk_problem

_USAGE = """usage: infodecomp [--help | --version] COMMAND …

commands:
  run STAGE …   run one stage of the workflow; `infodecomp run` lists the stages"""

_STAGE_NAMES = (
    "write_config",
    "fetch_data",
    "fetch_model",
    "draw_scenes",
    "train_scenes_text",
    "train_scenes_autoencoder",
    "train_scenes_unet",
    "train_scenes_consistency",
    "evaluate_scenes_model",
    "train_scenes_clip",
    "train_scenes_hardneg",
    "train_scenes_classifier",
    "list_prompts",
    "generate_images",
    "build_cases",
    "pilot_density",
    "estimate_information",
    "record_attention",
    "record_gradients",
    "explain_images",
    "draw_explanations",
    "score_localisation",
    "tabulate_localisation",
    "plot_localisation",
    "draw_scenes_aro",
    "build_retrieval_cases",
    "plan_study",
    "score_retrieval",
    "score_clip",
    "score_text",
    "tabulate_retrieval",
    "plot_retrieval",
    "edit_images",
    "judge_edits",
    "tabulate_editing",
    "plot_edit_strips",
    "plot_edit_correlations",
    "pair_words",
    "decompose_information",
    "gather_parts",
    "tabulate_partial_information",
    "plot_partial_information",
    "judge_maps",
    "tabulate_faithfulness",
    "plot_faithfulness",
    "validate_estimator",
    "tabulate_validation",
    "plot_validation",
    "summarise_study",
    "dissect_caption",
    "plot_teaser",
    "plot_denoising_strip",
    "plot_integrand_curves",
    "plot_information_scatter",
    "tabulate_paper",
    "write_report",
)

# Stage name → module with `add_arguments(parser)` and `run(args)`; imported only when its stage is run, so that a
# stage on tables does not wait for torch.
STAGES: dict[str, str] = {name: f"infodecomp.stages.{name}" for name in _STAGE_NAMES}


# The stages that may ask the Hugging Face Hub for anything; all others find what they need on the disk.
_NETWORK_STAGES = ("fetch_data", "fetch_model")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit status: 0 done, 1 bad input (one sentence on stderr), 2 wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE)
        return 0
    if arguments[0] == "--version":
        print(f"infodecomp {__version__}")
        return 0
    if arguments[0] == "run":
        return run_stage(arguments[1:])
    print(f"error: unknown command `{arguments[0]}`; the commands are: run.", file=sys.stderr)
    return 2


def run_stage(arguments: Sequence[str]) -> int:
    """Run one stage, or list the stages without arguments; returns the exit status as `main` does."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_listing())
        return 0
    stage, rest = arguments[0], arguments[1:]
    _quieten_libraries()
    if stage not in _NETWORK_STAGES:
        os.environ["HF_HUB_OFFLINE"] = "1"
    if stage not in STAGES:
        print(f"error: unknown stage `{stage}`; the stages are {', '.join(STAGES)}.", file=sys.stderr)
        return 2
    module = _import_stage(stage)
    parser = argparse.ArgumentParser(prog=f"infodecomp run {stage}", description=module.__doc__)
    module.add_arguments(parser)
    try:
        module.run(parser.parse_args(rest))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        sentence = disk_problem(error)
        if sentence is None:
            raise
        print(f"error: {sentence}", file=sys.stderr)
        return 1
    return 0


def _import_stage(stage: str) -> ModuleType:
    """The module of a stage.

    What its imports make stays until the end. To have the garbage collector look through it again and again, and once more
    at the end, would take a third of the time of a stage that has nothing to do.
    """
    gc.disable()
    try:
        return importlib.import_module(STAGES[stage])
    finally:
        gc.freeze()
        gc.enable()


def _quieten_libraries() -> None:
    """Keep notes and loading bars of the model libraries out of the logs; they read this when they are imported."""
    for name in ("TRANSFORMERS_VERBOSITY", "DIFFUSERS_VERBOSITY"):
        os.environ.setdefault(name, "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def summary(stage: str) -> str:
    """First line of the docstring of a stage's module, read from its source without importing it."""
    source = Path(__file__).parent / "stages" / f"{stage}.py"
    docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8")))
    return docstring.splitlines()[0] if docstring else ""


def _listing() -> str:
    width = max(map(len, STAGES))
    lines = [f"  {stage:<{width}}  {summary(stage)}" for stage in STAGES]
    return "\n".join(["usage: infodecomp run STAGE [--help | arguments]", "", "stages:", *lines])
