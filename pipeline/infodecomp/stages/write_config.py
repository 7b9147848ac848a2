"""Write the files that follow from the keys: config.yaml, the training recipe, the schema and docs/configure.md's tables."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import default_config, render_yaml
from infodecomp.config.key_table import replace_tables
from infodecomp.config.rendering import render_recipe
from infodecomp.config.schema import config_schema
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--output PATH`, `--recipe PATH`, `--schema PATH`, `--keys PAGE`; without any, config.yaml goes to standard output."""
    parser.add_argument("--output", type=Path, help="write the default configuration (config.yaml)")
    parser.add_argument("--recipe", type=Path, help="write the training recipe (config/scenes_model.yaml)")
    parser.add_argument("--schema", type=Path, help="write the JSON schema for editors (docs/config.schema.json)")
    parser.add_argument("--keys", type=Path, help="page whose tables of keys are to be replaced (docs/configure.md)")


def run(args: argparse.Namespace) -> None:
    """Write each file that is named; print config.yaml if none is."""
    config = default_config()
    if args.output:
        write_text(args.output, render_yaml(config))
    if args.recipe:
        write_text(args.recipe, render_recipe(config))
    if args.schema:
        write_text(args.schema, config_schema())
    if args.keys:
        _write_keys(args.keys)
    if not any((args.output, args.recipe, args.schema, args.keys)):
        print(render_yaml(config), end="")


def _write_keys(page: Path) -> None:
    try:
        text = replace_tables(page.read_text(encoding="utf-8"), default_config())
    except (OSError, ValueError) as error:
        raise InputError(f"{page}: the tables of keys cannot be written ({error}).") from error
    write_text(page, text)
