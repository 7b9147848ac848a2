"""The site of the documentation: built without warnings, with every page, and without anything from other servers."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

import infodecomp

# What a page loads by itself; links that a reader may follow are others.
_LOADED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "link": "href"}


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("mkdocs", "material", "mkdocs_jupyter", "mkdocstrings_handlers"):
        if importlib.util.find_spec(name) is None:
            pytest.skip("needs the extra `docs`: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=repository, env=quiet, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    return folder


class Loaded(HTMLParser):
    """Collects the addresses that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get(_LOADED.get(tag, ""))
        if address and given.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(address)


def loaded(site: Path) -> Iterator[tuple[Path, str]]:
    for page in sorted(site.rglob("*.html")):
        parser = Loaded()
        parser.feed(page.read_text(encoding="utf-8"))
        yield from ((page, address) for address in parser.addresses)


def test_it_has_every_page(site: Path, repository: Path) -> None:
    for path in [
        repository / "README.md",
        *(repository / "docs").rglob("*.md"),
        *(repository / "docs").rglob("*.ipynb"),
    ]:
        place = path.relative_to(repository).with_suffix(".html")
        page = place.with_name("index.html") if place.stem == "README" else place
        assert (site / page).is_file(), f"{path} has no page"


def test_pages_load_what_is_there_and_nothing_else(site: Path) -> None:
    """No other server is asked when a page is read."""
    found = list(loaded(site))
    assert len(found) > 100
    for page, address in found:
        if address.startswith("data:"):
            continue
        assert not re.match(r"(https?:)?//", address), f"{page.relative_to(site)} loads {address}"
        start = site if address.startswith("/") else page.parent
        target = start / re.split(r"[?#]", address.lstrip("/"))[0]
        assert target.exists(), f"{page.relative_to(site)} loads {address}, which is missing"


def test_the_reference_describes_every_public_name(site: Path) -> None:
    text = (site / "docs" / "api.html").read_text(encoding="utf-8")
    for name in infodecomp.__all__:
        assert name == "__version__" or f'id="infodecomp.{name}"' in text, f"docs/api.md lacks {name}"
    call = text[text.index('id="infodecomp.Explainer.__call__"') : text.index('id="infodecomp.Explainer.map"')]
    for option in infodecomp.Options.__annotations__:
        assert re.search(rf"<code>{option}</code>(?:(?!</tr>).)*<p>[\w(]", call, re.DOTALL), (
            f"{option} has no description"
        )


def test_examples_are_code(site: Path) -> None:
    """Not quotations of quotations of quotations, as Markdown reads `>>>`."""
    text = (site / "docs" / "api.html").read_text(encoding="utf-8")
    assert text.count('<span class="gp">') >= 4 and "<blockquote>" not in text
