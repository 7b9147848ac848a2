from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.errors import InputError

SOURCES = {
    "infodecomp/__init__.py": "",
    "infodecomp/stages/__init__.py": "",
    "infodecomp/stages/score.py": '"""Score."""\nfrom infodecomp import metrics\n',
    "infodecomp/stages/plot.py": "def run():\n    import infodecomp.figures.curve\n",
    "infodecomp/stages/relative.py": "from ..metrics import iou\n",
    "infodecomp/metrics/__init__.py": "from .iou import area\n",
    "infodecomp/metrics/iou.py": "from infodecomp.storage import read\n\n\ndef area(a):\n    return a * 2\n",
    "infodecomp/figures/__init__.py": "",
    "infodecomp/figures/curve.py": "COLOUR = 'blue'\n",
    "infodecomp/storage.py": "import json\n\nfrom infodecomp.config import Config\n\n\ndef read():\n    return json\n",
    "infodecomp/config.py": "class Config:\n    width = 1\n",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def edit(root: Path, name: str, text: str) -> None:
    assert (root / name).read_text() != text
    (root / name).write_text(text)


def digests(root: Path) -> dict[str, str]:
    return {stage: code_digest(f"infodecomp.stages.{stage}", root) for stage in ("score", "plot", "relative")}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {stage for stage in before if before[stage] != after[stage]}


def test_only_stages_that_import_the_module_change(package: Path) -> None:
    before = digests(package)
    edit(package, "infodecomp/figures/curve.py", "COLOUR = 'orange'\n")
    assert changed(before, digests(package)) == {"plot"}
    before = digests(package)
    edit(package, "infodecomp/storage.py", SOURCES["infodecomp/storage.py"].replace("return json", "return None"))
    assert changed(before, digests(package)) == {"score", "relative"}
    before = digests(package)
    edit(package, "infodecomp/stages/__init__.py", "SETTING = 1\n")
    assert changed(before, digests(package)) == {"score", "plot", "relative"}


def test_comments_docstrings_and_layout_do_not_count(package: Path) -> None:
    before = digests(package)
    text = (
        '"""Now with words."""\n# why\nfrom infodecomp.storage import (\n    read,\n)\n'
        'def area(a):\n    """Twice."""\n    return (a*2)\n'
    )
    edit(package, "infodecomp/metrics/iou.py", text)
    assert digests(package) == before


def test_a_new_import_brings_its_module_in(package: Path) -> None:
    before = code_digest("infodecomp.stages.plot", package)
    edit(package, "infodecomp/figures/curve.py", "import infodecomp.metrics.iou\nCOLOUR = 'blue'\n")
    after = code_digest("infodecomp.stages.plot", package)
    assert before != after
    edit(package, "infodecomp/metrics/iou.py", "def area(a):\n    return a * 3\n")
    assert code_digest("infodecomp.stages.plot", package) not in (before, after)


def test_a_string_that_is_data_counts(package: Path) -> None:
    before = digests(package)
    edit(package, "infodecomp/metrics/iou.py", SOURCES["infodecomp/metrics/iou.py"].replace("a * 2", "'twice'"))
    assert changed(before, digests(package)) == {"score", "relative"}


def test_the_definition_of_the_configuration_does_not_count(package: Path) -> None:
    before = digests(package)
    edit(package, "infodecomp/config.py", "class Config:\n    width = 2\n")
    assert digests(package) == before
    assert code_digest("infodecomp.config", package) != before["score"]


def test_digest_is_short_and_needs_a_source(package: Path) -> None:
    assert re.fullmatch("[0-9a-f]{16}", code_digest("infodecomp.stages.score", package))
    with pytest.raises(InputError, match=r"infodecomp\.stages\.scores has no source"):
        code_digest("infodecomp.stages.scores", package)


def test_the_package_itself_is_read_without_importing_it(repository: Path) -> None:
    program = (
        "import sys; from infodecomp.runs.code_digest import code_digest; code_digest('infodecomp.stages.write_config');"
        "print('infodecomp.config' in sys.modules, 'torch' in sys.modules, 'numpy' in sys.modules)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=repository
    ).stdout
    assert printed.split() == ["False", "False", "False"]


def test_a_look_counts_only_where_something_is_drawn(tmp_path: Path) -> None:
    """Another colour of a method makes no map again; another way to make it does."""
    table = 'ROW = Method("mi", Style("MI", "blue"), made_from=("a",), page=OnPage(letter="m"))\n'
    sources = {
        "infodecomp/__init__.py": "",
        "infodecomp/methods.py": table,
        "infodecomp/maps.py": "from infodecomp.methods import ROW\n",
        "infodecomp/plot.py": "from infodecomp.figures import style\n",
        "infodecomp/figures/__init__.py": "",
        "infodecomp/figures/style.py": "from infodecomp.methods import ROW\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def digests() -> tuple[str, str]:
        return code_digest("infodecomp.maps", tmp_path), code_digest("infodecomp.plot", tmp_path)

    before = digests()
    edit(tmp_path, "infodecomp/methods.py", table.replace("blue", "black").replace('"m"', '"x"'))
    other_look = digests()
    assert other_look[0] == before[0] and other_look[1] != before[1]
    edit(tmp_path, "infodecomp/methods.py", table.replace('"a"', '"b"'))
    other_map = digests()
    assert other_map[0] != before[0] and other_map[1] != before[1]
