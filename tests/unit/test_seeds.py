"""Random generators by purpose."""

from __future__ import annotations

import numpy as np

from infodecomp.runs.seeds import generator


def first(*key: str | int, seed: int = 0) -> int:
    return int(generator(seed, *key).integers(2**63))


def test_the_same_key_gives_the_same_stream() -> None:
    assert first("42", "information") == first("42", "information")
    assert generator(1, "a").normal(size=3).tolist() == generator(1, "a").normal(size=3).tolist()


def test_numbers_and_their_text_are_one_key() -> None:
    """An image id read as a number from JSON and as text from a table must give one stream."""
    assert first(42, "information") == first("42", "information")


def test_seed_key_order_and_grouping_matter() -> None:
    streams = [
        first("42", "information"),
        first("42", "information", seed=1),
        first("42", "attention"),
        first("43", "information"),
        first("information", "42"),
        first("42information"),
        first("4", "2information"),
        first("42"),
        first(),
    ]
    assert len(set(streams)) == len(streams)


def test_streams_are_known() -> None:
    """Results of earlier runs depend on these numbers; a change of the scheme must be noticed."""
    assert first("1", "information") == 6450385249077881766


def test_streams_of_neighbouring_images_are_independent() -> None:
    """Not shifted copies of one stream, and uncorrelated: |r| of 2,000 × 999 pairs stays below five standard errors."""
    values = np.array([generator(0, str(image), "information").standard_normal(1000) for image in range(2000)])
    assert len(np.unique(values)) == values.size
    for shift in (0, 1):
        left, right = values[:-1, : 1000 - shift].ravel(), values[1:, shift:].ravel()
        assert abs(np.corrcoef(left, right)[0, 1]) < 5 / np.sqrt(left.size)
