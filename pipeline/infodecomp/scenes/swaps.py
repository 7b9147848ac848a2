"""Captions of a scene that a swap makes false: another noun."""

from __future__ import annotations

from infodecomp.scenes.captions import describe, with_article
from infodecomp.scenes.partners import SCENE_SWAPS
from infodecomp.scenes.world import IMPLIED, RELATIONS, Scene
from infodecomp.words.swaps import swap_partner, swap_word


def plain_caption(scene: Scene, *, adjective: bool = True, invert: bool = False) -> str:
    """The things of a scene of one or two, with the relation between them; `invert` states the inverse relation."""
    phrases = [with_article(describe(thing, adjective=adjective)) for thing in scene.things]
    relation = RELATIONS[scene.relation] if invert and scene.relation else scene.relation
    return f" {relation} ".join(phrases)


def noun_swap(scene: Scene) -> str:
    """`plain_caption` with the first noun swapped, or "".

    There is none where the picture holds the other noun, or where an adjective tells them apart.
    """
    first, *others = scene.things
    partner = swap_partner(first.category, SCENE_SWAPS)
    if first.tint is None or partner in IMPLIED or any(other.category == partner for other in others):
        return ""
    return swap_word(plain_caption(scene), first.category, SCENE_SWAPS) or ""
