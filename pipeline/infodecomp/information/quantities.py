"""What is estimated of a case: the names of its information integrals."""

from __future__ import annotations

# mi: i(x; y*), the word alone. cmi: i(x; y*|c), the word given the rest of its caption.
METHODS = ("mi", "cmi")
# The two estimators of Eq. 6.
KINDS = ("standard", "orthogonal")
INTEGRALS = tuple(f"{method}_{kind}" for method in METHODS for kind in KINDS)
# The negative log likelihood of the image given the whole caption.
LIKELIHOOD = "nll_full"
