"""The folder of a representation model: `model.json`, its recipe; `decoder/`; and `encoder/`, if it has a code."""

from __future__ import annotations

from pathlib import Path

from infodecomp.config.representation_model import RepresentationModel
from infodecomp.models.recorded_hashes import check_recorded_hashes
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

INDEX, DECODER, ENCODER = "model.json", "decoder", "encoder"


def read_recipe(folder: Path) -> RepresentationModel:
    """The recipe of a model, whose files are as they were recorded. InputError if the folder holds no such model."""
    check_recorded_hashes(folder)
    try:
        return RepresentationModel.model_validate_json(checked(folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: this is not the folder of a representation model ({error}); allowed are `factors`, `components` and "
            "folders that train_representation wrote."
        ) from error
