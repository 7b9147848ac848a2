"""The files that are read of a model: a pipeline of diffusers, or a CLIP of transformers.

Weights are safetensors, never pickles, and no part may come with code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from infodecomp.models.pipelines import PIPELINES, PipelineKind, supported
from infodecomp.models.single_file import conversion
from infodecomp.runs.errors import InputError

INDEX = "model_index.json"
# What tokenizers and configurations are stored in, besides weights.
_SETTINGS = (".json", ".txt", ".model", ".jinja")
_VOCABULARIES = ("tokenizer.json", "vocab.json", "spiece.model", "tokenizer.model")
_CLIP_FILES = (
    "config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
_STEMS = "model|diffusion_pytorch_model"
_PART_NUMBER = r"-\d{5}-of-\d{5}"
_ADAPTER = "adapter_config.json"
# Weights in formats that are never opened: pickles, and those of other frameworks.
_REFUSED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".msgpack", ".h5")


def is_weight_file(name: str) -> bool:
    """Whether a name ends as files of weights do, in any format."""
    return name.lower().endswith((".safetensors", *_REFUSED))


def refuse_single_file(path: Path, where: str) -> None:
    """InputError, beginning with `where`, if a path is that of a model in one file, with the command that converts it."""
    if not is_weight_file(path.name) or path.is_dir():
        return
    if not path.is_file():
        raise InputError(f"{where} is a file that does not exist; expected the folder of a diffusers pipeline")
    if path.suffix.lower() != ".safetensors":
        raise InputError(
            f"{where} is a single file that is refused because opening a pickle can run any code; expected the folder of a "
            "diffusers pipeline: take the .safetensors file of this model, and convert that"
        )
    raise InputError(f"{where} is a single file; expected the folder of a diffusers pipeline: {conversion(path)}")


def check_pipeline_folder(folder: Path, where: str, variant: str | None) -> None:
    """InputError, beginning with `where`, unless a folder is a supported pipeline with safetensors weights."""
    index = folder / INDEX
    if not index.is_file():
        lacking = f"{where} is not the folder of a diffusers pipeline: it lacks {INDEX}"
        single = sorted(folder.glob("*.safetensors"))
        if len(single) == 1:
            lacking += f"; if {single[0].name} is the whole model, {conversion(single[0])}"
        raise InputError(lacking)
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    pipeline_files(index.read_bytes(), names, where, variant)
    present = present_parts(index.read_bytes(), where)
    for part in pipeline_kind(folder, where).networks:
        if part in present:
            weight_files(folder / part, f"{where}, {part}", variant)


def weight_files(folder: Path, where: str, variant: str | None) -> list[Path]:
    """The safetensors files of one part's folder, or of a CLIP's, and their index if there are several.

    Raises InputError, beginning with `where`, if there are none, if the index names a file that is not among them, or if an
    adapter lies beside them, which loading would add to the weights.
    """
    names = [path.name for path in folder.iterdir() if path.is_file()]
    if _ADAPTER in names:
        raise InputError(
            f"{where} holds an adapter ({_ADAPTER}), which would change its weights; take it out of the folder, and name "
            "a LoRA by `model → lora`"
        )
    found = _weights(names, where, variant)
    for listed in filter(_is_weight_list, found):
        others = sorted(set(indexed(folder / listed).values()) - set(found))
        if others:
            raise InputError(
                f"{where}: {listed} names {', '.join(others[:3])}, which is not a safetensors file of this folder; no other "
                "file of weights is opened: download the model again, or save it again with save_pretrained"
            )
    return [folder / name for name in found]


def indexed(path: Path) -> dict[str, str]:
    """Tensor → file, as an index of several weight files says; InputError if it is not such an index."""
    try:
        files = json.loads(path.read_bytes())["weight_map"]
        return {str(name): str(file) for name, file in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: this is not an index of weight files ({error!r}); download it again.") from error


def pipeline_files(index: bytes, names: Collection[str], where: str, variant: str | None) -> list[str]:
    """Those of the files `names` of a folder or repository that are read; index: the content of its model_index.json.

    Raises InputError, beginning with `where`, for an unsupported pipeline or part, and for missing files.
    """
    read = _index(index, where)
    kind = _checked_kind(read, where)
    present = [part for part in kind.parts if not _is_left_out(read, part)]
    weights = [part for part in kind.networks if part in present]
    needed = [INDEX]
    for part in present:
        inside = [name for name in names if name.startswith(f"{part}/") and name.count("/") == 1]
        needed += [name for name in inside if name.endswith(_SETTINGS) and not _is_weight_list(name)]
        if part in weights:
            needed += _weights(inside, f"{where}, {part}", variant)
    _require(needed, ["scheduler/scheduler_config.json", *(f"{part}/config.json" for part in weights)], where)
    for part in kind.tokenizers:
        if part in present and not any(f"{part}/{name}" in needed for name in _VOCABULARIES):
            raise InputError(f"{where} lacks {part}/tokenizer.json or {part}/vocab.json")
    return sorted(needed)


def pipeline_kind(folder: Path, where: str) -> PipelineKind:
    """What kind of pipeline a folder holds; InputError, beginning with `where`, for an unsupported pipeline or part."""
    return _checked_kind(_index((folder / INDEX).read_bytes(), where), where)


def refuse_unknown_pipeline(folder: Path, where: str) -> None:
    """InputError, beginning with `where`, if a folder holds a pipeline of a class that is not supported.

    A folder without a pipeline is left to whoever reads it.
    """
    if (folder / INDEX).is_file():
        pipeline_kind(folder, where)


def present_parts(index: bytes, where: str) -> list[str]:
    """The parts that a pipeline has of those that its kind can have, by the content of its model_index.json."""
    read = _index(index, where)
    return [part for part in _checked_kind(read, where).parts if not _is_left_out(read, part)]


def clip_files(names: Collection[str], where: str) -> list[str]:
    """As `pipeline_files`, for a CLIP with its tokenizer and image settings."""
    top = [name for name in names if "/" not in name]
    needed = [name for name in _CLIP_FILES if name in top]
    _require(needed, ["config.json", "preprocessor_config.json"], where)
    if not any(name in needed for name in ("tokenizer.json", "vocab.json")):
        raise InputError(f"{where} lacks tokenizer.json or vocab.json")
    return sorted([*needed, *_weights(top, where, None)])


def _index(content: bytes, where: str) -> Mapping[str, Any]:
    try:
        index = json.loads(content)
    except ValueError as error:
        raise InputError(f"{where}: {INDEX} is not valid JSON ({error})") from error
    if not isinstance(index, dict):
        raise InputError(f"{where}: {INDEX} holds a {type(index).__name__}; expected a JSON object")
    return index


def _checked_kind(index: Mapping[str, Any], where: str) -> PipelineKind:
    kind = PIPELINES.get(str(index.get("_class_name")))
    if kind is None:
        raise InputError(
            f"{where}: {INDEX} names the pipeline {index.get('_class_name')!r}, which is not supported; supported are "
            f"{supported()}"
        )
    problems = []
    for name, part in kind.parts.items():
        found = index.get(name)
        if part.optional and _is_left_out(index, name):
            continue
        if not (isinstance(found, list) and len(found) == 2 and found[0] == part.library and isinstance(found[1], str)):
            problems.append(f"{name} is {found!r}, allowed is a class of {part.library}")
        elif part.classes and found[1] not in part.classes:
            problems.append(f"{name} is {found[1]}, allowed is {' or '.join(part.classes)}")
    if problems:
        raise InputError(f"{where}: in {INDEX} {'; '.join(problems)}")
    return kind


def _is_left_out(index: Mapping[str, Any], part: str) -> bool:
    return index.get(part) in (None, [None, None])


def _weights(names: Collection[str], where: str, variant: str | None) -> list[str]:
    """The safetensors files of one part, and their index if there are several."""
    named = f".{re.escape(variant)}" if variant else ""
    # The variant precedes the number of a shard, or follows it in older files.
    weights = re.compile(rf"(.*/)?({_STEMS})({named}|{named}{_PART_NUMBER}|{_PART_NUMBER}{named})\.safetensors")
    lists = re.compile(rf"(.*/)?({_STEMS})\.safetensors\.index{named}\.json")
    found = [name for name in names if weights.fullmatch(name)]
    if found:
        return [*found, *(name for name in names if lists.fullmatch(name))]
    refused = sorted(name.rpartition("/")[2] for name in names if name.endswith(_REFUSED))
    others = sorted(name.rpartition("/")[2] for name in names if name.endswith(".safetensors"))
    wanted = f"safetensors weights{f' of the variant {variant}' if variant else ''}"
    if others:
        raise InputError(f"{where} has no {wanted}; it has {', '.join(others)}, which `variant` can select")
    if refused:
        raise InputError(
            f"{where} has no {wanted}, only {', '.join(refused)}, which are refused because opening a pickle can run "
            "any code; use a revision with safetensors, or convert them elsewhere"
        )
    raise InputError(f"{where} has no {wanted}")


def _is_weight_list(name: str) -> bool:
    return ".index." in name


def _require(found: Collection[str], wanted: Collection[str], where: str) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        raise InputError(f"{where} lacks {', '.join(missing)}")
