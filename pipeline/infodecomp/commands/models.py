"""`infodecomp models`: which models are configured or on disk, what they are, and whether they can be used."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infodecomp.commands.configured_models import ConfiguredModel, configured
from infodecomp.commands.models_on_disk import FoundModel, below, cached, fetched, shipped_and_trained
from infodecomp.models.folders import FETCHED, fetched_name, is_on_hub
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped

_HEAD = ("model", "family", "use", "size", "revision", "on disk", "configured by")
_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class ListedModel:
    """A row: a model on disk or one that is only configured, and the places that configure it."""

    name: str
    found: FoundModel | None
    configured: tuple[ConfiguredModel, ...]

    @property
    def revision(self) -> str:
        """The commit on disk, or the one that is asked for."""
        return self.found.revision if self.found else self.configured[0].revision

    @property
    def remedy(self) -> str:
        """Why it cannot be used and what to do; empty if it can be."""
        if self.found:
            return self.found.reason
        if is_on_hub(self.name):
            overlays = [one.file for one in self.configured if one.file != "config.yaml"]
            option = f" --configfile {overlays[0]}" if overlays else ""
            return f"{self.name} is not on disk: `snakemake --cores 1 fetch{option}` fetches it"
        return f"{self.name} is not on disk, and is no id of the Hub (owner/name)"


def models(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status: 0 done, 1 a folder that does not exist. Wrong usage exits with 2."""
    parser = argparse.ArgumentParser(
        prog="infodecomp models",
        description="The models that are configured or on disk: what they are, and what they can be used for.",
        epilog="Looks at config.yaml and overlays, data/models, the cache of the Hugging Face Hub, and the folders given.",
    )
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="a model, or a folder of models")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    args = parser.parse_args(arguments)
    try:
        rows = listed(args.folders)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps([_plain(row) for row in rows], ensure_ascii=False, indent=2) if args.json else as_text(rows))
    return 0


def listed(folders: Iterable[Path] = ()) -> list[ListedModel]:
    """All rows: what is on disk, and what is only configured. Raises InputError for a folder that does not exist."""
    from huggingface_hub.constants import HF_HUB_CACHE

    everything = [*shipped_and_trained(), *fetched(), *cached(Path(HF_HUB_CACHE))]
    everything += [one for folder in folders for one in below(folder)]
    found = {one.path.resolve(): one for one in reversed(everything)}  # the first of those with the same path
    uses = dict[Path | tuple[str, str], list[ConfiguredModel]]()
    for one in configured():
        uses.setdefault(_where(one, found), []).append(one)
    here = [ListedModel(found[path].name, found[path], tuple(uses.pop(path, ()))) for path in reversed(found)]
    return [*here, *(ListedModel(ones[0].id, None, tuple(ones)) for ones in uses.values())]


def _where(one: ConfiguredModel, found: dict[Path, FoundModel]) -> Path | tuple[str, str]:
    """The path at which a configured model was found; without one, its id and revision."""
    if not is_on_hub(one.id):
        places = [shipped(one.id).resolve()]
    else:
        places = [(FETCHED / fetched_name(one.id, one.revision or None, one.variant or None)).resolve()]
        cache = [path for path, model in found.items() if (model.place, model.name) == ("cache", one.id)]
        places += [path for path in cache if path.name == one.revision or not one.revision]
    return next((place for place in places if place in found), (one.id, one.revision))


def as_text(rows: Sequence[ListedModel]) -> str:
    """A table, and below it why models cannot be used."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    remedies = dict.fromkeys(row.remedy for row in rows if row.remedy)
    return "\n".join([*lines, *([""] if remedies else []), *remedies])


def _cells(row: ListedModel) -> tuple[str, ...]:
    found = row.found
    files = ", ".join(dict.fromkeys(one.file for one in row.configured))
    what = (found.family or found.kind, found.use or "cannot be used", _size(found.bytes)) if found else ("?", "?", "")
    place = {"folder": "yes", "fetched": "fetched", "cache": "Hub cache"}[found.place] if found else "no"
    return (row.name, *what, row.revision[:12], place, files)


def _size(count: float) -> str:
    """A number of bytes to three digits."""
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.3g} {_UNITS[unit]}"


def _plain(row: ListedModel) -> dict[str, Any]:
    found = row.found
    return {
        "model": row.name,
        "path": str(found.path) if found else None,
        "place": found.place if found else None,
        "kind": found.kind if found else None,
        "family": found.family if found else None,
        "use": found.use or None if found else None,
        "reason": row.remedy or None,
        "bytes": found.bytes if found else None,
        "revision": row.revision or None,
        "configured": [one.where for one in row.configured],
    }
