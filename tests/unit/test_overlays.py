"""Overlays that are programs are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from infodecomp.config.overlays import refuse_code
from infodecomp.runs.errors import InputError


@pytest.mark.parametrize(
    "text",
    [
        "__use_yte__: true\nseed: ?1 + 1\n",
        "seed: 1\n__use_yte__: yes\n",
        '{"__use_yte__": true}',
        '"\\x5f_use_yte__": 1\n',
        "'__use_yte__': anything\n",
    ],
)
def test_a_program_is_refused(tmp_path: Path, text: str) -> None:
    values, program = tmp_path / "values.yaml", tmp_path / "program.yaml"
    values.write_text("seed: 1\n", encoding="utf-8")
    program.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"program\.yaml: `__use_yte__` makes an overlay a program.* remove the key"):
        refuse_code([values, program])


@pytest.mark.parametrize(
    "text",
    [
        "seed: 1\n",
        "__use_yte__: false\nseed: ?1\n",
        "# __use_yte__: true\nseed: 1\n",
        "study: __use_yte__\n",
        "",
        "[1]\n",
        "a: [\n",
    ],
)
def test_values_are_not(tmp_path: Path, text: str) -> None:
    overlay = tmp_path / "values.yaml"
    overlay.write_text(text, encoding="utf-8")
    refuse_code([overlay, tmp_path / "missing.yaml"])


def test_the_overlays_that_ship_are_values(repository: Path) -> None:
    overlays = [
        repository / "config.yaml",
        *(repository / "config").rglob("*.yaml"),
        *(repository / "profiles").rglob("*.yaml"),
    ]
    assert len(overlays) > 5
    refuse_code([*overlays, repository / "config.yaml"])
