"""What pyproject.toml cannot say: the package carries files of data/, which the repository holds once, outside of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from setuptools import Command, setup
from setuptools.command.build import build

# The embedded model, its hashes, likelihoods and card, and a scene to explain: infodecomp.runs.shipped finds them.
CARRIED = (
    "data/README.md",
    "data/examples",
    "data/models/README.md",
    "data/models/scenes",
    "data/models/scenes.sha256",
    "data/models/scenes-likelihood.json",
)


def carried_files() -> Iterator[Path]:
    """The files, relative to the checkout."""
    for place in map(Path, CARRIED):
        if not place.exists():
            raise FileNotFoundError(f"{place}: the package carries this file of the checkout, which is missing")
        yield from sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]


class BuildData(Command):
    """Copy the files to `infodecomp/data/`. An editable installation needs no copy: the package lies in the checkout."""

    description = "copy what the package carries of data/"
    editable_mode = False

    def initialize_options(self) -> None:
        self.build_lib: str | None = None

    def finalize_options(self) -> None:
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self) -> None:
        for target, source in self.get_output_mapping().items():
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def get_source_files(self) -> list[str]:
        """What a source distribution has to hold."""
        return [path.as_posix() for path in carried_files()]

    def get_outputs(self) -> list[str]:
        return list(self.get_output_mapping())

    def get_output_mapping(self) -> dict[str, str]:
        if self.editable_mode:
            return {}
        package = Path(str(self.build_lib)) / "infodecomp"
        return {str(package / path): str(path) for path in carried_files()}


class Build(build):
    """The usual steps, then the files of data/."""

    sub_commands = [*build.sub_commands, ("build_data", None)]  # noqa: RUF012, the base class says it so


setup(cmdclass={"build": Build, "build_data": BuildData})
