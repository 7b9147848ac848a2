"""Arrays that claim to be larger than their file: found by their headers, before memory is allocated."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from infodecomp.runs.errors import InputError
from infodecomp.runs.npz_headers import check_npz_headers
from infodecomp.runs.storage import read_arrays, write_arrays

TRILLION = 10**12


def check(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        check_npz_headers(archive)


def npy(shape: str, body: bytes = b"", descr: str = "'<f8'", version: bytes = b"\x01\x00") -> bytes:
    """An .npy file with the header of one shape and the numbers of another."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    width = "<H" if version[0] == 1 else "<I"
    return b"\x93NUMPY" + version + struct.pack(width, len(header)) + header + body


def packed(path: Path, content: bytes, kind: int = zipfile.ZIP_DEFLATED, name: str = "a.npy") -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr(name, content)
    return path


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "?", "c16", "U5", "S3", "i2,f8"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 5), (4, 5)])
def test_honest_arrays_pass(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    path = tmp_path / "a.npz"
    array = np.zeros(shape, dtype)
    write_arrays(path, {"one": array, "other": np.asfortranarray(array)})
    check(path)
    for write in (np.savez, np.savez_compressed):
        write(path, one=array)
        check(path)


def test_the_most_that_can_be_packed_passes(tmp_path: Path) -> None:
    """Zeros, by the compression that we write and by NumPy's own."""
    path, zeros = tmp_path / "a.npz", np.zeros(1 << 23)
    write_arrays(path, {"zeros": zeros})
    check(path)
    assert not read_arrays(path)["zeros"].any()
    np.savez_compressed(path, zeros=zeros)
    check(path)


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (npy(f"({TRILLION},)", bytes(800)), "claims 80000000000.. bytes, and there are"),
        (npy(f"({2**32}, {2**32})", bytes(800)), "bytes, and there are"),
        (npy("(-2, -50)", bytes(800)), r"has the shape \(-2, -50\)"),
        (npy("(50,)", bytes(800)), "claims .* bytes, and there are"),
        (npy("(100,)", bytes(800), version=b"\x02\x00")[:-8], "bytes, and there are"),
        (npy("(1,)", bytes(8), descr="'|O'"), "holds Python objects"),
        (npy("(1,)", bytes(8), version=b"\x09\x00"), "version"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + bytes(800), "header of 'a.npy' in it claims 21474836"),
        (b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"{", "header"),
        (b"no array at all", "magic"),
        (b"", "magic"),
    ],
)
def test_headers_that_lie(tmp_path: Path, content: bytes, told: str, kind: int) -> None:
    path = packed(tmp_path / "a.npz", content, kind)
    with pytest.raises(ValueError, match=told):
        check(path)


def test_members_that_are_no_arrays(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'a\.pkl' in it is no array"):
        check(packed(tmp_path / "a.npz", b"x", name="a.pkl"))
    with pytest.raises(ValueError, match="packed in a way that is not supported"):
        check(packed(tmp_path / "a.npz", npy("(100,)", bytes(800)), zipfile.ZIP_BZIP2))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", npy("(1,)", bytes(8)))
        archive.writestr("a.npy", npy("(1,)", bytes(8)))
    with pytest.raises(ValueError, match="two of its arrays have one name"):
        check(path)


def directory(path: Path, **changes: int) -> Path:
    """Write other sizes into the central directory of an archive of one member."""
    places = {"compress_size": 20, "file_size": 24}
    content = bytearray(path.read_bytes())
    start = content.rindex(b"PK\x01\x02")
    for name, value in changes.items():
        struct.pack_into("<I", content, start + places[name], value)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_sizes_of_the_archive_that_lie(tmp_path: Path, kind: int) -> None:
    """The archive agrees with the array's header, and the packed bytes cannot hold that much."""
    claimed = 400_000_000
    content = npy(f"({claimed},)", bytes(800))
    path = packed(tmp_path / "a.npz", content, kind)
    with pytest.raises(ValueError, match="claims 32000"):
        check(directory(path, file_size=8 * claimed + len(content) - 800))
    path = packed(tmp_path / "a.npz", content, kind)
    with pytest.raises(ValueError, match="its arrays claim more bytes than the file has"):
        check(directory(path, file_size=8 * claimed, compress_size=8 * claimed))


def test_only_headers_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "a.npz", npy("(1000000,)", bytes(8_000_000)))
    read: list[int] = []
    inner = zipfile.ZipExtFile.read
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda self, n=-1: read.append(len(data := inner(self, n))) or data)
    check(path)
    assert sum(read) < 200


def test_numbers_are_left_to_the_crc(tmp_path: Path) -> None:
    """A byte that is damaged beyond the header is found by whoever reads the array."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.random.default_rng(0).normal(size=1000))
    path = packed(tmp_path / "a.npz", buffer.getvalue())
    content = bytearray(path.read_bytes())
    content[4000] ^= 1
    path.write_bytes(content)
    check(path)
    with pytest.raises(InputError, match="not a readable npz"):
        read_arrays(path)
