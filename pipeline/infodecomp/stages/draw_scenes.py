"""Draw the embedded evaluation scenes in COCO layout."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import ScenesSection, given, parse_section
from infodecomp.runs.provenance import write_provenance
from infodecomp.scenes.dataset import write_scenes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--section JSON --output-dir PATH`."""
    parser.add_argument("--section", required=True, help="the section `scenes` of the configuration as JSON")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Draw and write all scenes."""
    section = parse_section(ScenesSection, args.section)
    write_scenes(args.output_dir, section.seed, section.count)
    write_provenance(
        args.output_dir / "scenes.provenance.json",
        stage="draw_scenes",
        section=given(section),
        inputs=[],
    )
    print(f"{section.count} scenes in {args.output_dir}")
