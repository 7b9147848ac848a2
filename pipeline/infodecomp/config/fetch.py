"""Downloads."""

from __future__ import annotations

from pydantic import Field

from infodecomp.config.section import Section


class FetchSection(Section):
    """Where downloads come from; changing this downloads nothing again."""

    sources: str = Field(
        "data/sources.csv", min_length=1, description="table of files: addresses, sizes, hashes and licences"
    )
    local_path: str | None = Field(
        None, min_length=1, description="folder of files you have, linked instead of downloaded if their hashes agree"
    )
