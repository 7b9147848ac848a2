"""Networks whose weights are exactly those of their files.

`from_pretrained` draws a missing tensor at random and drops one that it does not know, with no more than a warning. Here
every part is loaded with the report of what was found, and refused unless each of its tensors came from a file, each tensor
of the files went into it, and all of their values are finite. What the libraries themselves convert (an older spelling of
attention in autoencoders, the prefix `text_model.`, tied embeddings, stored `position_ids`) counts as found.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from diffusers import ModelMixin
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers.utils import logging as transformers_logging

from infodecomp.models.layout import INDEX, indexed, weight_files
from infodecomp.runs.errors import InputError

_SHOWN = 3
_REMEDY = (
    "download it again, save it again with save_pretrained, or check that it belongs to this model and its config.json."
)


class Difference(NamedTuple):
    """How the tensors of files differ from those of a network; shapes: (name, found, expected)."""

    missing: Collection[str] = ()
    unexpected: Collection[str] = ()
    shapes: Collection[tuple[str, Sequence[int], Sequence[int]]] = ()


def load_parts(
    folder: Path, parts: Collection[str], *, variant: str | None = None, dtype: torch.dtype = torch.float32
) -> dict[str, nn.Module]:
    """The networks of a pipeline folder, each of the class of diffusers or transformers that model_index.json names.

    Raises InputError as `load_whole` does.
    """
    index = json.loads((folder / INDEX).read_bytes())
    kinds = {part: getattr(importlib.import_module(index[part][0]), index[part][1]) for part in parts}
    return {part: load_whole(kind, folder / part, variant=variant, dtype=dtype) for part, kind in kinds.items()}


def load_whole(
    kind: Any,
    model: str | Path,
    *,
    revision: str | None = None,
    variant: str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Any:
    """A network of a class of diffusers or transformers, from a folder with config.json and safetensors, or from the Hub.

    Raises InputError naming the file and the first tensors if weights are pickled, cut off, missing, unexpected, of another
    shape, or not finite; OSError and ValueError as `from_pretrained` does.
    """
    where = str(model)
    if Path(model).is_dir():
        where = _checked_files(kind, Path(model), variant)
    options = {"torch_dtype" if issubclass(kind, ModelMixin) else "dtype": dtype, "use_safetensors": True}
    options |= {name: value for name, value in (("revision", revision), ("variant", variant)) if value is not None}
    network, found = _with_report(kind, str(model), options)
    # Diffusers believes an index of several files; what it did not find in them has no values.
    empty = [name for name, tensor in network.state_dict().items() if tensor.is_meta]
    missing = {*found["missing_keys"], *empty}
    refuse_difference(where, kind.__name__, Difference(missing, found["unexpected_keys"], found["mismatched_keys"]))
    refuse_not_finite(where, network.state_dict())
    return network


def refuse_difference(where: object, kind: str, difference: Difference) -> None:
    """InputError, beginning with `where`, if the tensors of a file are not those of a network of class `kind`."""
    missing, unexpected, shapes = difference
    said = []
    if missing:
        said.append(f"{_count(missing)} of {kind} {_are(missing)} missing ({_first(missing)})")
    if unexpected:
        said.append(f"{_count(unexpected)} {_are(unexpected)} not part of {kind} ({_first(unexpected)})")
    if shapes:
        each = [f"{name} is {_shape(found)}, expected {_shape(wanted)}" for name, found, wanted in sorted(shapes)]
        said.append(f"{_count(each)} {_are(each)} of another shape ({_first(each)})")
    if said:
        raise InputError(f"{where}: {'; '.join(said)}; {_REMEDY}")


def refuse_not_finite(where: object, tensors: Mapping[str, torch.Tensor]) -> None:
    """InputError, beginning with `where`, if a tensor holds NaN or infinity."""
    wrong = sorted(name for name, tensor in tensors.items() if not _is_finite(tensor))
    if wrong:
        raise InputError(
            f"{where}: NaN or infinity in {_count(wrong)} ({_first(wrong)}); the file is damaged, or its values are too "
            "large for its number format: download the model again, or save it again in float32."
        )


def tensor_names(file: Path) -> set[str]:
    """The names of the tensors in a safetensors file; InputError if it is cut off or of another format."""
    try:
        with safe_open(file, framework="pt") as opened:
            return set(opened.keys())
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{file}: this is not a whole safetensors file ({error}); download the model again, or save it again with "
            "save_pretrained."
        ) from error


def _checked_files(kind: Any, folder: Path, variant: str | None) -> str:
    """Check the files of weights before the library opens them; returns what messages call them: the file or the folder."""
    files = weight_files(folder, str(folder), variant)
    names = {file: tensor_names(file) for file in files if file.suffix == ".safetensors"}
    for index in (file for file in files if file not in names):
        listed = indexed(index)
        held = set[str]().union(*(names[folder / file] for file in set(listed.values())))
        refuse_difference(index, "this index", Difference(set(listed) - held, held - set(listed)))
    where, held = str(next(iter(names))) if len(names) == 1 else str(folder), set[str]().union(*names.values())
    # Transformers reads names with and without these prefixes, and of two that become one it drops the second.
    prefixes = {"text_model", getattr(kind, "base_model_prefix", "")}
    twice = {f"{prefix}.{name}" for prefix in prefixes for name in held if f"{prefix}.{name}" in held}
    refuse_difference(where, kind.__name__, Difference(unexpected=twice))
    return where


def _with_report(kind: Any, model: str, options: Mapping[str, Any]) -> tuple[nn.Module, Mapping[str, Any]]:
    """The network and what its loading found; tensors of another shape are reported instead of raised."""
    with without_warnings():
        if not issubclass(kind, ModelMixin):
            return kind.from_pretrained(model, output_loading_info=True, ignore_mismatched_sizes=True, **options)
        try:
            return kind.from_pretrained(model, output_loading_info=True, **options)
        except (ValueError, RuntimeError):
            # Only this slower way, which fills the network with random values first, reports all shapes.
            slow = {"low_cpu_mem_usage": False, "ignore_mismatched_sizes": True}
            network, found = kind.from_pretrained(model, output_loading_info=True, **slow, **options)
            if not found["mismatched_keys"]:
                raise
            return network, found


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence the libraries' own reports, which say in many lines what the error says in one."""
    libraries = (diffusers_logging, transformers_logging)
    before = [library.get_verbosity() for library in libraries]
    try:
        for library in libraries:
            library.set_verbosity_error()
        yield
    finally:
        for library, verbosity in zip(libraries, before, strict=True):
            library.set_verbosity(verbosity)


def _is_finite(tensor: torch.Tensor) -> bool:
    # A sum needs no array of its own; it may overflow where no value is infinite.
    return not tensor.is_floating_point() or bool(tensor.sum().isfinite() or tensor.isfinite().all())


def _count(names: Collection[object]) -> str:
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''}"


def _are(names: Collection[object]) -> str:
    return "are" if len(names) > 1 else "is"


def _first(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown}, …"


def _shape(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "a single number"
