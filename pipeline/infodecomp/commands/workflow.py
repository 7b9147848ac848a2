"""`infodecomp demo` and `infodecomp plan`: targets of the workflow, run by Snakemake as one would run them by hand."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import checkout_in_use


def demo(arguments: Sequence[str]) -> int:
    """Run the embedded study; the exit status is Snakemake's, 1 without a checkout, 2 for wrong usage."""
    parser = _parser("demo", "Run the embedded study, into results/demo/ of the working folder: no GPU, no network.")
    args = parser.parse_args(arguments)
    return _run([*_options(args)], [])


def plan(arguments: Sequence[str]) -> int:
    """Print what a study will take; exit statuses as those of `demo`."""
    parser = _parser("plan", "Print what a study will take on this machine: jobs, evaluations, hours and disk.")
    parser.add_argument(
        "overlays",
        nargs="*",
        metavar="OVERLAY",
        help="YAML file over config.yaml, such as config/paper.yaml; of several, the last one wins",
    )
    args = parser.parse_args(arguments)
    return _run(["plan", *_options(args)], args.overlays)


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog=f"infodecomp {name}", description=description)
    made.add_argument("--cores", type=_cores, default="all", metavar="N", help="CPU cores to use (default: all)")
    made.add_argument("--dry-run", action="store_true", help="only list the jobs")
    return made


def _cores(text: str) -> str:
    if text != "all" and not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"is {text!r}; allowed are whole numbers from 1, and all")
    return text


def _options(args: argparse.Namespace) -> list[str]:
    return ["--cores", args.cores, *(["--dry-run"] if args.dry_run else [])]


def _run(arguments: Sequence[str], overlays: Sequence[str]) -> int:
    """Become Snakemake; returns, with status 1, only if the checkout or an overlay is missing."""
    checkout = checkout_in_use()
    try:
        if checkout is None:
            raise InputError(
                f"{Path.cwd()} is no checkout of Infodecomp, and the package comes without its workflow; clone the "
                "repository, and run this command in its folder."
            )
        configuration = [str(_overlay(name, checkout)) for name in overlays]
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    command = [*arguments, *(["--configfile", *configuration] if configuration else [])]
    if checkout != Path.cwd():
        command += ["--snakefile", str(checkout / "Snakefile")]
    print(shlex.join(["snakemake", *command]), file=sys.stderr, flush=True)
    # Rules call `python`: this one. With no process in between, Ctrl-C and exit statuses are Snakemake's own.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    os.execve(sys.executable, [sys.executable, "-m", "snakemake", *command], {**os.environ, "PATH": path})


def _overlay(name: str, checkout: Path) -> Path:
    """An overlay of the working folder, or else one that ships with the checkout."""
    found = next((path for path in (Path(name), checkout / name) if path.is_file()), None)
    if found is None:
        ours = ", ".join(f"config/{path.name}" for path in sorted((checkout / "config").glob("*.yaml")))
        raise InputError(f"{name}: no such file; expected an overlay of config.yaml, one of yours or {ours}.")
    return found
