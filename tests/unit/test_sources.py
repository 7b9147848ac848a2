"""The table of sources: what stands in it, and what is said of a bad one."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from infodecomp.fetching.sources import COLUMNS, HUB_ADDRESS, Source, read_sources, sources_of
from infodecomp.representation.datasets.table import DATASETS, dataset_places
from infodecomp.runs.errors import InputError

TABLE = Path("data") / "sources.csv"
ROW = {
    "dataset": "coco",
    "file": "val.zip",
    "version": "1",
    "url": "http://127.0.0.1:1/val.zip",
    "places": "val/",
    "licence": "none",
}


@pytest.fixture(scope="module")
def sources(repository: Path) -> dict[str, Source]:
    return read_sources(repository / TABLE)


def write(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_published_sizes_and_hashes(sources: dict[str, Source]) -> None:
    images, lists = sources["coco/val2017.zip"], sources["coco/annotations_trainval2017.zip"]
    assert (images.bytes, images.md5) == (815_585_330, "442b8da7639aecaf257c1dceb8ba8c80")
    assert images.sha256 == "4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05"
    assert (lists.bytes, lists.md5) == (252_907_541, "f4bbac642086de4f52a3fdda2de5fa2c")
    assert lists.sha256 == "113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268"
    assert sources["aro/val2014.zip"].md5 == "a3d79f5ed8d289b7a7554ce06a5782b3"


def test_the_table_is_complete(sources: dict[str, Source]) -> None:
    """Everything that the published study reads is given once; what has no encrypted address has a hash."""
    targets = [target for source in sources.values() for target in source.targets]
    assert len(set(targets)) == len(targets)
    assert {
        Path("data/coco/val2017"),
        Path("data/coco/annotations/instances_val2017.json"),
        Path("data/coco/annotations/captions_val2017.json"),
        Path("data/aro/visual_genome_relation.json"),
        Path("data/aro/visual_genome_attribution.json"),
        Path("data/aro/images"),
        Path("data/aro/coco_order"),
        Path("data/aro/flickr30k_order"),
    } <= set(targets)
    for name, source in sources.items():
        assert source.licence and source.note, name
        if any(address.startswith("http:") for address in source.addresses):
            assert source.md5 or source.sha256, name
        assert source.on_hub == all(HUB_ADDRESS.fullmatch(address) for address in source.addresses or ("",)), name
    assert [name for name, source in sources.items() if source.form] == [
        "aro/flickr30k-images",
        "ffhq/thumbnails128x128",
    ]


def test_every_place_of_an_image_dataset_has_a_source(sources: dict[str, Source]) -> None:
    targets = {target for source in sources.values() for target in source.targets}
    assert {place for name in DATASETS for place in dataset_places(name)} <= targets


def test_a_path_finds_its_source(sources: dict[str, Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def files(*paths: str) -> list[str]:
        return [source.file for source in sources_of([Path(path) for path in paths], sources.values())]

    assert files("data/coco/val2017") == ["val2017.zip"]
    assert files(str(tmp_path / "data/coco/val2017"), "data/coco/annotations/captions_val2017.json") == [
        "val2017.zip",
        "annotations_trainval2017.zip",
    ]
    assert files("data/aro/coco_order/*.parquet") == ["coco_order"]
    assert files("photos/val2017", "data/scenes/val2017", "data/coco") == []


def test_what_is_there_is_not_fetched_over(
    sources: dict[str, Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images = Path("data/coco/val2017")
    images.mkdir(parents=True)
    assert sources_of([images], sources.values()) == []
    # A lock says that the workflow has put it there.
    source = sources["coco/val2017.zip"]
    source.lock.parent.mkdir()
    source.lock.write_text("{}", encoding="utf-8")
    assert sources_of([images], sources.values()) == [source]


def test_every_bad_row_is_told(tmp_path: Path) -> None:
    table = write(
        tmp_path / "sources.csv",
        ROW,
        ROW,
        {**ROW, "file": "a/b.zip", "licence": " "},
        {**ROW, "file": "c.zip", "url": "ftp://somewhere/c.zip", "mirrors": "hf://datasets/owner/name@main/*.parquet"},
        {**ROW, "file": "d.zip", "bytes": "-3", "md5": "abc", "sha256": "0" * 63 + "G"},
        {**ROW, "file": "e.zip", "places": "../up /tmp/x fetched/y"},
    )
    with pytest.raises(InputError) as caught:
        read_sources(table)
    told = str(caught.value).splitlines()
    assert [line.split(":")[0].removeprefix(f"{table}, ") for line in told] == [
        *("line 3", "line 4", "line 4", "line 5", "line 5"),
        *("line 6", "line 6", "line 6", "line 7", "line 7", "line 7"),
    ]
    for part in (
        "coco/val.zip is in the table twice",
        "'a/b.zip'",
        "`licence` is empty",
        "'ftp://somewhere/c.zip'",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/a",
        "https://localhost/a",
        "http://[::1]/a",
        "http://10.0.0.7/a",
        "file:///srv/a",
        "form:http://10.1.1.1/a",
    ],
)
def test_private_addresses_are_for_a_table_of_ones_own(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    TABLE.parent.mkdir()
    row = {**ROW, "url": address}
    mine = read_sources(write(tmp_path / "mine.csv", row))
    assert mine["coco/val.zip"].own
    write(TABLE, row, {**ROW, "file": "b.zip", "url": "https://example.org/b.zip"})
    for table in (TABLE, TABLE.resolve(), Path("data/../data/sources.csv")):
        with pytest.raises(
            InputError, match=r"line 2: '.*' is of this machine or of a private network; name it in"
        ) as told:
            read_sources(table)
        assert len(str(told.value).splitlines()) == 1


def test_the_checkouts_table_is_the_shipped_one_from_anywhere(
    sources: dict[str, Source], repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = read_sources(repository / TABLE)
    assert not any(source.own for source in (*sources.values(), *elsewhere.values()))


def test_a_table_with_other_columns(tmp_path: Path) -> None:
    table = tmp_path / "sources.csv"
    table.write_text("file,url\n", encoding="utf-8")
    with pytest.raises(InputError, match="the columns are file, url; expected dataset, file, version, url, mirrors"):
        read_sources(table)
    with pytest.raises(InputError, match="no such file; allowed is a table with dataset, file"):
        read_sources(tmp_path / "none.csv")
