"""How good the embedded model is, on scenes that it never saw: the numbers of its model card.

Every number follows from i^s, i^o and attention as the study computes them; all prompts of a scene share one run of the
estimator. Backgrounds, categories and tints of scenes are independent, so the background carries no information about them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import Problem, Row, estimate_many
from infodecomp.estimator.interval import integration_interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.models.attention import Tap, word_map
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.seeds import generator
from infodecomp.scenes.captions import noun_words, tint_words, with_article
from infodecomp.scenes.drawing import draw_scene
from infodecomp.scenes.model import SCALING
from infodecomp.scenes.swaps import noun_swap, plain_caption
from infodecomp.scenes.world import Scene, sample_scene, scene_rng
from infodecomp.words.occurrences import find_word, remove_word, word_token_positions

BOUND_SCENES = 20_000


@dataclass(frozen=True)
class NamedThing:
    """One object of a probe: its category, mask (64, 64) and the prompts that ask for it."""

    category: str
    mask: np.ndarray
    context: str


@dataclass(frozen=True)
class Probe:
    """A scene with the caption and the changed captions that are put to the model. Empty string: does not apply."""

    number: int
    scene: Scene
    picture: np.ndarray
    caption: str
    things: tuple[NamedThing, ...]
    noun_swap: str
    plain: str  # the relation between bare nouns; with tints, tints alone would tell which noun is where
    relation_swap: str
    attribute_swap: str
    tint: str

    @property
    def prompts(self) -> list[str]:
        """All distinct prompts of the scene."""
        words = [thing.category for thing in self.things]
        contexts = [thing.context for thing in self.things]
        changed = [p for p in (self.noun_swap, self.plain, self.relation_swap, self.attribute_swap, self.tint) if p]
        return list(dict.fromkeys(["", self.caption, *words, *contexts, *changed]))


@dataclass
class Finding:
    """What the model said about one probe; nats. Maps are float (16, 16)."""

    probe: Probe
    mi: list[np.ndarray] = field(default_factory=list)
    cmi: list[np.ndarray] = field(default_factory=list)
    attention: list[np.ndarray] = field(default_factory=list)
    mi_standard: list[float] = field(default_factory=list)
    cmi_orthogonal: list[float] = field(default_factory=list)
    mi_orthogonal: list[float] = field(default_factory=list)
    swaps: dict[str, float] = field(default_factory=dict)
    tint_standard: float = math.nan


def build_probes(seed: int, count: int) -> Iterator[Probe]:
    """Held-out scenes of one object and of two different objects, in turn."""
    for number in range(count):
        rng = scene_rng(seed, "evaluation", number)
        scene = sample_scene(rng, kind="one" if number % 3 == 0 else "pair")
        picture, masks = draw_scene(scene)
        caption = plain_caption(scene)
        things = tuple(
            NamedThing(thing.category, mask, remove_word(caption, thing.category, "word"))
            for thing, mask in zip(scene.things, masks, strict=True)
        )
        tints = tint_words(scene)
        yield Probe(
            number=number,
            scene=scene,
            picture=picture,
            caption=caption,
            things=things,
            noun_swap=noun_swap(scene),
            plain=plain_caption(scene, adjective=False) if scene.relation else "",
            relation_swap=plain_caption(scene, adjective=False, invert=True) if scene.relation else "",
            attribute_swap=_attribute_swap(scene),
            tint=tints[0] if scene.kind == "one" and tints else "",
        )


def _attribute_swap(scene: Scene) -> str:
    if scene.kind != "pair":
        return ""
    first, second = scene.things
    if first.tint is None or second.tint is None or first.tint == second.tint:
        return ""
    return (
        f"{with_article(f'{second.tint} {first.category}')} {scene.relation} "
        f"{with_article(f'{first.tint} {second.category}')}"
    )


def investigate(
    model: LatentDiffusion, probes: Sequence[Probe], *, seed: int, draws: int, batch_size: int
) -> Iterator[Finding]:
    """Put every probe to the model: one run of the estimator a scene, attention recorded in the caption's calls."""
    centre = centre_of_information(float(model.pipeline.vae.config.scaling_factor))
    interval = integration_interval(
        loc=centre, scale=2.0, clip=3.0, trained=model.logsnr_range, beyond_trained_range=False
    )
    problems = []
    for probe in probes:
        sampled = sample_draws(
            shape=model.latent_shape,
            steps=[draws],
            density="logistic",
            design="stratified",
            antithetic_eps=True,
            interval=interval,
            rng=generator(seed, probe.number, "evaluation"),
        )
        conditions = dict(zip(probe.prompts, model.encode_prompts(probe.prompts), strict=True))
        latent = model.encode_image(Image.fromarray(probe.picture))
        problems.append(Problem(latent, conditions, _pairs(probe), sampled))
    with model.recording() as recorder:

        def tap(rows: Sequence[Row]) -> None:
            recorder.expect(
                [
                    Tap(k, row.problem, range(len(model.token_offsets(row.prompt))))
                    for k, row in enumerate(rows)
                    if row.prompt == probes[row.problem].caption
                ]
            )

        for number, estimated in enumerate(estimate_many(model, problems, batch_size, tap)):
            finding = _finding(probes[number], estimated)
            recorded = recorder.pop(number)
            offsets = model.token_offsets(finding.probe.caption)
            for thing in finding.probe.things:
                spans = find_word(finding.probe.caption, thing.category)
                tokens = word_token_positions(offsets, spans)[0]
                finding.attention.append(word_map(recorded, tokens, model.latent_shape[1:]))
            yield finding


def centre_of_information(scaling: float) -> float:
    """The log-SNR around which words of a scene carry most information, for latents of a scale.

    1 for the embedded U-Net's. Latents that are k times larger show through noise as well at a log-SNR lower by 2 ln k.

    >>> round(centre_of_information(2.0), 2)
    -2.22
    """
    return 1.0 - 2 * math.log(scaling / SCALING)


def _pairs(probe: Probe) -> list[tuple[str, str]]:
    pairs = [("", thing.category) for thing in probe.things]
    pairs += [(thing.context, probe.caption) for thing in probe.things]
    pairs += [(changed, true) for changed, true in _swaps(probe).values()]
    return pairs + ([("", probe.tint)] if probe.tint else [])


def _swaps(probe: Probe) -> dict[str, tuple[str, str]]:
    """The (changed, true) prompts of each kind of swap that the probe allows."""
    swaps = {
        "noun": (probe.noun_swap, probe.caption),
        "relation": (probe.relation_swap, probe.plain),
        "attribute": (probe.attribute_swap, probe.caption),
    }
    return {name: pair for name, pair in swaps.items() if pair[0]}


def _finding(probe: Probe, estimated: Estimate) -> Finding:
    finding = Finding(probe)
    for thing in probe.things:
        mi, cmi = ("", thing.category), (thing.context, probe.caption)
        finding.mi.append(estimated.orthogonal[mi].map)
        finding.cmi.append(estimated.orthogonal[cmi].map)
        finding.mi_standard.append(estimated.standard[mi].total)
        finding.mi_orthogonal.append(estimated.orthogonal[mi].total)
        finding.cmi_orthogonal.append(estimated.orthogonal[cmi].total)
    for name, pair in _swaps(probe).items():
        finding.swaps[name] = estimated.standard[pair].total
    if probe.tint:
        finding.tint_standard = estimated.standard["", probe.tint].total
    return finding


def information_bounds(seed: int) -> dict[str, float]:
    """−ln p(y) of each bare noun and tint, relative to how often they are drawn when they hold; nats.

    With q(y|x) the chance that a prompt of this form is y for scene x, i(x; y) = ln q(y|x)/E_x[q(y|x)], which is largest
    where q(y|x) is.
    """
    mass: dict[str, float] = {}
    for number in range(BOUND_SCENES):
        scene = sample_scene(scene_rng(seed, "validation", number))
        for words in (noun_words(scene), tint_words(scene)):
            for word in words:
                mass[word] = mass.get(word, 0.0) + 1 / len(words) / BOUND_SCENES
    return {word: -math.log(chance) for word, chance in mass.items()}
