"""Download a model from the Hugging Face Hub, exactly the files that are read, and record their hashes."""

from __future__ import annotations

import argparse
import json

from infodecomp.config import FetchedClipSection, FetchedModelSection, ModelSection, parse
from infodecomp.fetching.hub import Repository
from infodecomp.fetching.models import fetch_model
from infodecomp.models.folders import FETCHED, fetched_name, is_on_hub, model_receipt
from infodecomp.runs.durable import write_record
from infodecomp.runs.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--kind KIND --settings JSON`."""
    parser.add_argument("--kind", required=True, choices=("diffusion", "clip"), help="kind of model")
    parser.add_argument("--section", required=True, help="its section of the configuration as JSON")


def run(args: argparse.Namespace) -> None:
    """Fetch or check the model and write its receipt beside its folder."""
    where = "clip → id" if args.kind == "clip" else "model → id"
    settings: FetchedClipSection | FetchedModelSection = (
        parse(FetchedClipSection, args.section) if args.kind == "clip" else parse(FetchedModelSection, args.section)
    )
    if not is_on_hub(settings.id):
        raise InputError(f"{where} '{settings.id}' is no id on the Hugging Face Hub, so that nothing is to be fetched.")
    variant = settings.variant if isinstance(settings, ModelSection) else None
    folder = FETCHED / fetched_name(settings.id, settings.revision, variant)
    repositories = [Repository("model", settings.id, settings.revision)]
    repositories += [Repository("model", *mirror.split("@", 1)) for mirror in settings.mirrors or ()]
    hashes = fetch_model(args.kind, f"{where} '{settings.id}'", repositories, variant, folder)
    receipt = {"id": settings.id, "revision": settings.revision, "variant": variant, "sha256": hashes}
    write_record(model_receipt(folder), json.dumps(receipt, indent=2, sort_keys=True) + "\n")
    print(f"{folder}: {len(hashes)} files")
