"""A checked configuration with the keys that follow from others."""

from __future__ import annotations

from infodecomp.config.generated import with_generated
from infodecomp.config.section import Section
from infodecomp.config.study import Config


def settled(config: Config) -> Config:
    """The configuration with `statistics` in every section that has intervals, and the place of generated images."""
    updates = {}
    for name in Config.model_fields:
        section = getattr(config, name)
        if isinstance(section, Section) and section is not config.statistics:
            values = {key: value for key, value in config.statistics if key in type(section).model_fields}
            updates[name] = section.model_copy(update=values)
    return with_generated(config.model_copy(update=updates))
