"""Taggers and tokens: the closed vocabulary, NLTK without a download, spaCy by name or folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infodecomp.datasets.taggers import word_tokenizer_version, word_tokens
from infodecomp.runs.errors import InputError
from infodecomp.scenes.captions import scene_captions, vocabulary
from infodecomp.scenes.tagger import open_tagger, scene_tags
from infodecomp.scenes.world import sample_scene, scene_rng


def test_nltk_splits_words_from_punctuation_without_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("data was asked for")

    monkeypatch.setattr(nltk.data, "find", refuse)
    monkeypatch.setattr(nltk.data, "load", refuse)
    tokens = word_tokens("A man's dog, it isn't small.")
    assert tokens == ["A", "man", "'s", "dog", ",", "it", "is", "n't", "small", "."]
    assert word_tokens("A dog. A cat.") == ["A", "dog.", "A", "cat", "."]
    assert word_tokenizer_version().startswith("nltk 3.")


def test_the_closed_vocabulary_is_tagged_whole() -> None:
    tags = scene_tags()
    assert set(tags) == set(vocabulary())
    assert {tags[word] for word in ("dog", "bear", "teddy", "grass")} == {"NN"}
    assert {tags[word] for word in ("dogs", "people", "bears")} == {"NNS"}
    assert {tags[word] for word in ("red", "striped", "flying", "small")} == {"JJ"}
    assert (tags["a"], tags["stands"], tags["two"], tags["above"]) == ("DT", "VBZ", "CD", "IN")


def test_scene_captions_are_tagged_in_their_order() -> None:
    tagger = open_tagger("scenes")
    rng = scene_rng(1, "captions", 0)
    captions = [caption for _ in range(60) for caption in scene_captions(sample_scene(rng), rng)]
    tagged = tagger.tag(captions)
    assert [" ".join(word for word, _ in tokens) for tokens in tagged] == captions
    assert all(tag for tokens in tagged for _, tag in tokens)
    assert all(any(tag.startswith("NN") for _, tag in tokens) for tokens in tagged)
    assert tagger.versions.startswith("scenes of infodecomp ")


def test_left_and_right_are_things_after_an_article() -> None:
    (tokens,) = open_tagger("scenes").tag(["on the left a dog left of a cat to the right of a bed"])
    assert [tag for word, tag in tokens if word in ("left", "right")] == ["NN", "RB", "NN"]


def test_words_outside_the_vocabulary_are_all_named() -> None:
    with pytest.raises(InputError, match=r"not 'sofa', 'wide'; name a spaCy pipeline as `tagger`"):
        open_tagger("scenes").tag(["a wide sofa", "a dog on a sofa"])


def test_without_spacy_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(InputError, match=r"pip install \.\[aro\]` and `python -m spacy download en_core_web_sm`"):
        open_tagger("en_core_web_sm")


def test_a_missing_pipeline_is_told(tmp_path: Path) -> None:
    pytest.importorskip("spacy")
    with pytest.raises(InputError, match=r"spaCy pipeline no_such_pipeline cannot be loaded.*spacy download"):
        open_tagger("no_such_pipeline")
    with pytest.raises(InputError, match="cannot be loaded"):
        open_tagger(str(tmp_path))


def test_a_spacy_pipeline_from_a_folder(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("attribute_ruler")
    for word, tag in (("dog", "NN"), ("red", "JJ")):
        ruler.add(patterns=[[{"LOWER": word}]], attrs={"TAG": tag})
    pipeline.meta["name"], pipeline.meta["version"] = "made_here", "1.2.3"
    pipeline.to_disk(tmp_path / "made")
    tagger = open_tagger(str(tmp_path / "made"))
    assert tagger.tag(["A red dog, asleep", ""]) == [
        [("A", ""), ("red", "JJ"), ("dog", "NN"), (",", ""), ("asleep", "")],
        [],
    ]
    assert tagger.versions == f"spacy {spacy.__version__}, en_made_here 1.2.3"


def test_a_pipeline_without_tags_is_refused(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy")
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(InputError, match=r"gives no part-of-speech tags \(its parts: none\)"):
        open_tagger(str(tmp_path / "blank")).tag(["a dog"])
