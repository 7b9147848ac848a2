"""Draw the embedded evaluation scenes in COCO layout."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.settings import DrawScenes
from infodecomp.runs.provenance import write_provenance
from infodecomp.scenes.dataset import write_scenes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --output-dir PATH`."""
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Draw and write all scenes."""
    section = parse(DrawScenes, args.settings)
    write_scenes(args.output_dir, section.seed, section.count)
    write_provenance(
        args.output_dir / "scenes.provenance.json",
        stage="draw_scenes",
        section=section.model_dump(mode="json"),
    )
    print(f"{section.count} scenes in {args.output_dir}")
