"""The wheel: the package under its own name, complete, and light to import."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

MADE = ("__pycache__", "*.pyc", "*.egg-info")


@pytest.fixture(scope="module")
def unpacked(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contents of the wheel, outside the checkout."""
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("needs setuptools, which builds the wheel")
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repository / name, source / name)
    shutil.copytree(repository / "pipeline", source / "pipeline", ignore=shutil.ignore_patterns(*MADE))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    built = subprocess.run([*pip, "--wheel-dir", str(folder), str(source)], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("infodecomp-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site-packages")
    return folder / "site-packages"


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


def _python(site_packages: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code where the checkout is not the working folder and the wheel is the first package found."""
    environment = {**os.environ, "PYTHONPATH": str(site_packages)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=site_packages.parent, env=environment, capture_output=True, text=True
    )
