"""The overlays of studies on learned codes: each loads, and trains every model that it then measures."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from infodecomp.config import Config, load_config, render_yaml


@pytest.mark.parametrize(
    ("overlays", "dataset"),
    [
        (["representation"], "fashion_mnist"),
        (["representation", "representation_celeba"], "celeba"),
        (["representation", "representation_shapes3d"], "shapes3d"),
    ],
)
def test_an_overlay_loads(overlays: list[str], dataset: str, repository: Path) -> None:
    values = yaml.safe_load(render_yaml(Config()))
    for name in overlays:
        update_config(values, yaml.safe_load((repository / f"config/{name}.yaml").read_text(encoding="utf-8")))
    study = load_config(values)
    assert (study.representation.images.dataset, study.parts) == (dataset, ("representation",))
    trained = {entry for entry in study.representation.models if "/" in entry}
    assert trained and trained <= {f"data/models/representation/{name}" for name in study.representation_model.models}
    assert all(model.dimensions == 32 for model in study.representation_model.models.values() if model.knows == "code")
