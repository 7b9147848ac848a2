"""What each word of a caption tells a text-to-image diffusion model about each pixel of an image, in nats.

import infodecomp

explainer = infodecomp.Explainer(pipe)  # a diffusers pipeline, a folder or a Hub id
e = explainer(image, "a blue dog below a brown robot")
e["dog"].cmi.total, e["dog"].cmi.interval(0.95), e["dog"].cmi.map
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infodecomp.explain import Explainer as Explainer
    from infodecomp.explaining.doubts import ExplanationWarning as ExplanationWarning
    from infodecomp.explaining.explanation import Explanation as Explanation
    from infodecomp.explaining.explanation import Quantity as Quantity
    from infodecomp.explaining.explanation import Span as Span
    from infodecomp.explaining.explanation import WordExplanation as WordExplanation
    from infodecomp.runs.errors import InputError as InputError

__version__ = "0.1.0"

# Public name → its module, imported when the name is first used: torch takes seconds.
_MODULES = {
    "Explainer": "infodecomp.explain",
    "Explanation": "infodecomp.explaining.explanation",
    "ExplanationWarning": "infodecomp.explaining.doubts",
    "InputError": "infodecomp.runs.errors",
    "Quantity": "infodecomp.explaining.explanation",
    "Span": "infodecomp.explaining.explanation",
    "WordExplanation": "infodecomp.explaining.explanation",
}

__all__ = [
    "Explainer",
    "Explanation",
    "ExplanationWarning",
    "InputError",
    "Quantity",
    "Span",
    "WordExplanation",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'infodecomp' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
