"""Which caption is taken apart, and into what."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from infodecomp.estimator.interval import Interval
from infodecomp.information.caption_dissection import LEVELS, NOISES, level_draws
from infodecomp.runs.seeds import generator
from infodecomp.words.caption_words import caption_words, choose_caption


def test_every_word_stands_once_with_all_its_places() -> None:
    words = caption_words("a teddy bear and a bear's hat, near a teddy bear", ["teddy bear"])
    assert [(word.text, len(word.spans), word.is_case) for word in words] == [
        ("a", 3, False),
        ("teddy bear", 2, True),
        ("and", 1, False),
        ("bear's", 1, False),
        ("hat", 1, False),
        ("near", 1, False),
    ]
    assert words[1].spans[0] == (2, 12)


def test_words_that_the_caption_lacks_are_left_out() -> None:
    assert [word.text for word in caption_words("a dog", ["cat"])] == ["a", "dog"]
    assert caption_words("", ["cat"]) == []


def cases() -> pd.DataFrame:
    rows = [
        ("1", "a dog", "dog"),
        ("2", "a dog beside a cat on a long and winding road", "dog"),
        ("2", "a dog beside a cat on a long and winding road", "cat"),
        ("3", "a blue horse above a white bear", "horse"),
        ("3", "a blue horse above a white bear", "bear"),
        ("4", "a red horse above a white bear", "horse"),
        ("4", "a red horse above a white bear", "bear"),
    ]
    frame = pd.DataFrame(rows, columns=["image_id", "prompt_full", "prompt_word"])
    return frame.assign(image_path=frame["image_id"] + ".png", orientation=1)


def test_the_caption_has_the_most_cases_then_a_good_length_then_the_first_place() -> None:
    chosen = choose_caption(cases())
    assert chosen is not None and (chosen.image_id, chosen.words) == ("3", ("horse", "bear"))
    asked = choose_caption(cases(), "1")
    assert asked is not None and (asked.caption, asked.image_path) == ("a dog", "1.png")
    assert choose_caption(cases(), "9") is None


def test_levels_share_their_noises_and_integrate_to_the_whole_range() -> None:
    draws = level_draws((2, 3, 3), Interval(-4.0, 6.0, 1.0, 2.0), generator(0, "x"))
    assert len(draws) == LEVELS * NOISES
    assert draws.logsnr[::NOISES].tolist() == np.linspace(-4, 6, LEVELS).tolist()
    assert float(draws.weight.mean()) == 10.0
    by_level = draws.eps[:].unflatten(0, (LEVELS, NOISES))
    assert torch.equal(by_level[0], by_level[-1])
    assert torch.equal(by_level[:, 0], -by_level[:, 1])
