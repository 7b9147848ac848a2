"""Keys that have moved: their old places, and where to write them now."""

from __future__ import annotations

MOVED: dict[tuple[str, ...], tuple[str, ...]] = {
    **{
        (section, key): ("statistics", key)
        for section in ("localisation", "retrieval", "editing", "partial_information", "faithfulness")
        for key in ("bootstrap", "confidence")
    },
    ("validation", "confidence"): ("statistics", "confidence"),
}
