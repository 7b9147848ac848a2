"""Relative links in the documentation lead somewhere, and the version is the same everywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import infodecomp

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "config/*.md", "data/**/*.md", "tests/**/*.md")
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r'\]\(([^)\s]+)\)|<img src="([^"]+)"')
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def links(text: str) -> list[str]:
    """Targets of all links and images outside of code."""
    return [found[0] or found[1] for found in LINK.findall(CODE.sub("", text))]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_relative_links_resolve(page: str) -> None:
    path = ROOT / page
    for link in links(path.read_text(encoding="utf-8")):
        # ../../actions is GitHub's page of workflow runs, relative to the repository.
        if re.match(r"[a-z]+:|\.\./\.\./actions/", link):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), f"{page}: {link} leads nowhere"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{page}: {link} names no heading"


def test_the_index_lists_every_page() -> None:
    listed = set(links((ROOT / "docs" / "index.md").read_text(encoding="utf-8")))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")} - {"index.md"}
    assert pages <= listed, f"docs/index.md does not list {sorted(pages - listed)}"


def test_links_and_anchors_are_found() -> None:
    assert links("[a](x.md#b) ![c](d.png) `[no](e.md)` [![f](g.svg)](h.yml)") == ["x.md#b", "d.png", "g.svg", "h.yml"]
    assert anchors("# A title: with `code`\n\n## Two\n") == {"a-title-with-code", "two"}


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["version"] == infodecomp.__version__ == str(citation["version"])
    assert f"## [{infodecomp.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert project["authors"][0]["name"] == citation["authors"][0]["name"]
