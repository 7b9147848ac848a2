"""Explanations on disk: what was saved comes back, and a file that is anything else is one sentence."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infodecomp.explaining.archive import VERSION, load_explanation, save_explanation
from infodecomp.explaining.explanation import Explanation, Quantity
from infodecomp.explaining.html import explanation_html
from infodecomp.runs.errors import InputError
from tests.unit.explained import HOSTILE, explained, paired
from tests.unit.test_npz_headers import npy


def saved(folder: Path, explanation: Explanation | None = None) -> Path:
    path = folder / "dog.zip"
    save_explanation(explanation or explained(), path)
    return path


def rewritten(path: Path, change: Callable[[dict[str, bytes]], Any], kind: int = zipfile.ZIP_STORED) -> Path:
    """The file with its members changed; its checksums hold again."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_text(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, bytes]], None]:
    def changed(members: dict[str, bytes]) -> None:
        record = json.loads(members["explanation.json"])
        change(record)
        members["explanation.json"] = json.dumps(record).encode()

    return changed


def with_arrays(**changes: bytes | None) -> Callable[[dict[str, bytes]], None]:
    """Arrays replaced by other bytes, or left out; `__` in a name is a slash."""

    def changed(members: dict[str, bytes]) -> None:
        with zipfile.ZipFile(io.BytesIO(members["arrays.npz"])) as archive:
            arrays = {name: archive.read(name) for name in archive.namelist()}
        arrays |= {
            f"{name.replace('__', '/')}.npy": content for name, content in changes.items() if content is not None
        }
        for name, content in changes.items():
            if content is None:
                del arrays[f"{name.replace('__', '/')}.npy"]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in arrays.items():
                archive.writestr(name, content)
        members["arrays.npz"] = packed.getvalue()

    return changed


def assert_same_quantity(one: Quantity, other: Quantity) -> None:
    for field in fields(Quantity):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name == "map":
            assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


def assert_same(one: Explanation, other: Explanation) -> None:
    np.testing.assert_array_equal(one.picture, other.picture)
    for name in ("caption", "settings", "warnings"):
        assert getattr(one, name) == getattr(other, name)
    assert list(one) == list(other)
    assert list(one.caption_nats) == list(other.caption_nats)
    for name, quantity in one.caption_nats.items():
        assert_same_quantity(quantity, other.caption_nats[name])
    for mine, theirs in zip(one.words, other.words, strict=True):
        assert (mine.span, mine.status, mine.reason) == (theirs.span, theirs.status, theirs.reason)
        assert list(mine.quantities) == list(theirs.quantities) and list(mine.maps) == list(theirs.maps)
        for key, quantity in mine.quantities.items():
            assert_same_quantity(quantity, theirs.quantities[key])
        for method, heat in mine.maps.items():
            np.testing.assert_array_equal(heat, theirs.maps[method])
    for pair, again in zip(one.pairs, other.pairs, strict=True):
        for name in ("caption", "first", "second", "given", "draws"):
            assert getattr(pair, name) == getattr(again, name)
        for estimator, information in pair.information.items():
            for name, replicates in vars(information).items():
                np.testing.assert_array_equal(replicates, vars(again.information[estimator])[name])


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    explanation = explained("ein Hund 🐕 neben ein Hund", failed=["neben"], warnings=["only 4 draws"])
    assert_same(explanation, load_explanation(saved(tmp_path, explanation)))
    assert_same(explained(HOSTILE), load_explanation(saved(tmp_path, explained(HOSTILE))))


def test_pairs_come_back_and_need_no_model(tmp_path: Path) -> None:
    path = saved(tmp_path, paired())
    found = load_explanation(path)
    assert_same(paired(), found)
    assert found.pair("robot", "dog").synergy.total == paired().pairs[0].synergy.total
    assert found.pair("dog", "robot", draws=45).draws == 48, "draws are rounded up to equal parts"
    for missing in ({"given": "nothing"}, {"draws": 96}):
        with pytest.raises(InputError, match=r"the pair 'dog', 'robot' needs the model, .* explainer\.resume"):
            found.pair("dog", "robot", **missing)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="an edit needs the model"):
        found.without("dog")


def test_explanations_without_pairs_stay_readable_for_earlier_versions(tmp_path: Path) -> None:
    for explanation, version in ((explained(), 1), (paired(), 2)):
        with zipfile.ZipFile(saved(tmp_path, explanation)) as archive:
            record = json.loads(archive.read("explanation.json"))
        assert (record["version"], "pairs" in record) == (version, version == 2)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (with_arrays(pairs__0__standard__both=None), "pairs/0/standard/both"),
        (with_arrays(pairs__0__standard__both=npy("(2, 8, 8)", bytes(1024))), "pairs/0/standard are not maps of two"),
        (with_arrays(pairs__1__standard__both=npy("(2, 8, 8)", bytes(1024))), "unknown array pairs/1"),
        (with_text(lambda record: record["pairs"][0].update(given="all")), r"pairs\.0\.given"),
        (with_text(lambda record: record["pairs"][0]["first"].update(start=0)), "characters 0 to 10 of the caption"),
        (with_text(lambda record: record["pairs"][0].update(estimators=["standard"])), "unknown array pairs/0/orth"),
    ],
)
def test_a_damaged_pair_is_one_sentence(tmp_path: Path, change: Callable[[dict[str, bytes]], Any], told: str) -> None:
    path = rewritten(saved(tmp_path, paired()), change)
    with pytest.raises(InputError, match=told):
        load_explanation(path)


def test_the_methods_of_an_explanation_are_these_functions(tmp_path: Path) -> None:
    explanation = explained("dog")
    explanation.save(str(tmp_path / "new" / "dog.zip"))
    found = Explanation.load(tmp_path / "new" / "dog.zip")
    assert_same(explanation, found)
    assert found._repr_html_() == explanation_html(explanation)
    assert found.overlay("dog", own_scale=True).size == (512, 512)
    assert found.plot(method="mi").get_figheight() > 1


def test_an_unknown_error_comes_back_and_the_text_is_json(tmp_path: Path) -> None:
    explanation = explained()
    unknown = replace(explanation.caption_nats["standard"], error=float("nan"))
    path = saved(tmp_path, replace(explanation, caption_nats={"standard": unknown}))
    assert np.isnan(load_explanation(path).caption_nats["standard"].error)

    def refused(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    with zipfile.ZipFile(path) as archive:
        json.loads(archive.read("explanation.json"), parse_constant=refused)


def test_equal_explanations_give_equal_bytes_and_one_file(tmp_path: Path) -> None:
    first = saved(tmp_path).read_bytes()
    assert saved(tmp_path).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["dog.zip"]


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path)
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("infodecomp.explaining.archive._add", full)
    with pytest.raises(
        InputError, match=r"dog\.zip: the explanation cannot be written there \(No space left on device\)"
    ):
        saved(tmp_path, explained("another"))
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == before


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a folder; give the name of a file"):
        save_explanation(explained(), tmp_path)
    with pytest.raises(InputError, match="no such file"):
        load_explanation(tmp_path)


def test_a_file_of_a_newer_version_says_what_to_do(tmp_path: Path) -> None:
    def newer(record: dict[str, Any]) -> None:
        record.update(version=VERSION + 1, written_by="9.1", words="of another shape")

    path = rewritten(saved(tmp_path), with_text(newer))
    with pytest.raises(
        InputError, match=r"saved by infodecomp 9\.1 in format 3; infodecomp .* formats up to 2: update"
    ):
        load_explanation(path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda members: members.pop("explanation.json"), "not an explanation saved by infodecomp: it holds no"),
        (lambda members: members.update({"explanation.json": b"[1]"}), "not an explanation saved by infodecomp"),
        (lambda members: members.update({"explanation.json": b"[" * 10**5}), "not an explanation saved by infodecomp"),
        (lambda members: members.update({"explanation.json": b" " * 2**25}), "claims 33554432 bytes; allowed are"),
        (lambda members: members.update({"evil.pkl": b"x"}), r"it holds .*evil\.pkl; expected"),
        (lambda members: members.pop("arrays.npz"), r"it holds explanation\.json; expected"),
        (lambda members: members.update({"arrays.npz": b"no archive"}), "damaged"),
        (lambda members: members.update({"arrays.npz": npy("(1000000000000,)", bytes(8))}), "damaged"),
        (with_arrays(picture=npy("(1000000, 1000000, 3)", bytes(24), "'|u1'")), "claims 3000000000"),
        (with_arrays(picture=npy("(1,)", bytes(8), "'|O'")), "holds Python objects"),
        (with_arrays(picture=npy("(4, 6)", bytes(24), "'|u1'")), r"the picture is uint8 \(4, 6\); expected"),
        (with_arrays(picture=None), "picture"),
        (with_arrays(words__1__cmi__standard=None), "the array words/1/cmi/standard is missing"),
        (with_arrays(words__1__maps__attention=npy("(3,)", bytes(24))), "expected a map of numbers"),
        (with_arrays(stranger=npy("(1, 1)", bytes(8))), "unknown array stranger"),
        (with_text(lambda record: record.pop("caption")), "caption: Field required"),
        (with_text(lambda record: record.update(further=1)), "further: Extra inputs are not permitted"),
        (with_text(lambda record: record["words"][2].update(status=3)), r"words\.2\.status"),
        (
            with_text(lambda record: record["words"][2]["span"].update(start=0)),
            "characters 0 to 10 of the caption are not",
        ),
        (with_text(lambda record: record["words"][2]["span"].update(start=-7)), "characters -7 to"),
        (with_text(lambda record: record["words"][0]["quantities"]["cmi/standard"].pop("total")), "total"),
        (with_text(lambda record: record["words"][0]["quantities"]["cmi/standard"].update(odd=1.0)), "odd"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, change: Callable[[dict[str, bytes]], Any], told: str) -> None:
    path = rewritten(saved(tmp_path), change)
    with pytest.raises(InputError, match=told) as caught:
        load_explanation(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_an_archive_in_the_archive_is_not_packed_twice(tmp_path: Path) -> None:
    path = rewritten(saved(tmp_path), lambda members: None, zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match=r"arrays\.npz is packed twice"):
        load_explanation(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = rewritten(saved(tmp_path), with_arrays(stranger=npy("(1000, 1000)", bytes(8 * 10**6))))
    monkeypatch.setattr("infodecomp.explaining.archive._MOST_ARRAY_BYTES", 10**6)
    with pytest.raises(InputError, match=r"arrays unpack to 80\d+ bytes; allowed are 1000000"):
        load_explanation(path)


def test_a_file_with_any_changed_or_missing_byte_is_refused_or_the_same(tmp_path: Path) -> None:
    path, explanation = saved(tmp_path), explained()
    content = path.read_bytes()
    places = np.random.default_rng(0).choice(len(content), 60, replace=False)
    for place in places.tolist():
        for damaged in (content[:place], content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]):
            path.write_bytes(damaged)
            try:
                found = load_explanation(path)
            except InputError as error:
                assert "\n" not in str(error)
            else:
                assert_same(explanation, found)
