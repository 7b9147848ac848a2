"""Keys that have moved: their old places, and where to write them now."""

from __future__ import annotations

Path = tuple[str, ...]


def _below(section: str, *, into: str, keys: str) -> dict[Path, Path]:
    """Keys of a section that are in a subsection now."""
    old, new = tuple(section.split(".")), tuple(into.split("."))
    return {(*old, key): (*new, key) for key in keys.split()}


MOVED: dict[Path, Path] = {
    **_below("localisation", into="statistics", keys="bootstrap confidence"),
    **_below("retrieval", into="statistics", keys="bootstrap confidence"),
    **_below("editing", into="statistics", keys="bootstrap confidence"),
    **_below("partial_information", into="statistics", keys="bootstrap confidence"),
    **_below("faithfulness", into="statistics", keys="bootstrap confidence"),
    **_below("validation", into="statistics", keys="confidence"),
    **_below("generate", into="generate.source", keys="prompts list seeds"),
    **_below("generate", into="generate.sampling", keys="steps guidance strength"),
    **_below("information", into="information.range", keys="loc scale clip beyond_trained_range"),
    **_below("information", into="information.draws", keys="density design antithetic_eps"),
    ("information", "pilot_images"): ("information", "pilot", "images"),
    ("information", "pilot_draws"): ("information", "pilot", "draws"),
    ("information", "word_prompt"): ("information", "prompts", "word"),
    ("information", "missing_word"): ("information", "prompts", "missing"),
    **_below("information", into="information.budget", keys="steps extendable stopping target_error"),
    **_below(
        "gradients",
        into="gradients.explanation",
        keys="tokens cells integrated_points special_tokens n_last_steps boxes",
    ),
    ("gradients", "explain"): ("gradients", "datasets"),
    **_below("retrieval", into="retrieval.scoring", keys="steps stopping error"),
    ("retrieval", "diffitm_timesteps"): ("retrieval", "diffitm", "timesteps"),
    **_below("retrieval", into="retrieval.table", keys="ties symmetric_relations mark_change"),
    **_below("editing", into="editing.flow", keys="sampler steps rho noised_start"),
    **_below("editing", into="editing.captions", keys="omit swaps swap_scope"),
    **_below("editing", into="editing.table", keys="min_reconstruction_psnr error"),
    **_below("editing.information", into="editing.information.range", keys="loc scale clip"),
    **_below("partial_information", into="pairs", keys="redundancy map_redundancy word_prior shards"),
    ("partial_information", "pairs"): ("pairs", "selection", "kinds"),
    **_below("partial_information", into="pairs.selection", keys="tagger list captions join"),
    **_below("partial_information", into="pairs.sampling", keys="steps replicates"),
    **_below(
        "faithfulness",
        into="faithfulness.judging",
        keys="cases estimators judged fractions filling filling_logsnr draws repeated_draws",
    ),
    **_below("validation", into="validation.grid", keys="designs densities antithetic_eps steps points runs"),
    ("scenes_model", "text_steps"): ("scenes_model", "text", "steps"),
    ("scenes_model", "decoder_steps"): ("scenes_model", "autoencoder", "steps"),
    ("scenes_model", "unet_steps"): ("scenes_model", "denoiser", "steps"),
    **_below(
        "scenes_model",
        into="scenes_model.denoiser",
        keys="batch learning_rate text_learning_rate bind_from bind_until ema hide_padding silence",
    ),
    **{
        ("scenes_model", f"{part}_{key}"): ("scenes_model", part, key)
        for part, keys in {
            "consistency": "steps learning_rate",
            "clip": "steps batch learning_rate",
            "hardneg": "steps batch learning_rate rank margin",
            "classifier": "steps batch learning_rate",
        }.items()
        for key in keys.split()
    },
}
