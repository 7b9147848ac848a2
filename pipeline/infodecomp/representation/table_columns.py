"""The columns of the four tables of this chain, in nats unless a comment says otherwise."""

from __future__ import annotations

from collections.abc import Sequence


def _with_interval(names: Sequence[str]) -> dict[str, str]:
    return {f"{name}{suffix}": "float64" for name in names for suffix in ("", "_error", "_low", "_high")}


# A row a model. exact: I(x; z); in_range: what of it lies in the range of log-SNRs. standard, orthogonal: i^s and i^o of the
# model's decoder; exact_…: of the exact denoiser on the same draws, the same where there is no other. null_exact: i^s with
# the exact null. l1: ∫ |integrand of i^s − that of the exact denoiser| dα. rate, divergence: E KL(q(z|x) ‖ p) and
# KL(q(z) ‖ p). mmd: without unit. tc, dtc: total and dual total correlation; …_standard, …_orthogonal: estimated.
INFORMATION_COLUMNS = {
    **{"model": "string", "decoder": "string", "images": "int64", "entropy": "float64"},
    **_with_interval(["exact"]),
    **{"in_range": "float64", "in_range_error": "float64"},
    **_with_interval(["standard", "orthogonal", "exact_standard", "exact_orthogonal"]),
    **_with_interval(["null_exact", "delta_u", "delta_c"]),
    **{"l1": "float64", "map_correlation": "float64"},
    **{"rate": "float64", "divergence": "float64", "mmd": "float64"},
    **_with_interval(["tc", "tc_standard", "tc_orthogonal", "dtc", "dtc_standard", "dtc_orthogonal"]),
    "evaluations": "int64",
}
# A row a model, part and quantity: `alone` for I(x; z_k), `given_rest` for I(x; z_k | z_rest). inside: the share of the map
# of i^o in the box of the object.
DIMENSION_COLUMNS = {
    **{"model": "string", "part": "string", "quantity": "string"},
    **_with_interval(["exact", "standard", "orthogonal", "exact_standard", "exact_orthogonal"]),
    **{"inside": "float64", "map_correlation": "float64"},
}
# A row a model, factor and part: I(f; z_k), and `all` for I(f; z). entropy: ln n of the factor.
FACTOR_COLUMNS = {
    **{"model": "string", "factor": "string", "entropy": "float64", "part": "string"},
    **_with_interval(["exact"]),
}
# A row a model, curve and bin of log-SNRs: mean integrands, nats per unit of log-SNR. `exact` is the slope of I(x_α; z).
CURVE_COLUMNS = {
    **{"model": "string", "curve": "string", "low": "float64", "high": "float64"},
    **{"value": "float64", "error": "float64"},
}
TABLES = {
    "information": INFORMATION_COLUMNS,
    "by_dimension": DIMENSION_COLUMNS,
    "by_factor": FACTOR_COLUMNS,
    "curves": CURVE_COLUMNS,
}
