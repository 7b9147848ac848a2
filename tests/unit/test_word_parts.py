"""What a word tells beside the others of its caption: averages over its pairs, and the stage that gathers them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from infodecomp.cli import run_stage as main
from infodecomp.config import PairsSection
from infodecomp.datasets.cases import cases_table, make_case, write_cases
from infodecomp.datasets.word_pairs import PAIR_COLUMNS, pairs_by_class, pairs_table
from infodecomp.maps.outcomes import Failure, read_statuses
from infodecomp.maps.setting import Setting
from infodecomp.maps.word_maps import Maps
from infodecomp.metrics.partial_information import Information
from infodecomp.metrics.word_parts import PARTS, average_parts
from infodecomp.pairs.estimates import CONDITIONS, ESTIMATORS, INFORMATION, SHARD_COLUMNS
from infodecomp.pairs.parts import PARTS_COLUMNS
from infodecomp.runs.storage import read_arrays, read_table, write_arrays, write_table
from tests.stage_settings import settings

CAPTION = "a dog left of a zebra on the grass"
WORDS = ("dog", "zebra", "grass")


def pair(first: str, second: str) -> SimpleNamespace:
    return SimpleNamespace(first=first, second=second, case_first=first, case_second=second)


def flat(first: float, second: float, both: float) -> Information:
    return Information(*(np.full((2, 2), value) for value in (first, second, both)))


def test_parts_are_means_over_partners() -> None:
    pairs = [(pair("dog", "zebra"), flat(3, 1, 5)), (pair("dog", "grass"), flat(3, 2, 4))]
    found = average_parts(pairs, "min", dict.fromkeys(WORDS, 0.0))
    means = {word: {part: float(heat[0, 0]) for part, heat in parts.items()} for word, parts in found.items()}
    assert means["dog"] == pytest.approx({"unique": 1.5, "redundancy": 1.5, "synergy": 1.5})
    assert means["zebra"] == pytest.approx({"unique": 0.0, "redundancy": 1.0, "synergy": 2.0})
    assert means["grass"] == pytest.approx({"unique": 0.0, "redundancy": 2.0, "synergy": 1.0})


def test_a_word_that_is_no_case_is_only_a_partner() -> None:
    known = SimpleNamespace(first="Dog", second="sky", case_first="case", case_second="")
    assert set(average_parts([(known, flat(3, 1, 5))], "ppid", {"dog": 4.0, "sky": 1.0})) == {"case"}


class Gathered:
    """Two images, of which the second has a caption of one word; one of three pairs has no estimate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rows = [
            make_case(dataset="d", image_id=image, image_path=f"{image}.png", caption=caption, word=word, label=word)
            for image, caption, words in (("a", CAPTION, WORDS), ("b", "a cat", ("cat",)))
            for word in words
        ]
        self.cases = cases_table(rows)
        self.id = dict(zip(self.cases["word"], self.cases["case_id"], strict=True))
        write_cases(folder / "cases.parquet", self.cases)
        self.pairs = pairs_table(pairs_by_class("d", self.cases, kinds=("noun+noun",), tagger=None, join="and"))
        write_table(folder / "pairs.parquet", self.pairs, PAIR_COLUMNS)
        rng = np.random.default_rng(0)
        self.maps = {}
        for case in self.pairs["case_id"]:
            names = [f"{c}/{e}/{words}" for c in CONDITIONS for e in ESTIMATORS for words in INFORMATION]
            self.maps[case] = {name: rng.random((2, 3, 3)).astype(np.float32) for name in names}
            write_arrays(folder / "pair_maps" / f"{case}.npz", self.maps[case])
        self.shard({})

    def shard(self, failed: dict[str, str]) -> None:
        status = [failed.get(case, "ok") for case in self.pairs["case_id"]]
        values = {"string": "", "int64": 8, "float64": 0.0}
        frame = pd.DataFrame({name: [values[kind]] * len(status) for name, kind in SHARD_COLUMNS.items()})
        frame["case_id"], frame["status"] = self.pairs["case_id"].to_numpy(), status
        frame["reason"] = ["" if one == "ok" else f"it is {one}." for one in status]
        write_table(self.folder / "shard-0000.parquet", frame, SHARD_COLUMNS)

    def gather(self, section: PairsSection | None = None) -> pd.DataFrame:
        arguments = [
            *("--cases", str(self.folder / "cases.parquet"), "--pairs", str(self.folder / "pairs.parquet")),
            *("--estimates", str(self.folder / "shard-0000.parquet"), "--maps-pairs", str(self.folder / "pair_maps")),
            *("--settings", settings("gather_parts", pairs=section or PairsSection())),
            *("--maps", str(self.folder / "maps"), "--output", str(self.folder / "words.parquet")),
        ]
        assert main(["gather_parts", *arguments]) == 0
        return read_table(self.folder / "words.parquet", PARTS_COLUMNS).set_index("case_id")


@pytest.fixture
def gathered(tmp_path: Path) -> Gathered:
    return Gathered(tmp_path)


def test_every_word_of_a_pair_gets_its_parts(gathered: Gathered) -> None:
    table = gathered.gather()
    assert table.loc[gathered.id["cat"], "status"] == "no_pair" and len(table.loc[gathered.id["cat"], "pairs"]) == 0
    arrays = read_arrays(gathered.folder / "maps" / f"{gathered.id['dog']}.npz")
    assert set(arrays) == {"pair_draws", *(f"{part}/{e}/8" for part in PARTS for e in ESTIMATORS)}
    assert arrays["pair_draws"] == 16  # two partners
    expected = []
    for row in gathered.pairs.itertuples():
        if "dog" in (row.first, row.second):
            own, other = (
                gathered.maps[str(row.case_id)][f"given_rest/orthogonal/{words}"].mean(0, dtype=np.float64)
                for words in (("first", "second") if row.first == "dog" else ("second", "first"))
            )
            expected.append(own - np.minimum(own, other))
    np.testing.assert_allclose(arrays["unique/orthogonal/8"], np.mean(expected, axis=0), atol=1e-6)


def test_the_measure_is_that_of_maps(gathered: Gathered) -> None:
    gathered.gather(PairsSection(map_redundancy="ppid", word_prior="uniform"))
    arrays = read_arrays(gathered.folder / "maps" / f"{gathered.id['dog']}.npz")
    assert (arrays["unique/orthogonal/8"] <= 0).all()  # what the lesser word lacks


def test_pairs_that_failed_are_left_out(gathered: Gathered) -> None:
    gathered.shard(dict.fromkeys(gathered.pairs["case_id"][1:], "image_unreadable"))
    table = gathered.gather()
    first = gathered.pairs.iloc[0]
    words = {first["first"], first["second"]}
    (left,) = set(WORDS) - words
    assert {table.loc[gathered.id[word], "status"] for word in words} == {"ok"}
    assert table.loc[gathered.id[left], "status"] == "image_unreadable"
    assert list(table.loc[gathered.id[first["first"]], "pairs"]) == [first["case_id"]]


def test_unique_is_a_method_of_localisation(gathered: Gathered) -> None:
    gathered.gather()
    statuses = {"information": {}, "pairs": read_statuses([gathered.folder / "words.parquet"])}
    maps = Maps(gathered.cases, statuses, {"pairs": gathered.folder / "maps"}, 0)
    settings = maps.settings(["unique", "cmi"], ["orthogonal"])
    assert settings == [Setting("unique", "orthogonal", 8), Setting("cmi", "-", 0)]
    heat = maps.heat(gathered.id["dog"], settings[0])
    assert isinstance(heat, np.ndarray) and heat.shape == (3, 3)
    assert maps.draws(gathered.id["dog"], settings[0]) == 16
    failure = maps.heat(gathered.id["cat"], settings[0])
    assert isinstance(failure, Failure) and failure.status == "no_pair"


def test_the_commoner_word_of_a_pair_has_a_constant_map(gathered: Gathered) -> None:
    """As redundancy of kind ppid has it; not a map of rounding errors, which would rank pixels."""
    found = average_parts(
        [(pair("dog", "zebra"), Information(*np.random.default_rng(0).random((3, 4, 4))))],
        "ppid",
        {"dog": 1.3, "zebra": 7.7},
    )
    assert (found["dog"]["unique"] == 0).all() and np.ptp(found["zebra"]["unique"]) > 0
