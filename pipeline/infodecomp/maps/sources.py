"""Where the recorded maps of a dataset are: the arguments of the stages that read them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from infodecomp.maps.outcomes import read_statuses
from infodecomp.maps.word_maps import Maps
from infodecomp.runs.errors import InputError

# Sources that not every study has.
_OPTIONAL = ("gradients", "pairs")


def add_map_arguments(parser: argparse.ArgumentParser) -> None:
    """The shards with the statuses of the maps, and the folders of the maps."""
    parser.add_argument("--estimates", type=Path, nargs="*", default=[], help="shards of estimate_information")
    parser.add_argument("--attention", type=Path, nargs="*", default=[], help="shards of record_attention")
    parser.add_argument("--gradients", type=Path, nargs="*", default=[], help="shards of record_gradients")
    parser.add_argument("--pairs", type=Path, nargs="*", default=[], help="table of gather_parts")
    parser.add_argument("--maps-information", type=Path, required=True, help="folder of <case_id>.npz")
    parser.add_argument("--maps-attention", type=Path, required=True, help="folder of <case_id>.npz")
    for name in _OPTIONAL:
        parser.add_argument(f"--maps-{name}", type=Path, help=f"folder of <case_id>.npz, needed with --{name}")


@dataclass(frozen=True)
class MapSources:
    """Shards and folders of maps by source, one of `infodecomp.methods.SOURCES`."""

    shards: Mapping[str, Sequence[Path]]
    folders: Mapping[str, Path]

    @classmethod
    def of(cls, args: argparse.Namespace) -> MapSources:
        """From the arguments; InputError if a folder is missing, or shards were made by different weights."""
        known = vars(args)
        given = [name for name in _OPTIONAL if known[name]]
        for name in given:
            if known[f"maps_{name}"] is None:
                raise InputError(f"--maps-{name} is missing; add the folder that holds the maps of --{name}.")
        found = cls(
            {"information": args.estimates, **{name: known[name] for name in ("attention", *_OPTIONAL)}},
            {name: known[f"maps_{name}"] for name in ("information", "attention", *given)},
        )
        return found

    @property
    def tables(self) -> list[Path]:
        """All shards."""
        return [path for paths in self.shards.values() for path in paths]

    def maps(self, cases: pd.DataFrame, seed: int) -> Maps:
        """The maps of these cases; `seed` pairs images for the method shuffled."""
        return Maps(cases, {name: read_statuses(paths) for name, paths in self.shards.items()}, self.folders, seed)
