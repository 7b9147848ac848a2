"""Picture files, opened by Pillow: one sentence for each file that cannot be read, with what to do about it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from infodecomp.pictures.foreign_files import foreign_format
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

_HEAD = 1024  # bytes by which a format is told

# A photo of 100 megapixels is large, and no attack.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image file, opened and not yet decoded, for the length of a block, in which it may be decoded.

    The content tells the format; the suffix is not asked. Raises InputError naming the file, also for what fails in the
    block: a file that is missing, empty, damaged, cut off or too large, or of a format that cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an image.")
    try:
        with checked(path).open("rb") as handle:
            head = handle.read(_HEAD)
    except OSError as error:
        raise InputError(f"{path}: this image cannot be read ({error}).") from error
    if found := foreign_format(path, head):
        raise InputError(f"{path}: this image cannot be read: {found}.")
    try:
        with Image.open(checked(path)) as image:
            yield image
    except (InputError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise InputError(f"{path}: this image cannot be read: {_unidentified(head)}.") from error
    except Image.DecompressionBombError as error:
        most = f"{2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels"
        raise InputError(f"{path}: this image cannot be read: it has more than {most}; make it smaller.") from error
    except Exception as error:  # Pillow's decoders raise almost anything for a damaged file
        raise InputError(
            f"{path}: this image cannot be read ({error}); it is damaged or cut off: copy or download it again."
        ) from error


def _unidentified(head: bytes) -> str:
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return (
            "its TIFF has samples of a kind that is not supported, such as colours in floats or 32 bits; save it as PNG "
            "or as TIFF with 8 or 16 bits"
        )
    return "it is not a picture, or its first bytes are damaged; copy it again, or save it as PNG or JPEG"
