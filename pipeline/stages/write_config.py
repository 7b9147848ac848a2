"""Write config.yaml, the embedded demo study with a comment for each key."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.config import default_config, render_yaml
from pipeline.storage import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--output PATH`; without it the text goes to standard output."""
    parser.add_argument("--output", type=Path, help="file to write (default: standard output)")


def run(args: argparse.Namespace) -> None:
    """Render the default configuration to the file or to standard output."""
    text = render_yaml(default_config())
    if args.output is None:
        print(text, end="")
    else:
        write_text(args.output, text)
