"""Fetch one source of the table of sources, a file or a set of files, and put it into its place."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from infodecomp.fetching.places import fetch_source
from infodecomp.fetching.sources import read_sources
from infodecomp.runs.durable import write_record
from infodecomp.runs.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--source DATASET/FILE --table CSV --local-path FOLDER --output PATH`."""
    parser.add_argument("--source", required=True, help="dataset and file of the table, such as coco/val2017.zip")
    parser.add_argument("--table", required=True, type=Path, help="the table of sources (CSV)")
    parser.add_argument("--local-path", default="", help="folder of files to link instead of downloading them")
    parser.add_argument("--output", required=True, type=Path, help="receipt to write (JSON)")


def run(args: argparse.Namespace) -> None:
    """Fetch the source and write its receipt: its places, and the hashes of what was fetched."""
    sources = read_sources(args.table)
    if args.source not in sources:
        raise InputError(f"--source {args.source}: {args.table} has no such file; it has {', '.join(sources)}.")
    source = sources[args.source]
    receipt = {
        "source": args.source,
        "version": source.version,
        "licence": source.licence,
        "places": [str(target) for target in source.targets],
        "sha256": fetch_source(source, args.local_path),
    }
    write_record(args.output, json.dumps(receipt, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
