"""Files that come with the project: models, lists and tables, found wherever a study or a command runs."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def is_checkout(folder: Path) -> bool:
    """Whether a folder holds the workflow and the package."""
    return (folder / "Snakefile").is_file() and (folder / "pipeline" / "infodecomp").is_dir()


# The checkout in which the package lies; None for an installed package.
CHECKOUT = PACKAGE.parents[1] if is_checkout(PACKAGE.parents[1]) else None
# Below it the files lie. An installed package carries a part of them: `infodecomp/data/models/scenes`.
ROOT = CHECKOUT or PACKAGE
# Nothing else: what a study draws or fetches below data/ belongs to the folder in which it runs.
SHIPPED = (
    "data/examples",
    "data/models",
    "data/photos",
    "data/reference",
    "data/sources.csv",
    "pipeline/infodecomp",
)


def checkout_in_use() -> Path | None:
    """The checkout that is the working folder, or else the one in which the package lies."""
    here = Path.cwd()
    return here if is_checkout(here) else CHECKOUT


def shipped(path: str | Path) -> Path:
    """A path relative to the working folder, or, where that has no such file, the file of that name that was shipped.

    The configuration and all records name the file as it was given, so that a study says the same wherever it runs.
    """
    given = Path(path)
    beside = ROOT / given
    if given.exists() or given.is_absolute() or not any(given.is_relative_to(place) for place in SHIPPED):
        return given
    return beside if beside.exists() else given
