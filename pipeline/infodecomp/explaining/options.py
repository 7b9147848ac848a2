"""What a user may choose about an explanation: every option with its type, meaning and default, stated here alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar, get_type_hints

from infodecomp.config import InformationSection
from infodecomp.explaining.caption_spans import Asked
from infodecomp.explaining.given_pictures import Fit
from infodecomp.explaining.measured import METHODS
from infodecomp.runs.errors import InputError

Call = TypeVar("Call", bound=Callable[..., Any])


class Options(TypedDict, total=False):
    """The keyword arguments of `Explainer.__call__`, `Explainer.map` and `Explainer.generate`.

    words: those to explain: words or phrases (all their places), ("dog", 1) for a place, (start, end) for characters; None:
        every word. Each place is a word by itself, and its context the caption without this place.
    draws: (α, ε) of a picture, an even number; 2 + 2·words evaluations each, equal prompts once. Default 100.
    seed: of the draws, and of the noise that `generate` begins with. Default 0.
    methods: of "cmi", "mi", "attention_information" (these three are the default), "attention", "gradient", and
        "attention_output", of models whose image and text attend to each other.
    target_error: stop at draws/2, draws/4, … once every map of a word has this mean standard error, relative to its range.
    fit: how a picture becomes square: "squeeze" (the default), "letterbox" or "crop".
    image_id: with the seed, names the draws, as in a study; None: the picture's pixels do.
    information: all settings of the estimator, as the section `information` of a study has them; in place of `draws` and
        `target_error`.
    pilot: the density.json of a study whose density is adaptive.
    progress: a bar on stderr; None: if that is a terminal or a notebook.
    """

    words: Sequence[Asked] | None
    draws: int
    seed: int
    methods: Sequence[str]
    target_error: float | None
    fit: Fit
    image_id: str | None
    information: InformationSection | None
    pilot: Path | None
    progress: bool | None


DEFAULTS = Options(
    words=None,
    draws=100,
    seed=0,
    methods=METHODS,
    target_error=None,
    fit="squeeze",
    image_id=None,
    information=None,
    pilot=None,
    progress=None,
)


def chosen(options: Options) -> Options:
    """All options: those given and the defaults of the others.

    Raises TypeError for one that does not exist, and InputError for a seed that is no whole number from 0.

    >>> chosen({"draws": 50})["draws"], chosen({})["draws"]
    (50, 100)
    """
    for name in options:
        if name not in DEFAULTS:
            raise TypeError(f"unexpected keyword argument {name!r}; allowed are {', '.join(DEFAULTS)}")
    every: Options = {**DEFAULTS, **options}
    seed = every["seed"]
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise InputError(f"seed is {seed!r}; allowed are whole numbers from 0.")
    return every


def parted(options: Mapping[str, Any]) -> tuple[Options, dict[str, Any]]:
    """The options of an explanation, and all other keyword arguments.

    >>> parted({"draws": 50, "guidance_scale": 3.0})
    ({'draws': 50}, {'guidance_scale': 3.0})
    """
    ours: Options = {}
    ours.update({name: value for name, value in options.items() if name in DEFAULTS})  # type: ignore[typeddict-item]
    return ours, {name: value for name, value in options.items() if name not in DEFAULTS}


def shows_options(call: Call) -> Call:
    """Spell the options out in the signature that `help` and notebooks show; type checkers read them from `Options`.

    A call with untyped `**options` has others besides.
    """
    signature = inspect.signature(call)
    *named, last = signature.parameters.values()
    kinds = get_type_hints(Options)
    spelled = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kinds[name])
        for name, default in DEFAULTS.items()
    ]
    others = [last] if last.annotation == "Any" else []
    call.__signature__ = signature.replace(parameters=[*named, *spelled, *others])  # type: ignore[attr-defined]
    return call
