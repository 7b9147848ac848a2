"""What each word of a caption tells a text-to-image diffusion model about each pixel of an image, in nats.

import infodecomp

explainer = infodecomp.Explainer(pipe)  # a diffusers pipeline, a folder or a Hub id
e = explainer(image, "a blue dog below a brown robot")
e["dog"].cmi.total, e["dog"].cmi.interval(0.95), e["dog"].cmi.map
e.pair("dog", "robot").redundancy, e.without("dog").correlation()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infodecomp.explain import Explainer as Explainer
    from infodecomp.explaining.comparison import Comparison as Comparison
    from infodecomp.explaining.comparison import compare as compare
    from infodecomp.explaining.doubts import ExplanationWarning as ExplanationWarning
    from infodecomp.explaining.edit import Agreement as Agreement
    from infodecomp.explaining.edit import Edit as Edit
    from infodecomp.explaining.explanation import Explanation as Explanation
    from infodecomp.explaining.explanation import Quantity as Quantity
    from infodecomp.explaining.explanation import Span as Span
    from infodecomp.explaining.explanation import WordExplanation as WordExplanation
    from infodecomp.explaining.options import Options as Options
    from infodecomp.explaining.word_pair import PairParts as PairParts
    from infodecomp.explaining.word_pair import WordPair as WordPair
    from infodecomp.runs.errors import InputError as InputError

__version__ = "0.1.0"

# Public name → its module, imported when the name is first used: torch takes seconds.
_MODULES = {
    "Agreement": "infodecomp.explaining.edit",
    "Comparison": "infodecomp.explaining.comparison",
    "Edit": "infodecomp.explaining.edit",
    "Explainer": "infodecomp.explain",
    "Explanation": "infodecomp.explaining.explanation",
    "ExplanationWarning": "infodecomp.explaining.doubts",
    "InputError": "infodecomp.runs.errors",
    "Options": "infodecomp.explaining.options",
    "PairParts": "infodecomp.explaining.word_pair",
    "Quantity": "infodecomp.explaining.explanation",
    "Span": "infodecomp.explaining.explanation",
    "WordExplanation": "infodecomp.explaining.explanation",
    "WordPair": "infodecomp.explaining.word_pair",
    "compare": "infodecomp.explaining.comparison",
}

__all__ = [
    "Agreement",
    "Comparison",
    "Edit",
    "Explainer",
    "Explanation",
    "ExplanationWarning",
    "InputError",
    "Options",
    "PairParts",
    "Quantity",
    "Span",
    "WordExplanation",
    "WordPair",
    "__version__",
    "compare",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'infodecomp' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
