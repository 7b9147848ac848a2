"""Learned tokens of several vectors (textual inversion): every token of a caption is found at its word."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file

from infodecomp.estimator.condition import Condition
from infodecomp.jobs.caption_tokens import CaptionTokens
from infodecomp.models.attention import Tap, word_map
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.learned_tokens import converted
from infodecomp.models.tokenizers import Tokenizers
from infodecomp.runs.errors import InputError
from infodecomp.runs.shards import Shard
from infodecomp.words.occurrences import find_word, word_token_positions
from tests.unit.small_model import small_pipeline


def taught(path: Path, **vectors: int) -> StableDiffusionPipeline:
    """A pipeline with learned tokens, by their number of vectors."""
    pipeline, generator = small_pipeline(), torch.Generator().manual_seed(0)
    for name, count in vectors.items():
        save_file({f"<{name}>": torch.randn(count, 128, generator=generator)}, path / f"{name}.safetensors")
        pipeline.load_textual_inversion(str(path / f"{name}.safetensors"))
    return pipeline


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("taught")
    taught(path, cat=3, sofa=2, red=1).save_pretrained(path / "model")
    return path / "model"


@pytest.fixture(scope="module")
def model(folder: Path) -> LatentDiffusion:
    return LatentDiffusion.load(str(folder))


def positions(model: LatentDiffusion, caption: str, word: str) -> list[int]:
    found = word_token_positions(model.token_offsets(caption), find_word(caption, word))
    return [position for occurrence in found for position in occurrence]


@pytest.mark.parametrize(
    ("caption", "word", "tokens"),
    [
        ("a <cat> and a dog", "<cat>", ["<cat>", "<cat>_1", "<cat>_2"]),
        ("a <cat> and a dog", "dog", ["dog</w>"]),
        ("a <cat> on a <sofa> and a dog", "dog", ["dog</w>"]),
        ("a <cat> on a <sofa> and a dog", "<sofa>", ["<sofa>", "<sofa>_1"]),
        ("a <cat>, a <cat> and a dog", "<cat>", ["<cat>", "<cat>_1", "<cat>_2"] * 2),
        ("a <cat>, a <cat> and a dog", "dog", ["dog</w>"]),
        ("a <red> dog", "<red>", ["<red>"]),
        ("a <red> dog", "dog", ["dog</w>"]),
        ("a dog", "dog", ["dog</w>"]),
    ],
)
def test_a_word_has_the_tokens_that_the_model_reads_for_it(
    model: LatentDiffusion, caption: str, word: str, tokens: list[str]
) -> None:
    read = model.pipeline.maybe_convert_prompt(caption, model.pipeline.tokenizer)
    ids = model.pipeline.tokenizer(read).input_ids
    found = model.pipeline.tokenizer.convert_ids_to_tokens(
        [ids[position] for position in positions(model, caption, word)]
    )
    assert found == tokens
    assert len(model.token_offsets(caption)) == len(ids)


@pytest.mark.parametrize("caption", ["a <cat>_1 and <cat>", "<CAT> dog <cat>", "<cat><sofa>x<cat>", "", "<cat>s"])
def test_captions_are_converted_as_by_diffusers(model: LatentDiffusion, caption: str) -> None:
    text, origins = converted(model.pipeline.tokenizer, caption)
    assert text == model.pipeline.maybe_convert_prompt(caption, model.pipeline.tokenizer)
    assert len(origins) == len(text) and all(0 <= low < high <= len(caption) for low, high in origins)


def test_attention_is_read_at_the_word(model: LatentDiffusion) -> None:
    """The map of `dog` after a learned token is that of the last token before the end, recorded by its place."""
    caption = "a <cat> and a dog"
    x, prompt = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1)), model.encode_prompts([caption])
    end = (
        len(model.pipeline.tokenizer(model.pipeline.maybe_convert_prompt(caption, model.pipeline.tokenizer)).input_ids)
        - 1
    )

    def heat(tokens: list[int]) -> np.ndarray:
        with model.recording() as recorder:
            recorder.expect([Tap(0, "word", tokens)])
            model(x, torch.tensor([0.0]), Condition.stack(prompt))
            return word_map(recorder.pop("word"), range(len(tokens)), (8, 8))

    np.testing.assert_array_equal(heat(positions(model, caption, "dog")), heat([end - 1]))
    assert not np.array_equal(heat([end - 1]), heat([5]))  # where the caption's own splitting puts it


def test_the_tokenizers_alone_say_the_same(folder: Path, model: LatentDiffusion) -> None:
    tokenizers, caption = Tokenizers(folder), "<cat> " * 40
    assert tokenizers.offsets(caption) == [model.token_offsets(caption)]
    assert not tokenizers.reads_all("<cat><cat>")  # not known from its length


def test_a_word_inside_a_token_is_said_to_be(model: LatentDiffusion) -> None:
    shard = Shard(pd.DataFrame(), Path(), Path(), {})
    captions = CaptionTokens(shard.fail, lambda: model)
    case = SimpleNamespace(case_id="1", prompt_full="a <cat> and a dog", prompt_word="cat")
    assert captions.word_tokens(case) == []
    reason = "the word 'cat' is part of '<cat>', which the model reads as one"
    assert shard.failures == {"1": ("word_in_token", reason)}


def test_names_inside_each_other_are_refused(tmp_path: Path) -> None:
    pipeline = small_pipeline()
    pipeline.tokenizer.add_tokens(["cat", "cat_1", "cats", "cats_1"])
    with pytest.raises(InputError, match="the learned token 'cat' is part of the name of the learned token 'cats'"):
        LatentDiffusion(pipeline)
