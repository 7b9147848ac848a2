"""The models that configurations name: config.yaml and the overlays in reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infodecomp.runs.shipped import checkout_in_use

BASE = "config.yaml"
_SECTIONS = ("model", "clip")


@dataclass(frozen=True)
class ConfiguredModel:
    """A model that a file names: by its folder or Hub id, and, for the Hub, its revision (empty: the newest) and variant."""

    where: str
    id: str
    revision: str = ""
    variant: str = ""

    @property
    def file(self) -> str:
        """The configuration that names it."""
        return self.where.partition(" → ")[0]


def configured() -> Iterator[ConfiguredModel]:
    """Those of config.yaml, then of each overlay in config/ and in the working folder; LoRAs count as models."""
    base: Mapping[str, Any] = {}
    for name, path in _configurations().items():
        content = _read(path)
        base = content if name == BASE else base
        for key, section in _sections(content):
            whole = {**_section(base, key), **section}
            if {"id", "revision", "variant"} & section.keys() and whole.get("id"):
                values = (str(whole.get(part) or "") for part in ("id", "revision", "variant"))
                yield ConfiguredModel(f"{name} → {key}", *values)
            if section.get("lora"):
                yield ConfiguredModel(f"{name} → {key} → lora", str(section["lora"]))


def _configurations() -> dict[str, Path]:
    """Name, as `--configfile` takes it, → file: those of the checkout, config.yaml first, and of the working folder."""
    checkout = checkout_in_use()
    places = [(checkout, BASE), (checkout, "config/*.yaml"), (checkout, "config/models/*.yaml")] if checkout else []
    places += [(Path.cwd(), "*.yaml"), (Path.cwd(), "config/*.yaml")]
    found = dict[str, Path]()
    for root, pattern in places:
        for path in sorted(root.glob(pattern)):
            found.setdefault(path.relative_to(root).as_posix(), path)
    return found


def _sections(content: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """`model`, `clip`, and the second models by their methods, that a configuration sets."""
    yield from ((key, _section(content, key)) for key in _SECTIONS)
    seconds = content.get("models")
    for name in seconds if isinstance(seconds, Mapping) else ():
        yield f"models → {name}", _section(content, f"models → {name}")


def _section(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A section by its path, empty if the configuration has none."""
    found: Any = content
    for part in key.split(" → "):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _read(path: Path) -> Mapping[str, Any]:
    """The values of a YAML file; none if it is something else: the working folder may hold any."""
    try:
        content = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, yaml.YAMLError):
        return {}
    return content if isinstance(content, Mapping) else {}
