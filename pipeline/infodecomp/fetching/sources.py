"""The table of sources: which files the published study needs, their addresses, and their sizes and hashes.

A row is one file, or one set of files on the Hugging Face Hub. It is fetched to `data/<dataset>/fetched/`, and its contents
(`places`: files, and folders ending in `/`) are put into `data/<dataset>/`.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from infodecomp.fetching.addresses import is_private
from infodecomp.runs.errors import InputError

COLUMNS = (
    "dataset",
    "file",
    "version",
    "url",
    "mirrors",
    "bytes",
    "md5",
    "sha256",
    "places",
    "licence",
    "note",
)
DATA = Path("data")
_TABLE = DATA / "sources.csv"
_CHECKOUT = Path(__file__).resolve().parents[3]

# hf://datasets/<owner>/<name>@<revision>/<pattern>
HUB_ADDRESS = re.compile(r"hf://datasets/([\w.-]+/[\w.-]+)@([0-9a-f]{40})/([\w.*/-]+)")
# Asked for by a form: form:<address of the form>
_FORM = "form:"
_WEB_ADDRESS = re.compile(r"https?://[^\s/]+/\S+")
_FILE_ADDRESS = re.compile(r"file:///\S+")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_DIGITS = {"md5": 32, "sha256": 64}


@dataclass(frozen=True)
class Source:
    """One row. `url` and `mirrors` are tried in that order; an unknown size is None, an unknown hash empty.

    own: of a table of the user's own, whose addresses may be of this machine and of private networks.
    """

    dataset: str
    file: str
    version: str
    url: str
    mirrors: tuple[str, ...]
    bytes: int | None
    md5: str
    sha256: str
    places: tuple[str, ...]
    licence: str
    note: str
    own: bool = False

    @property
    def form(self) -> str:
        """Address of the form by which the file is asked for; empty if it can be fetched."""
        return self.url.removeprefix(_FORM) if self.url.startswith(_FORM) else ""

    @property
    def on_hub(self) -> bool:
        """Whether it is a set of files on the Hugging Face Hub."""
        return self.url.startswith("hf:")

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where to try, in order; none for a file that is asked for by a form."""
        return () if self.form else (self.url, *self.mirrors)

    @property
    def download(self) -> Path:
        """The fetched file, or the folder of fetched files."""
        return DATA / self.dataset / "fetched" / self.file

    @property
    def lock(self) -> Path:
        """Sizes and hashes of what was fetched first, which later fetches must have too."""
        return self.download.with_name(f"{self.file}.lock.json")

    @property
    def receipt(self) -> Path:
        """Written when everything is in its place."""
        return self.download.with_name(f"{self.file}.json")

    @property
    def targets(self) -> tuple[Path, ...]:
        """What it gives, as paths below the working folder."""
        return tuple(DATA / self.dataset / place for place in self.places)

    def gives(self, path: Path) -> bool:
        """Whether a path is one of its places, or a file right in one of its folders."""
        return _plain(path) in {*self.targets} or _plain(path.parent) in {
            target for target, place in zip(self.targets, self.places, strict=True) if place.endswith("/")
        }

    def is_ours(self) -> bool:
        """Whether its places belong to the workflow: it was fetched before, or none of them exists.

        Files put there by hand are never overwritten.
        """
        return self.lock.exists() or not any(target.exists() for target in self.targets)


def read_sources(path: Path) -> dict[str, Source]:
    """The table: `<dataset>/<file>` → source. Raises one InputError naming every bad row with its line number.

    Only a table of the user's own, elsewhere than at data/sources.csv, may name addresses of this machine or of a private
    network.
    """
    if not path.is_file():
        raise InputError(f"fetch → sources '{path}': no such file; allowed is a table with {', '.join(COLUMNS)}.")
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            found = ", ".join(reader.fieldnames or ()) or "none"
            raise InputError(f"{path}: the columns are {found}; expected {', '.join(COLUMNS)}.")
        rows = [(reader.line_num, row) for row in reader]
    sources, problems = dict[str, Source](), list[str]()
    own = _plain(path) != _TABLE and path.resolve() != _CHECKOUT / _TABLE
    for line, row in rows:
        found_problems = list(_problems(row, own))
        name = f"{row['dataset']}/{row['file']}"
        if name in sources:
            found_problems.append(f"the file {name} is in the table twice.")
        problems += [f"{path}, line {line}: {problem}" for problem in found_problems]
        if not found_problems:
            sources[name] = _source(row, own)
    if problems:
        raise InputError("\n".join(problems))
    return sources


def sources_of(paths: Sequence[Path], sources: Iterable[Source]) -> list[Source]:
    """The sources that give these files and folders, and may put them there."""
    return [source for source in sources if any(source.gives(path) for path in paths) and source.is_ours()]


def _source(row: dict[str, str], own: bool) -> Source:
    return Source(
        dataset=row["dataset"],
        file=row["file"],
        version=row["version"],
        url=row["url"],
        mirrors=tuple(row["mirrors"].split()),
        bytes=int(row["bytes"]) if row["bytes"] else None,
        md5=row["md5"],
        sha256=row["sha256"],
        places=tuple(row["places"].split()),
        licence=row["licence"],
        note=row["note"],
        own=own,
    )


def _problems(row: dict[str, str], own: bool) -> Iterable[str]:
    if None in row or any(value is None for value in row.values()):
        yield f"it has a different number of cells than the {len(COLUMNS)} columns."
        return
    for name in ("dataset", "file"):
        if not _PLAIN_NAME.fullmatch(row[name]):
            yield f"`{name}` is {row[name]!r}; expected letters, digits, `.`, `_` and `-`."
    for name in ("version", "licence", "url", "places"):
        if not row[name].strip():
            yield f"`{name}` is empty."
    for address in (row["url"], *row["mirrors"].split()):
        plain = address.removeprefix(_FORM)
        if _FILE_ADDRESS.fullmatch(address) or (_WEB_ADDRESS.fullmatch(plain) and is_private(_host(plain))):
            if not own:
                yield (
                    f"{address!r} is of this machine or of a private network; name it in a table of your own "
                    "(`fetch → sources`), or the folder of your files in `fetch → local_path`."
                )
        elif not (HUB_ADDRESS.fullmatch(address) or _WEB_ADDRESS.fullmatch(plain)):
            yield (
                f"{address!r} is no address; expected http(s)://…, hf://datasets/owner/name@commit/*.parquet, form:… or "
                "file:///…"
            )
    if row["bytes"] and not (row["bytes"].isascii() and row["bytes"].isdigit() and int(row["bytes"]) > 0):
        yield f"`bytes` is {row['bytes']!r}; expected a whole number > 0, or nothing."
    for name, digits in _DIGITS.items():
        if row[name] and not re.fullmatch(f"[0-9a-f]{{{digits}}}", row[name]):
            yield f"`{name}` is {row[name]!r}; expected {digits} digits from 0 to f, or nothing."
    for place in row["places"].split():
        parts = PurePosixPath(place).parts
        if place.startswith("/") or ".." in parts or "fetched" in parts:
            yield f"`places` has {place!r}; expected paths below data/{row['dataset']}, none of them `fetched`."


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:  # brackets around what is no IPv6 address
        return ""


def _plain(path: Path) -> Path:
    """A path in one spelling, relative to the working folder; links are not followed."""
    return Path(os.path.relpath(path))
