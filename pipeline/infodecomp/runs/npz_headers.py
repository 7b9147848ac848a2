"""Are the arrays of an npz file as large as it says? NumPy allocates what a header claims before it reads a number."""

from __future__ import annotations

import io
import math
import zipfile

import numpy as np

# Magic string, version and length of the header; then at most as much header as NumPy itself would read.
_PREFIX_BYTES = 12
_HEADER_BYTES = 10_000
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
# The most that a byte can unpack to: a match of the longest length in the fewest bits, and the frame of an empty stream.
_LARGEST_RATIO = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1032, zipfile.ZIP_LZMA: 10_000}


def check_npz_headers(archive: zipfile.ZipFile) -> None:
    """Raise ValueError unless each member is an array of as many bytes as its header, the archive and the file say.

    Only headers are unpacked, so that no lie makes anybody allocate memory: a shape of 10¹² numbers, a size that the packed
    bytes cannot have, members that share their bytes. Whether the numbers are the right ones is for the CRC to tell.
    """
    members = archive.infolist()
    if len({member.filename for member in members}) < len(members):
        raise ValueError("two of its arrays have one name")
    if sum(member.compress_size for member in members) > archive.start_dir:
        raise ValueError("its arrays claim more bytes than the file has")
    for member in members:
        _check(archive, member)


def _check(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    name = member.filename
    if not name.endswith(".npy"):
        raise ValueError(f"{name!r} in it is no array")
    ratio = _LARGEST_RATIO.get(member.compress_type)
    if ratio is None:
        raise ValueError(f"{name!r} in it is packed in a way that is not supported")
    if member.file_size > member.compress_size * ratio:
        raise ValueError(f"{name!r} in it claims {member.file_size} bytes, packed in {member.compress_size}")
    claimed = _claimed_bytes(archive, member)
    if claimed != member.file_size:
        raise ValueError(f"the header of {name!r} in it claims {claimed} bytes, and there are {member.file_size}")


def _claimed_bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Bytes of the header and of the array that it describes."""
    with archive.open(member) as stream:
        prefix = stream.read(_PREFIX_BYTES)
        version = np.lib.format.read_magic(io.BytesIO(prefix))
        if version not in _READERS:
            raise ValueError(f"{member.filename!r} in it has the unknown version {version}")
        width = 2 * version[0]
        start = np.lib.format.MAGIC_LEN + width
        length = start + int.from_bytes(prefix[np.lib.format.MAGIC_LEN : start], "little")
        if length > _HEADER_BYTES:
            raise ValueError(f"the header of {member.filename!r} in it claims {length} bytes")
        header = prefix + stream.read(max(length - len(prefix), 0))
    content = io.BytesIO(header)
    content.seek(np.lib.format.MAGIC_LEN)
    shape, _, dtype = _READERS[version](content)
    if dtype.hasobject:
        raise ValueError(f"{member.filename!r} in it holds Python objects")
    if any(extent < 0 for extent in shape):
        raise ValueError(f"{member.filename!r} in it has the shape {shape}")
    return length + math.prod(shape) * dtype.itemsize
