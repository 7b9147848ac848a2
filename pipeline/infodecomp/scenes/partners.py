"""Which category takes the place of which when a word of the embedded scenes is swapped."""

from __future__ import annotations

from infodecomp.words.swaps import SWAPS

# The paper's pairs, in which a chair stands in for the table, which has no emoji.
SCENE_SWAPS = tuple(("bed", "chair") if "bed" in pair else pair for pair in SWAPS)
