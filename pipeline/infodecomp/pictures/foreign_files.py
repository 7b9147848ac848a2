"""Files among pictures that are none, or of a format that Pillow does not decode, told by their first bytes."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import features

_CONVERT = "convert it to PNG or JPEG"
_AGAIN = "copy or download it again"

# First bytes → what the file is, and the remedy.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "it is a pointer of Git LFS in place of the picture; run `git lfs pull`"),
    (b"/annex/objects/", "it is a pointer of git-annex in place of the picture; run `git annex get`"),
    (b"%PDF", f"it is a PDF; {_CONVERT}"),
    (b"%!PS", f"it is PostScript; {_CONVERT}"),
    (b"\xc5\xd0\xd3\xc6", f"it is PostScript; {_CONVERT}"),
    (b"\xff\x0a", f"it is JPEG XL; {_CONVERT}"),
    (b"\0\0\0\x0cJXL ", f"it is JPEG XL; {_CONVERT}"),
    (b"v/1\x01", f"it is OpenEXR, whose light has no upper end; tone-map it and {_CONVERT}"),
    (b"#?RADIANCE", f"it is Radiance HDR, whose light has no upper end; tone-map it and {_CONVERT}"),
    (b"#?RGBE", f"it is Radiance HDR, whose light has no upper end; tone-map it and {_CONVERT}"),
    (b"\x93NUMPY", "it is an array of NumPy; save it as PNG with 8 bits"),
    (b"\x89HDF", "it is an HDF5 file; save the picture in it as PNG"),
    (b"PK\x03\x04", "it is a ZIP archive; unpack it"),
    (b"\x1f\x8b", "it is compressed by gzip; unpack it"),
    (b"FUJIFILMCCD-RAW", f"it is the raw file of a camera; develop it and {_CONVERT}"),
)
# Brands of the container that HEIC, AVIF, raw files and films share.
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    b"crx ": "the raw file of a camera",
}
# Pillow reads the preview in these TIFF files as if it were the picture.
_RAW = {
    *(".dng", ".nef", ".nrw", ".cr2", ".arw", ".sr2", ".srf", ".pef", ".orf"),
    *(".rw2", ".srw", ".3fr", ".iiq", ".erf", ".kdc"),
}
_MARKUP = re.compile(rb"\s*(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)?<(!doctype\s+html|html|head|body|svg|\?xml)", re.I | re.S)


def foreign_format(path: Path, head: bytes) -> str | None:
    """What a file is and what to do about it, where Pillow would not read it or would read something else in it.

    head: its first bytes; at least 256 of them, where it has so many.
    """
    if not head.strip(b"\0"):
        return f"it {'holds zeros' if head else 'is empty'}, as after an interrupted copy; {_AGAIN}"
    if head[4:8] == b"ftyp":
        return _container(head)
    if path.suffix.lower() in _RAW and head.startswith((b"II", b"MM")):
        return f"it is the raw file of a camera; develop it and {_CONVERT}"
    if found := _MARKUP.match(head):
        if b"<svg" in head.lower():
            return f"it is an SVG drawing; {_CONVERT}"
        return f"it is {'XML' if found[3] == b'?xml' else 'a web page'} in place of the picture; {_AGAIN}"
    if head[128:132] == b"DICM":
        return f"it is DICOM; window its values and {_CONVERT}"
    return next((sentence for start, sentence in _STARTS if head.startswith(start)), None)


def _container(head: bytes) -> str | None:
    brands = [head[8:12], *(head[place : place + 4] for place in range(16, min(_length(head), len(head)), 4))]
    names = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    if "AVIF" in names:
        return None if features.check("avif") else f"it is AVIF, and this Pillow has no decoder for it; {_CONVERT}"
    if "HEIC" in names:
        return f"it is HEIC, for which there is no decoder here; {_CONVERT}, or set the phone to write JPEG"
    if names:
        return f"it is {names[0]}; develop it and {_CONVERT}"
    return "it is a film; save one of its frames as PNG or JPEG"


def _length(head: bytes) -> int:
    """Length of the first box of a container, which lists its brands."""
    return int.from_bytes(head[:4], "big")
