"""Captions as the model reads them: the tokens of words, cases whose word has none, conditions that are kept."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from infodecomp.jobs.caption_tokens import CaptionTokens
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.shards import ImageJob, Shard
from tests.unit.small_model import small_model


@pytest.fixture(scope="module")
def model() -> LatentDiffusion:
    return small_model()


@pytest.fixture
def shard() -> Shard:
    return Shard(pd.DataFrame(), Path(), Path(), {})


@pytest.fixture
def captions(model: LatentDiffusion, shard: Shard) -> CaptionTokens:
    return CaptionTokens(shard.fail, lambda: model)


def case(caption: str, word: str) -> SimpleNamespace:
    return SimpleNamespace(case_id=f"{caption[:20]}/{word}", prompt_full=caption, prompt_word=word)


def test_the_tokens_of_a_word_are_those_of_all_its_places(captions: CaptionTokens, model: LatentDiffusion) -> None:
    found = case("a dog above a red dog", "dog")
    tokens = captions.word_tokens(found)
    offsets = model.token_offsets(found.prompt_full)
    assert [found.prompt_full[slice(*offsets[token])].strip() for token in tokens] == ["dog", "dog"]
    job = ImageJob("1", "1.png", (found, case("a dog above a red dog", "red")))
    assert captions.caption_tokens(job) == {found.prompt_full: sorted([*tokens, tokens[-1] - 1])}


def test_cases_whose_word_the_model_does_not_read_fail_with_a_reason(captions: CaptionTokens, shard: Shard) -> None:
    late, absent, fine = case("a red " * 60 + "dog", "dog"), case("a cat", "sofa"), case("a cat", "cat")
    kept = captions.readable([ImageJob("1", "1.png", (late, absent, fine)), ImageJob("2", "2.png", (absent,))])
    assert [job.cases for job in kept] == [(fine,)]
    assert shard.failures == {
        late.case_id: ("word_truncated", "the word 'dog' is beyond the first 96 tokens, which the model reads"),
        absent.case_id: ("word_not_in_caption", "the word 'sofa' is not in the caption"),
    }


def test_a_prompt_is_encoded_once(
    captions: CaptionTokens, model: LatentDiffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    encode = model.encode_prompts
    monkeypatch.setattr(model, "encode_prompts", lambda prompts: encoded.extend(prompts) or encode(prompts))
    batch = captions.batch(["a dog", "", "a dog"])
    assert encoded == ["a dog", ""] and batch[0].equal(batch[2])
    assert captions.conditions([""])[""].equal(batch[1]) and encoded == ["a dog", ""]
