"""The wheel: the package under its own name, complete, light to import, and with the embedded model in it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

MADE = ("__pycache__", "*.pyc", "*.egg-info")
OWN_DATA = ("coco", "aro", "hub", "training", "*-trained*")
LARGEST = 15_000_000  # bytes
# Of the checkout's data/, what the wheel carries: the embedded model with its records, and an example.
CARRIED = (
    "README.md",
    "examples",
    "models/README.md",
    "models/scenes",
    "models/scenes.sha256",
    "models/scenes-likelihood.json",
)


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as it is for an index: from the source distribution, which has to be complete for that."""
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("needs setuptools, which builds the wheel")
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(repository / name, source / name)
    shutil.copytree(repository / "pipeline", source / "pipeline", ignore=shutil.ignore_patterns(*MADE))
    shutil.copytree(repository / "data", source / "data", ignore=shutil.ignore_patterns(*OWN_DATA))
    packed = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    _done([sys.executable, "-c", packed, str(folder)], source)
    (archive,) = folder.glob("infodecomp-*.tar.gz")
    shutil.unpack_archive(archive, folder, filter="data")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    _done([*pip, "--wheel-dir", str(folder), str(folder / archive.name.removesuffix(".tar.gz"))], folder)
    (built,) = folder.glob("infodecomp-*.whl")
    return built


@pytest.fixture(scope="module")
def unpacked(wheel: Path) -> Path:
    """The contents of the wheel, outside the checkout."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(wheel.parent / "site-packages")
    return wheel.parent / "site-packages"


def _done(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_carries_the_embedded_model_and_an_example(wheel: Path, unpacked: Path, repository: Path) -> None:
    carried = {path.relative_to(unpacked / "infodecomp/data") for path in (unpacked / "infodecomp/data").rglob("*")}
    given = [repository / "data" / name for name in CARRIED]
    files = [path for one in given for path in ([one] if one.is_file() else one.rglob("*")) if path.is_file()]
    names = {path.relative_to(repository / "data") for path in files}
    assert {name for name in carried if (unpacked / "infodecomp/data" / name).is_file()} == names
    for name in names:
        assert (unpacked / "infodecomp/data" / name).read_bytes() == (repository / "data" / name).read_bytes()
    assert wheel.stat().st_size <= LARGEST


def test_it_explains_the_example_outside_of_a_checkout(unpacked: Path, tmp_path: Path) -> None:
    """With the embedded model, whose hashes and likelihoods are found beside it; the files go to the working folder."""
    code = (
        "import sys; from infodecomp.cli import main; from infodecomp.explaining.familiarity import known_range;"
        "from infodecomp.runs.shipped import CHECKOUT, shipped;"
        "print(CHECKOUT, *known_range(shipped('data/models/scenes')));"
        "sys.exit(main(sys.argv[1:]))"
    )
    caption = ["data/examples/scene.png", "a blue dog below a brown robot"]
    done = _python(unpacked, code, ["explain", *caption, "--word", "dog", "--draws", "24"], tmp_path)
    assert done.returncode == 0, done.stderr
    checkout, low, high = done.stdout.splitlines()[0].split()
    assert checkout == "None" and float(low) < float(high)
    assert "loading the embedded model" in done.stderr and "unlike those" not in done.stderr
    assert (tmp_path / "scene-explained" / "explanation.html").is_file()


def test_it_holds_the_whole_package_and_nothing_else(unpacked: Path, repository: Path) -> None:
    top = {path.name for path in unpacked.iterdir()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"infodecomp"}
    package = repository / "pipeline" / "infodecomp"
    own = {path.relative_to(package) for path in package.rglob("*") if path.is_file()}
    expected = {path for path in own if "__pycache__" not in path.parts}
    found = {path.relative_to(unpacked / "infodecomp") for path in (unpacked / "infodecomp").rglob("*")}
    assert expected <= found
    assert {Path("py.typed"), Path("figures/style.mplstyle")} <= found
    assert any(path.parts[:2] == ("report", "assets") for path in found)


def test_it_has_the_command(unpacked: Path) -> None:
    (entry_points,) = unpacked.glob("*.dist-info/entry_points.txt")
    assert "infodecomp = infodecomp.cli:main" in entry_points.read_text(encoding="utf-8")
    done = _python(unpacked, "import sys; from infodecomp.cli import main; sys.exit(main(['--version']))")
    assert done.returncode == 0 and done.stdout.startswith("infodecomp ")


def test_importing_it_takes_no_time_and_no_torch(unpacked: Path) -> None:
    code = (
        "import time; start = time.process_time(); import infodecomp; took = time.process_time() - start;"
        "import sys; print(infodecomp.__file__); print(took); print('torch' in sys.modules, 'pandas' in sys.modules)"
    )
    runs = [_python(unpacked, code) for _ in range(3)]
    assert all(run.returncode == 0 for run in runs), runs[0].stderr
    lines = [run.stdout.splitlines() for run in runs]
    assert {line[0] for line in lines} == {str(unpacked / "infodecomp" / "__init__.py")}
    assert min(float(line[1]) for line in lines) < 0.3
    assert {line[2] for line in lines} == {"False False"}


def _python(
    site_packages: Path, code: str, arguments: Sequence[str] = (), folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run code where the checkout is not the working folder and the wheel is the first package found."""
    environment = {**os.environ, "PYTHONPATH": str(site_packages)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=folder or site_packages.parent, env=environment, capture_output=True, text=True)
