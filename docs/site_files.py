"""A hook of mkdocs: the site has the pages of the whole repository, each at its own path, with every file that they link to.

mkdocs takes its pages from docs/ alone and would break links to README.md or config/README.md. Here the paths of pages are
those of the repository, so that a relative link leads to the same page on the forge and on the site.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
# By name where other files may lie: data/ also holds what was downloaded, and editors leave copies.
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "config/README.md",
    "data/README.md",
    "data/*/README.md",
    "docs/*.md",
    "docs/notes/*.md",
    "docs/notebooks/*.ipynb",
)
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_LINK = re.compile(r'\]\(([^)\s#]+)[^)]*\)|<img src="([^"]+)"')
# Badges come from other servers, and name pages of the forge.
_BADGE = re.compile(r"^\[?!\[[^\]]*\]\((?:https://img\.shields\.io|\.\./\.\./actions)[^\n]*\n", re.MULTILINE)


@event_priority(100)  # before the plugins that look for their own kinds of pages
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages, and whatever they link to."""
    pages = sorted(path for pattern in PAGES for path in ROOT.glob(pattern))
    linked = {target for page in pages for target in _linked(page)}
    return Files(
        [
            *(file for file in files if not Path(file.abs_src_path or "").is_relative_to(ROOT / "docs")),
            *(_file(path, config) for path in [*pages, *sorted(linked.difference(pages))]),
        ]
    )


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A page without badges."""
    return _BADGE.sub("", markdown)


def _linked(page: Path) -> set[Path]:
    """Files of the repository that a page links to."""
    text = _BADGE.sub("", _CODE.sub("", page.read_text(encoding="utf-8")))
    links = [link or picture for link, picture in _LINK.findall(text)]
    targets = {(page.parent / link).resolve() for link in links if ":" not in link}
    return {path for path in targets if path.is_file() and path.is_relative_to(ROOT)}


def _file(path: Path, config: MkDocsConfig) -> File:
    return File(path.relative_to(ROOT).as_posix(), str(ROOT), config.site_dir, config.use_directory_urls)
