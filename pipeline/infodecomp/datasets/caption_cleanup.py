"""The clean-up of captions before they are read, as ARO does it for its order sets (taken from BLIP)."""

from __future__ import annotations

import re


def clean_caption(caption: str, max_words: int) -> str:
    """Lower case; each of . ! " ( ) * # : ; ~ becomes a space; runs of white space become one space; the first words.

    Commas, apostrophes, hyphens and question marks stay. Words are what single spaces separate; `max_words` are kept.
    """
    text = re.sub(r"[.!\"()*#:;~]", " ", caption.lower())
    text = re.sub(r"\s{2,}", " ", text).rstrip("\n").strip(" ")
    return " ".join(text.split(" ")[:max_words])
