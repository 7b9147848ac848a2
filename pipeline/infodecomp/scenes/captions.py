"""Captions of a scene, and the prompts that the embedded model is trained on.

Captions follow the paper's needs: nouns, colours, implied adjectives, sizes, numbers, verbs, prepositions and
conjunctions, in varied wording. Training prompts also hold words alone, captions with a word missing or replaced by `_`,
and the empty prompt, because mutual information and its conditional form evaluate the model on exactly those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from infodecomp.scenes.world import (
    BACKGROUNDS,
    CATEGORIES,
    IMPLIED,
    NUMBERS,
    RELATIONS,
    TINTS,
    VERB_OF,
    VERBS,
    Scene,
    Thing,
    plural,
)

FUNCTION_WORDS = ("a", "an", "the", "to", "of", "on", "in", "is", "and", "there", "next", "_")
MAX_TOKENS = 18


@dataclass(frozen=True)
class PromptMix:
    """In what proportions training prompts are drawn.

    forms: shares of the forms of prompt. lose_a_word: captions that lose a word. relation: captions of two things that
    say which is where. tinted: those of them that name tints too; where tints tell the things apart, the relation tells
    the model nothing new.
    """

    forms: Mapping[str, float]
    lose_a_word: float
    relation: float
    tinted: float


GENERAL = PromptMix({"empty": 0.15, "noun": 0.13, "word": 0.07, "phrase": 0.10, "caption": 0.55}, 0.28, 0.65, 0.35)
BINDING = PromptMix({"empty": 0.10, "noun": 0.08, "word": 0.02, "phrase": 0.03, "caption": 0.77}, 0.15, 0.95, 0.10)
REFINING = PromptMix({"empty": 0.18, "noun": 0.22, "word": 0.08, "phrase": 0.10, "caption": 0.42}, 0.40, 0.65, 0.35)
SETTLING = PromptMix({"empty": 0.50, "noun": 0.10, "word": 0.04, "phrase": 0.06, "caption": 0.30}, 0.60, 0.65, 0.35)
CONSISTENT = PromptMix({"empty": 0.25, "noun": 0.26, "word": 0.09, "caption": 0.40}, 0.60, 0.65, 0.65)


def vocabulary() -> tuple[str, ...]:
    """Every word that a prompt can hold, each one token of the tokenizer, in a fixed order."""
    words: list[str] = list(FUNCTION_WORDS)
    for category in CATEGORIES:
        words += [*category.split(), plural(category).split()[-1]]
    words += [*TINTS, *IMPLIED.values(), *VERBS, *NUMBERS.values(), "small", "big"]
    words += [word for phrase in BACKGROUNDS.values() for word in phrase.split()]
    words += [word for relation in RELATIONS for word in relation.split()]
    return tuple(dict.fromkeys(words))


def with_article(phrase: str) -> str:
    """`dog` → `a dog`, `elephant` → `an elephant`."""
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def describe(thing: Thing, *, adjective: bool, size: bool = False) -> str:
    """A noun phrase without article: `small red dog`. `adjective` adds the tint, or the implied adjective."""
    words = []
    if size and thing.size_word:
        words.append(thing.size_word)
    if adjective:
        words.append(thing.tint or IMPLIED[thing.category])
    return " ".join([*words, thing.category])


def scene_captions(scene: Scene, rng: np.random.Generator) -> list[str]:
    """Five captions in varied wording and random order. Each names every category of the scene."""
    forms = {"one": _captions_of_one, "pair": _captions_of_pair, "same": _captions_of_same}[scene.kind](scene, rng)
    return [forms[k] for k in rng.permutation(len(forms))]


def _captions_of_one(scene: Scene, rng: np.random.Generator) -> list[str]:
    (thing,) = scene.things
    place = BACKGROUNDS[scene.background]
    verb = VERB_OF[thing.category]
    return [
        f"{with_article(describe(thing, adjective=True))} {place}",
        f"{with_article(describe(thing, adjective=True, size=True))} {verb} {place}",
        f"{with_article(describe(thing, adjective=False, size=True))} {place}",
        f"there is {with_article(describe(thing, adjective=True, size=True))}",
        with_article(describe(thing, adjective=False)),
    ]


def _captions_of_pair(scene: Scene, rng: np.random.Generator) -> list[str]:
    place = BACKGROUNDS[scene.background]
    first, second = scene.things if rng.random() < 0.5 else scene.things[::-1]
    forms = [
        f"{relate(scene, flip=False, adjective=True, rng=rng)} {place}",
        relate(scene, flip=True, adjective=True, rng=rng),
        relate(scene, flip=bool(rng.random() < 0.5), adjective=False, rng=rng),
        f"{with_article(describe(first, adjective=True))} and {with_article(describe(second, adjective=True))} {place}",
        f"{with_article(describe(first, adjective=False))} next to "
        f"{with_article(describe(second, adjective=False))} {place}",
    ]
    if scene.relation in ("left of", "right of"):
        forms[1] = sides(scene, adjective=True, rng=rng)
    return forms


def _captions_of_same(scene: Scene, rng: np.random.Generator) -> list[str]:
    thing = scene.things[0]
    place = BACKGROUNDS[scene.background]
    number = NUMBERS[len(scene.things)]
    colour = thing.tint or IMPLIED[thing.category]
    many = plural(thing.category)
    return [
        f"{number} {colour} {many} {place}",
        f"{number} {many} {place}",
        f"{colour} {many} {place}",
        f"there is {with_article(thing.category)} next to {with_article(thing.category)}",
        f"{number} {many}",
    ]


def relate(scene: Scene, *, flip: bool, adjective: bool, rng: np.random.Generator) -> str:
    """A relation in words; `flip` starts from the second thing and uses the inverse relation."""
    if scene.relation is None:
        raise ValueError(f"a scene of kind '{scene.kind}' has no relation")
    first, second = scene.things
    relation = scene.relation
    if flip:
        first, second, relation = second, first, RELATIONS[relation]
    if relation in ("left of", "right of") and rng.random() < 0.5:
        relation = f"to the {relation}"
    left, right = (with_article(describe(thing, adjective=adjective)) for thing in (first, second))
    return f"{left} {relation} {right}"


def sides(scene: Scene, *, adjective: bool, rng: np.random.Generator) -> str:
    """The form that names the side before the thing: `on the left a dog and on the right a cat`."""
    by_side = dict(zip((scene.relation, RELATIONS[scene.relation or ""]), scene.things, strict=True))
    order = ("left of", "right of") if rng.random() < 0.5 else ("right of", "left of")
    parts = [f"on the {side.split()[0]} {with_article(describe(by_side[side], adjective=adjective))}" for side in order]
    return " and ".join(parts)


def fullest_caption(scene: Scene, rng: np.random.Generator) -> str:
    """The fullest caption of a scene: what, how many, in which colours, how large, which is where, and the place."""
    place, thing = BACKGROUNDS[scene.background], scene.things[0]
    if scene.kind == "pair":
        return f"{relate(scene, flip=False, adjective=True, rng=rng)} {place}"
    if scene.kind == "same":
        colour = thing.tint or IMPLIED[thing.category]
        return f"{NUMBERS[len(scene.things)]} {colour} {plural(thing.category)} {place}"
    return f"{with_article(describe(thing, adjective=True, size=True))} {VERB_OF[thing.category]} {place}"


def noun_words(scene: Scene) -> list[str]:
    """The bare nouns that a prompt may consist of for this scene, each equally likely."""
    if scene.kind == "same":
        return [scene.things[0].category, plural(scene.things[0].category)]
    return list(scene.categories)


def tint_words(scene: Scene) -> list[str]:
    """The colour words that hold for this scene, one for each tinted thing that differs."""
    return list(dict.fromkeys(thing.tint for thing in scene.things if thing.tint))


def training_prompt(scene: Scene, rng: np.random.Generator, mix: PromptMix = GENERAL) -> str:
    """Draw one prompt that is true of the scene, in the proportions of `mix`."""
    form = rng.choice(list(mix.forms), p=list(mix.forms.values()))
    if form == "empty":
        return ""
    if form == "noun":
        return _pick(noun_words(scene), rng)
    if form == "word":
        return _single_word(scene, rng)
    if form == "phrase":
        thing = scene.things[rng.integers(len(scene.things))]
        return with_article(describe(thing, adjective=bool(rng.random() < 0.75), size=bool(rng.random() < 0.3)))
    caption = _training_caption(scene, rng, mix)
    return lose_a_word(caption, scene, rng) if rng.random() < mix.lose_a_word else caption


def _training_caption(scene: Scene, rng: np.random.Generator, mix: PromptMix) -> str:
    """A caption of any wording; pairs lean towards captions that say which thing is where."""
    if scene.kind != "pair" or rng.random() > mix.relation:
        return _pick(scene_captions(scene, rng), rng)
    adjective = bool(rng.random() < mix.tinted)
    if scene.relation in ("left of", "right of") and rng.random() < 0.35:
        return sides(scene, adjective=adjective, rng=rng)
    caption = relate(scene, flip=bool(rng.random() < 0.5), adjective=adjective, rng=rng)
    return f"{caption} {BACKGROUNDS[scene.background]}" if rng.random() < 0.4 else caption


def _single_word(scene: Scene, rng: np.random.Generator) -> str:
    """A word other than a noun that holds for the scene, or its place."""
    words = [BACKGROUNDS[scene.background].split()[-1], BACKGROUNDS[scene.background]]
    words += tint_words(scene)
    words += [IMPLIED[category] for category in scene.categories if category in IMPLIED]
    if scene.kind == "one":
        words += [VERB_OF[scene.things[0].category]]
        words += [scene.things[0].size_word] if scene.things[0].size_word else []
    if scene.kind == "same":
        words += [NUMBERS[len(scene.things)]]
    if scene.relation:
        words += [scene.relation, RELATIONS[scene.relation], "and"]
    return _pick(words, rng)


def lose_a_word(caption: str, scene: Scene, rng: np.random.Generator) -> str:
    """Remove one content word (mostly a noun of the scene), or put `_` in its place; spaces are normalised."""
    nouns = [noun for noun in noun_words(scene) if f" {noun} " in f" {caption} "]
    others = [word for word in caption.split() if word not in FUNCTION_WORDS and not any(word in n for n in nouns)]
    lost = _pick(nouns, rng) if nouns and (rng.random() < 0.6 or not others) else _pick(others or nouns, rng)
    replacement = " _ " if rng.random() < 0.5 else " "
    return " ".join(f" {caption} ".replace(f" {lost} ", replacement, 1).split())


def lose_noun(caption: str, scene: Scene, rng: np.random.Generator) -> str:
    """Take one of the scene's categories out of a caption that names it; spaces are normalised."""
    lost = _pick([category for category in scene.categories if f" {category} " in f" {caption} "], rng)
    return " ".join(f" {caption} ".replace(f" {lost} ", " ", 1).split())


def _pick(options: list[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
