"""The table of word pairs: one row per caption of an image and two of its words, made from any cases table.

The words of a caption are those that the dataset's cases ask for anywhere, and those that a tagger calls nouns or
adjectives. A pair is two nouns, or an adjective and the noun that it precedes. Or the pairs are listed in a CSV.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from infodecomp.datasets.pair_limits import Candidate, PairLimits
from infodecomp.datasets.records import raise_problems, read_records
from infodecomp.datasets.table_text import header_names, read_rows
from infodecomp.datasets.taggers import Tagger
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_table
from infodecomp.words.letters import PLAIN_WORD
from infodecomp.words.missing_word import missing_word
from infodecomp.words.occurrences import find_word, remove_word
from infodecomp.words.prompts import joint_prompt
from infodecomp.words.unicode_form import composed

PairKind = Literal["noun+noun", "adjective+noun"]

PAIR_COLUMNS: dict[str, str] = {
    "case_id": "string",  # 16 hex digits, a hash of image and prompts
    "dataset": "string",
    "image_id": "string",
    "image_path": "string",  # relative to the dataset's image folder
    "orientation": "int64",  # how the pixels of the file are turned, as in the cases table
    "kind": "string",  # "noun+noun", "adjective+noun", or what a list calls it
    "first": "string",  # the word that comes first in the caption, as spelled there
    "second": "string",
    "case_first": "string",  # case_id of the word in this caption in the cases table, or ""
    "case_second": "string",
    "prompt_full": "string",  # the caption
    "prompt_rest": "string",  # the caption without both words
    "prompt_rest_first": "string",  # the caption without the second word
    "prompt_rest_second": "string",  # the caption without the first word
    "prompt_first": "string",  # the first word alone
    "prompt_second": "string",
    "prompt_both": "string",  # both words
    "prompt_intervention": "string",  # another caption that a list puts in its place, or ""
    "status": "string",  # "ok" or a failure code
    "reason": "string",  # "" or one sentence
    "position": "int64",  # order in the dataset, from 0
}

_PROMPTS = [name for name in PAIR_COLUMNS if name.startswith("prompt_")]
_LIST_REQUIRED, _LIST_OPTIONAL = ("first", "second"), ("kind", "caption", "intervention")
_NOUN, _ADJECTIVE = "noun", "adjective"
# How cases tables and Penn Treebank tags name the two classes.
_WORD_TYPES = {"noun": _NOUN, "adjective": _ADJECTIVE, "adj": _ADJECTIVE}
_TAGS = {"NN": _NOUN, "NNS": _NOUN, "NNP": _NOUN, "NNPS": _NOUN, "JJ": _ADJECTIVE, "JJR": _ADJECTIVE, "JJS": _ADJECTIVE}

WordPair = dict[str, Any]


@dataclass(frozen=True)
class Caption:
    """A caption of an image. cases: each of its words in the cases table, as spelled there → case_id.

    status, reason: of its cases, where none of them can be used. orientation: of the image, as in the cases table.
    """

    image_id: str
    image_path: str
    text: str
    cases: Mapping[str, str]
    status: str = "ok"
    reason: str = ""
    orientation: int = 1


@dataclass(frozen=True)
class Listed:
    """A row of a list of pairs. caption: the one caption that it is for, or "" for every one that holds both words."""

    line: int
    first: str
    second: str
    kind: str
    caption: str
    intervention: str


@dataclass(frozen=True)
class _Word:
    """A word of a caption: its spelling there, its class, and the span of its first occurrence."""

    text: str
    word_class: str
    span: tuple[int, int]


@dataclass
class PairMaker:
    """Makes the pairs of a dataset, within its limits.

    join: text between two words of one prompt that are apart in the caption.
    """

    dataset: str
    join: str
    limits: PairLimits
    pairs: list[WordPair] = field(default_factory=list)

    def add(self, caption: Caption, candidates: Iterable[Candidate]) -> bool:
        """The pairs of a caption; whether it has any that the model reads, made or left out."""
        chosen, readable = self.limits.choose(caption.text, candidates, len(self.pairs))
        for candidate in chosen:
            self._add(caption, *candidate)
        return readable

    def _add(self, caption: Caption, one: str, other: str, kind: str, intervention: str) -> None:
        """Two words of a caption, as spelled there, in any order."""
        first, second = sorted((one, other), key=lambda word: find_word(caption.text, word)[0])
        place, other_place = (find_word(caption.text, word)[0] for word in (first, second))
        prompts = {
            "prompt_full": caption.text,
            "prompt_rest": remove_word(remove_word(caption.text, first), second),
            "prompt_rest_first": remove_word(caption.text, second),
            "prompt_rest_second": remove_word(caption.text, first),
            "prompt_first": first,
            "prompt_second": second,
            "prompt_both": joint_prompt(
                caption.text, place, other_place, "" if kind == "adjective+noun" else self.join
            ),
            "prompt_intervention": intervention,
        }
        content = json.dumps([caption.image_id, *(prompts[name] for name in _PROMPTS)], ensure_ascii=False)
        self.pairs.append(
            {
                "case_id": hashlib.sha256(content.encode()).hexdigest()[:16],
                "dataset": self.dataset,
                "image_id": caption.image_id,
                "image_path": caption.image_path,
                "orientation": caption.orientation,
                "kind": kind,
                "first": first,
                "second": second,
                "case_first": caption.cases.get(first, ""),
                "case_second": caption.cases.get(second, ""),
                **prompts,
                "status": caption.status,
                "reason": caption.reason,
            }
        )


def captions_of(cases: pd.DataFrame) -> list[Caption]:
    """The captions of a cases table in its order, each of an image once."""
    found = []
    whole = cases[cases["prompt_full"] != ""].sort_values("position", kind="stable")
    for (image, path, text), rows in whole.groupby(["image_id", "image_path", "prompt_full"], sort=False):
        usable = rows[rows["status"] == "ok"]
        words = dict(zip(usable["prompt_word"], usable["case_id"], strict=True))
        # A word that its caption lacks says nothing against the caption; a missing image does.
        lost = rows[rows["status"] == "image_missing"]
        state = ("ok", "") if lost.empty else (str(lost["status"].iloc[0]), str(lost["reason"].iloc[0]))
        found.append(Caption(str(image), str(path), str(text), words, *state, int(rows["orientation"].iloc[0])))
    return found


def pairs_by_class(
    dataset: str,
    cases: pd.DataFrame,
    *,
    kinds: Sequence[PairKind],
    tagger: Tagger | None,
    join: str,
    first: int | None = None,
    limits: PairLimits | None = None,
) -> list[WordPair]:
    """All pairs of words of the given kinds within the limits, caption by caption.

    Without a tagger the words of a caption are those that the cases of the dataset ask for. first: use only the first N
    captions with a pair (None: all).
    """
    captions = captions_of(cases)
    usable = cases[cases["status"] == "ok"]
    known = dict(zip(usable["prompt_word"], usable["word_type"], strict=True))
    tags = tagger.tag([caption.text for caption in captions]) if tagger else [[] for _ in captions]
    maker, taken = PairMaker(dataset, join, limits or PairLimits()), 0
    for caption, tokens in zip(captions, tags, strict=True):
        taken += maker.add(caption, _pairs_of(caption.text, _words(caption.text, known, tokens), kinds))
        if first is not None and taken == first:
            break
    return maker.pairs


def read_pair_list(path: Path) -> list[Listed]:
    """The rows of a CSV: first, second and optionally kind, caption and intervention.

    Raises one InputError naming every bad row with its line number: an empty word, one word twice, words that overlap,
    a word that is not in the caption of its row, a repeated row.
    """
    records, problems = read_records(path, _LIST_REQUIRED, _LIST_OPTIONAL)
    rows, lines = list[Listed](), dict[tuple[str, ...], int]()
    for record in records:
        cells = {name: composed(cell) for name, cell in record.cells.items()}
        problem = _list_problem(cells)
        earlier = lines.setdefault(tuple(cells[name] for name in ("first", "second", "caption")), record.line)
        if problem or earlier != record.line:
            problems[record.line] = problem or f"the same pair as line {earlier}."
            continue
        told = {name: cells[name] for name in (*_LIST_REQUIRED, "caption", "intervention")}
        rows.append(Listed(line=record.line, kind=cells["kind"] or "listed", **told))
    raise_problems(path, problems)
    return rows


def is_pair_list(path: Path) -> bool:
    """Whether the header of a CSV names two words and their caption."""
    wanted = (*_LIST_REQUIRED, "caption")
    try:
        rows = read_rows(path, wanted)
    except (OSError, InputError):
        return False  # whoever reads the file says so
    return bool(rows) and set(wanted) <= set(header_names(rows[0][1]))


def pairs_listed(
    dataset: str,
    cases: pd.DataFrame,
    rows: Iterable[Listed],
    *,
    join: str,
    first: int | None = None,
    limits: PairLimits | None = None,
) -> tuple[list[WordPair], list[Listed]]:
    """The pairs of a list in the captions that hold them, caption after caption; and the rows that no caption holds.

    first: use only the first N captions with a pair (None: all).
    """
    rows = list(rows)
    maker, used, taken = PairMaker(dataset, join, limits or PairLimits()), set[int](), 0
    for caption in captions_of(cases):
        candidates = list[Candidate]()
        for row in rows:
            places = [find_word(caption.text, word, ignore_case=True) for word in (row.first, row.second)]
            if not all(places) or row.caption not in ("", caption.text) or _overlap(*places):
                continue
            used.add(row.line)
            one, other = (caption.text[start:end] for (start, end), *_ in places)
            candidates.append(Candidate(one, other, row.kind, row.intervention))
        if first is None or taken < first:
            taken += maker.add(caption, candidates)
    return maker.pairs, [row for row in rows if row.line not in used]


def pairs_table(pairs: Sequence[WordPair]) -> pd.DataFrame:
    """The table of pairs in their order; a pair listed in two rows is there once."""
    texts = [name for name, kind in PAIR_COLUMNS.items() if kind == "string"]
    frame = pd.DataFrame(list(pairs), columns=texts, dtype="str")
    frame["orientation"] = [int(pair["orientation"]) for pair in pairs]
    frame = frame.drop_duplicates("case_id").reset_index(drop=True)
    frame["position"] = range(len(frame))
    return frame


def read_pairs(path: Path) -> pd.DataFrame:
    """Read a table of pairs; InputError if the file or a column is missing, extra or of another type."""
    return read_table(path, PAIR_COLUMNS)


def surprisals(cases: pd.DataFrame, words: Iterable[str], prior: Literal["uniform", "corpus"]) -> dict[str, float]:
    """−ln p of each word in lower case, nats.

    corpus: p is the share of the word, whatever its case, among all words of the dataset's captions; each caption of an
    image counts once. uniform: 0 for all, since only differences matter. Raises InputError for a word of no caption.
    """
    lowered = list(dict.fromkeys(word.lower() for word in words))
    if prior == "uniform":
        return dict.fromkeys(lowered, 0.0)
    captions = Counter(caption.text.lower() for caption in captions_of(cases))
    total = sum(times * len(re.findall(PLAIN_WORD, text)) for text, times in captions.items())
    counts = {word: sum(n * len(find_word(text, word)) for text, n in captions.items()) for word in lowered}
    unknown = [word for word, count in counts.items() if not count]
    if unknown:
        raise InputError(
            f"no caption of the cases table holds the word {unknown[0]!r} of its pairs; run pair_words again."
        )
    return {word: math.log(total / count) for word, count in counts.items()}


def _words(caption: str, known: Mapping[str, str], tokens: Sequence[tuple[str, str]]) -> list[_Word]:
    """The nouns and adjectives of a caption, each once, in order; of overlapping known words the longest."""
    found = list[_Word]()
    for text in sorted(known, key=len, reverse=True):
        spans = [span for span in find_word(caption, text) if not _overlap([span], [word.span for word in found])]
        if spans:
            found.append(_Word(text, _WORD_TYPES.get(known[text], known[text]), spans[0]))
    place = 0
    for text, tag in tokens:
        start = caption.find(text, place)
        if start < 0:
            continue
        place = start + len(text)
        word = _Word(text, _TAGS.get(tag, tag), (start, place))
        inside = [span for other in found for span in find_word(caption, other.text)]
        if tag in _TAGS and find_word(caption, text) and not _overlap([word.span], inside):
            found.append(word)
    once = {word.text.lower(): word for word in sorted(found, key=lambda word: word.span, reverse=True)}
    return sorted(once.values(), key=lambda word: word.span)


def _pairs_of(caption: str, words: Sequence[_Word], kinds: Sequence[PairKind]) -> Iterator[Candidate]:
    """Two nouns, or an adjective and the noun that it precedes, with nothing but adjectives between them."""
    if "noun+noun" in kinds:
        nouns = [word.text for word in words if word.word_class == _NOUN]
        yield from (Candidate(one, other, "noun+noun") for one, other in combinations(nouns, 2))
    if "adjective+noun" in kinds:
        noun: _Word | None = None
        following: _Word | None = None
        for word in reversed(words):
            apart = following is None or caption[word.span[1] : following.span[0]].strip(" ,")
            noun = word if word.word_class == _NOUN else None if apart else noun
            if word.word_class == _ADJECTIVE and noun is not None:
                yield Candidate(word.text, noun.text, "adjective+noun")
            elif word.word_class != _NOUN:
                noun = None
            following = word


def _list_problem(cells: Mapping[str, str]) -> str:
    empty = [name for name in _LIST_REQUIRED if not cells[name]]
    if empty:
        return f"`{'`, `'.join(empty)}` is empty."
    first, second, caption = cells["first"], cells["second"], cells["caption"]
    if first.lower() == second.lower():
        return f"`first` and `second` are both {first!r}; expected two different words."
    if caption:
        places = [find_word(caption, word, ignore_case=True) for word in (first, second)]
        lacking = [word for word, spans in zip((first, second), places, strict=True) if not spans]
        if lacking:
            return missing_word(caption, lacking[0])
        if _overlap(*places):
            return f"the words {first!r} and {second!r} overlap in the caption {caption!r}."
    return ""


def _overlap(spans: Iterable[tuple[int, int]], others: Sequence[tuple[int, int]]) -> bool:
    return any(start < stop and low < end for start, end in spans for low, stop in others)
