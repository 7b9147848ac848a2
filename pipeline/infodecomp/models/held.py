"""A model that a user of the library names by its folder or Hub id, or holds as a pipeline and lends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch

from infodecomp.models.batch_size import AUTO, ON_CPU, BatchSize
from infodecomp.models.borrowed import borrowed, check_pipeline
from infodecomp.models.devices import resolve_device
from infodecomp.models.families import kind_of
from infodecomp.models.folders import FETCHED, fetched_name, is_on_hub, model_lock
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped

# Cells of the latents of which a CPU takes `ON_CPU` rows at once; of larger ones it takes fewer.
_SMALL_LATENT = 16 * 16


class HeldModel:
    """name: as the user knows the model. folder: where it was loaded from, None for the Hub's cache and for a pipeline."""

    def __init__(self, given: Any, device: str, precision: str, batch_size: int | Literal["auto"]) -> None:
        """given: a path, a Hub id or a diffusers pipeline. Raises InputError for what cannot be read or asked for."""
        self.folder: Path | None = None
        self._loaded: LatentDiffusion | None = None
        self._lender: Any = None
        if isinstance(given, str | Path):
            self.name = str(given)
            self._loaded, self.folder = _load(self.name, device, precision)
        else:
            _check_place(given, check_pipeline(given), device, precision)
            self._lender = given
            self.name = str(getattr(given.config, "_name_or_path", "") or type(given).__name__)
        self._rows: BatchSize | None = None
        with self.lent() as model:
            self._rows = _rows(batch_size, model)

    @contextmanager
    def lent(self) -> Iterator[LatentDiffusion]:
        """The model; a pipeline of the user's is afterwards as it was."""
        if self._loaded is not None:
            yield self._with_rows(self._loaded)
            return
        where = check_pipeline(self._lender)
        with borrowed(self._lender):
            yield self._with_rows(LatentDiffusion(self._lender, where, borrowed=True))

    def _with_rows(self, model: LatentDiffusion) -> LatentDiffusion:
        if self._rows is not None:
            model.batch_size = self._rows
        return model

    def generated(self, prompt: str, seed: int, **options: Any) -> list[Any]:
        """The PIL images that the pipeline's own call makes; without the option `generator`, of this seed."""
        options.setdefault("generator", torch.Generator("cpu").manual_seed(seed))
        maker = self._loaded.pipeline if self._loaded is not None else self._lender
        return list(maker(prompt, **{**options, "output_type": "pil"}).images)


def _rows(asked: int | Literal["auto"], model: LatentDiffusion) -> BatchSize:
    if asked != AUTO or model.device.type != "cpu":
        return BatchSize.of(asked, model.device)
    cells = model.latent_shape[1] * model.latent_shape[2]
    return BatchSize(max(1, ON_CPU * _SMALL_LATENT // max(cells, _SMALL_LATENT)))


def _load(name: str, device: str, precision: str) -> tuple[LatentDiffusion, Path | None]:
    """The model of a folder, of the repository that was fetched to a study's folder, or of the Hub and its cache."""
    if device == AUTO:
        device = f"cuda:{torch.cuda.current_device()}" if torch.cuda.is_available() else "cpu"
    folder = shipped(name)
    if is_on_hub(name):
        folder = FETCHED / fetched_name(name, None)
        if not model_lock(folder).is_file():
            return LatentDiffusion.load(name, precision=precision, device=resolve_device(device)), None
    if not folder.exists():
        raise InputError(f"the model {name!r} is neither an existing folder nor a Hub id (owner/name).")
    return LatentDiffusion.load(str(folder), precision=precision, device=resolve_device(device)), folder


def _check_place(given: Any, where: torch.device, device: str, precision: str) -> None:
    """InputError if another device or precision is asked for than those of a pipeline, which stays as it is."""
    if device != AUTO and torch.device(device) not in (where, torch.device(where.type)):
        raise InputError(f"device is {device!r}, but the pipeline is on {where}; move it by pipe.to({device!r}) first.")
    dtype = str(getattr(given, kind_of(given).denoiser).dtype).removeprefix("torch.")
    if precision not in (AUTO, dtype):
        raise InputError(
            f"precision is {precision!r}, but the pipeline is in {dtype}; convert it by pipe.to(torch_dtype), or pass its "
            "folder or Hub id instead of the pipeline."
        )
