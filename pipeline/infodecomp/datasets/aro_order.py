"""COCO-Order and Flickr30k-Order of ARO: for each caption of an image, the caption itself and four shuffles of it.

The JSON is a Karpathy split as published: a list of records with `image`, a path, and `caption`, a list. The shuffles act on
the caption as it stands, and each option is cleaned up afterwards, as ARO does. Every shuffle has its own generator,
seeded by the run's seed, the image, the caption and the shuffle's name: no case depends on which others exist.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from infodecomp.datasets.caption_cleanup import clean_caption
from infodecomp.datasets.json_records import (
    missing_fields,
    path_problem,
    raise_record_problems,
    read_json_records,
    texts_problem,
)
from infodecomp.datasets.retrieval_cases import RetrievalCase, make_retrieval_case
from infodecomp.datasets.shuffles import TAG_SHUFFLES, TRIGRAM_SHUFFLES
from infodecomp.datasets.taggers import Tagger, Tokens, word_tokenizer_version, word_tokens
from infodecomp.runs.ledger import checked_sha256
from infodecomp.runs.seeds import generator

# The order of options is ARO's: the true caption, then the shuffles.
TRUTH = 0


class ImageCaption(NamedTuple):
    """One caption of one image."""

    image_path: str
    caption: str


def order_cases(
    dataset: str, path: Path, tagger: Tagger, *, seed: int, max_words: int, first: int | None = None
) -> list[RetrievalCase]:
    """One case a caption, in the order of the file; only the first `first` ones if that is given.

    The options are the caption and its shuffles in the order of `TAG_SHUFFLES` and `TRIGRAM_SHUFFLES`, each cleaned up and
    cut to `max_words` words. The whole file is checked. Raises one InputError that names every bad record by its index:
    missing fields, a list without captions, captions that are empty or become so in the clean-up.
    """
    records = read_json_records(path)
    raise_record_problems(path, {index: _problems(record, max_words) for index, record in enumerate(records)})
    captions = [
        ImageCaption(PurePosixPath(record["image"]).as_posix(), caption)
        for record in records
        for caption in record["caption"]
    ][:first]
    tagged = tagger.tag([one.caption for one in captions])
    digest, versions = checked_sha256(path), f"{tagger.versions}; {word_tokenizer_version()}"
    return [
        make_retrieval_case(
            dataset=dataset,
            image_path=one.image_path,
            options=_options(one, tokens, seed, max_words),
            truth=TRUTH,
            caption=one.caption,
            text_sha256=digest,
            tagger=versions,
        )
        for one, tokens in zip(captions, tagged, strict=True)
    ]


def _options(one: ImageCaption, tagged: Tokens, seed: int, max_words: int) -> tuple[str, ...]:
    tokens = word_tokens(one.caption)
    shuffled = [shuffle(tagged, generator(seed, *one, name)) for name, shuffle in TAG_SHUFFLES.items()]
    shuffled += [shuffle(tokens, generator(seed, *one, name)) for name, shuffle in TRIGRAM_SHUFFLES.items()]
    return tuple(clean_caption(text, max_words) for text in (one.caption, *shuffled))


def _problems(record: Any, max_words: int) -> list[str]:
    if not isinstance(record, dict):
        return [missing_fields(record, ("image", "caption"))]
    found = [missing_fields(record, ("image", "caption"))]
    found += [path_problem(record, "image")] if "image" in record else []
    if "caption" in record:
        found.append(texts_problem(record, "caption") or _cleaned_problem(record["caption"], max_words))
    return [sentence for sentence in found if sentence]


def _cleaned_problem(captions: list[str], max_words: int) -> str:
    bad = [number for number, caption in enumerate(captions) if not clean_caption(caption, max_words).strip()]
    if not bad:
        return ""
    return f"`caption` number {bad[0]} is {captions[bad[0]]!r}, of which the clean-up leaves nothing; expected words."
