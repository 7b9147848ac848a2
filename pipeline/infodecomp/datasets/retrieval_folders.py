"""The files of a retrieval dataset: its captions and its images."""

from __future__ import annotations

from pathlib import Path

from infodecomp.config import RetrievalSource
from infodecomp.datasets.folders import paths_start_from
from infodecomp.runs.errors import InputError


def is_mirror(section: RetrievalSource) -> bool:
    """Whether captions and images come together, from Parquet."""
    return section.file.endswith(".parquet")


def retrieval_image_folder(section: RetrievalSource, dataset_results: Path) -> Path:
    """The folder that `image_path` of a case is relative to.

    For JSON it is `images` of the section. The images of a Parquet mirror are written to `images` below
    `dataset_results`, which is results/<study>/<dataset>. Raises InputError if a JSON comes without `images`.
    """
    if is_mirror(section):
        return dataset_results / "images"
    if section.images is None:
        raise InputError(
            f"the retrieval dataset of {section.file} has no `images`: name the folder of its images there."
        )
    return Path(section.images)


def retrieval_input_files(section: RetrievalSource) -> list[Path]:
    """The files that the cases of a dataset are made from; they need not exist.

    It is `file`. Mirrors are often cut into several tables: the name of a Parquet file may hold a `*`, which then stands for
    all that match, in the order of their names.
    """
    path = Path(section.file)
    return (sorted(path.parent.glob(path.name)) if "*" in path.name else []) or [path]


def require_retrieval_files(section: RetrievalSource) -> None:
    """Raise one InputError that names every missing file or folder and says what to put where."""
    needed = retrieval_input_files(section)
    if not is_mirror(section):
        needed.append(retrieval_image_folder(section, Path()))
    missing = [str(path) for path in needed if not path.exists()]
    if missing:
        raise InputError(
            f"missing: {', '.join(missing)}; `file` must name ARO's JSON, with the folder of its images as `images`, or a "
            f"Parquet mirror with the images inside (docs/aro.md names their sources){paths_start_from(missing)}."
        )
