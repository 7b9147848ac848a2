"""What rules pass to stages, for tests that call a stage by itself."""

from __future__ import annotations

from typing import Any

from infodecomp.config import Config, section_json, settings_of


def settings(stage: str, name: str | None = None, **sections: Any) -> str:
    """The settings of a stage as JSON, of a study with these sections; name: the dataset that the stage works on."""
    return section_json(settings_of(stage, Config(**sections), name))
