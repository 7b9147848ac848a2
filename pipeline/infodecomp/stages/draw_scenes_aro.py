"""Draw the scenes of the embedded retrieval sets, in the layouts of ARO."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.settings import DrawScenesAro
from infodecomp.runs.provenance import write_provenance
from infodecomp.scenes.aro import write_aro_scenes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --output-dir PATH`."""
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Draw and write all scenes."""
    section = parse(DrawScenesAro, args.settings)
    write_aro_scenes(args.output_dir, section.seed, section.retrieval)
    write_provenance(
        args.output_dir / "aro.provenance.json",
        stage="draw_scenes_aro",
        section=section.model_dump(mode="json"),
    )
    print(f"{section.retrieval} cases of each retrieval set in {args.output_dir}")
