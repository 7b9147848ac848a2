"""An extension of griffe, which reads docstrings for the site: examples are code, entries describe keys."""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"(?:^>>> .*\n?(?:(?!>>>|\n).+\n?)*)+", re.MULTILINE)
# `name: what it is.`, with further lines indented.
_ENTRY = re.compile(r"^(\w+): (.*(?:\n[ \t]+\S.*)*)\n?", re.MULTILINE)


class Docstrings(griffe.Extension):
    """What Markdown would take for quotations and paragraphs is what its writer meant."""

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """The entries of a dictionary with named keys describe them, and so the keyword arguments of calls."""
        if cls.docstring is None or "TypedDict" not in map(str, cls.bases):
            return
        for name, text in _ENTRY.findall(cls.docstring.value):
            if name in cls.members:
                cls.members[name].docstring = griffe.Docstring(" ".join(text.split()), parent=cls.members[name])
        cls.docstring.value = _ENTRY.sub(lambda found: "" if found[1] in cls.members else found[0], cls.docstring.value)

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Put a fence around the examples of each module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(
                lambda found: f"```pycon\n{found[0].rstrip()}\n```\n", obj.docstring.value
            )
