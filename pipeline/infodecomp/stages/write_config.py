"""Write config.yaml, the embedded demo study with a comment for each key, or the tables of keys of docs/configure.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import default_config, render_yaml
from infodecomp.config.key_table import replace_tables
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--output PATH`; without it the text goes to standard output. `--keys PAGE` writes tables instead."""
    parser.add_argument("--output", type=Path, help="file to write (default: standard output)")
    parser.add_argument("--keys", type=Path, help="page whose tables of keys are written anew, instead of the YAML")


def run(args: argparse.Namespace) -> None:
    """Render the default configuration to the file or to standard output, or its keys into the page."""
    if args.keys is not None:
        _write_keys(args.keys)
        return
    text = render_yaml(default_config())
    if args.output is None:
        print(text, end="")
    else:
        write_text(args.output, text)


def _write_keys(page: Path) -> None:
    try:
        text = replace_tables(page.read_text(encoding="utf-8"), default_config())
    except (OSError, ValueError) as error:
        raise InputError(f"{page}: the tables of keys cannot be written ({error}).") from error
    write_text(page, text)
