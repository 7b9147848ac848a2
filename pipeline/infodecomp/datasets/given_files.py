"""The pictures and masks that a user's CSV names: each read once, and turned so that they fit each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from infodecomp.datasets.agreement import Agreed, OrientationMode, agree
from infodecomp.datasets.mask_files import read_mask_image, whole_or_empty
from infodecomp.datasets.masks import Size
from infodecomp.pictures.images import StoredImage, load_image, read_header
from infodecomp.runs.assumptions import Assumptions
from infodecomp.runs.errors import InputError


class _GivenMask(NamedTuple):
    """A mask file of a row: the line of the row, its path, and height and width."""

    line: int
    path: Path
    size: Size


@dataclass
class GivenFiles:
    """Reads pictures and masks below `root`; what it had to assume of a file is added to `assumptions`.

    masked: masks are needed. Otherwise one that cannot be used is no fault.
    """

    root: Path
    orientation: OrientationMode = "auto"
    masked: bool = True
    assumptions: Assumptions = field(default_factory=Assumptions)
    _headers: dict[str, StoredImage | InputError] = field(default_factory=dict)
    _masks: dict[str, list[_GivenMask]] = field(default_factory=dict)

    def read_image(self, name: str) -> None:
        """Decode a picture, once however often it is named; InputError each time if that fails."""
        if name not in self._headers:
            try:
                load_image(self.root / name)
                self._headers[name] = read_header(self.root / name)
            except InputError as error:
                self._headers[name] = error
        header = self._headers[name]
        if isinstance(header, InputError):
            raise header

    def read_mask(self, line: int, image: str, name: str, value: str = "", *, whole: bool = False) -> None:
        """Read a mask of a picture that was read; InputError if it cannot be used.

        line: of the row that names both. value: as for `read_mask_image`. whole: it may mark the whole picture.
        """
        try:
            self._add_mask(line, image, self.root / name, value, whole)
        except InputError:
            if self.masked:
                raise

    def _add_mask(self, line: int, image: str, path: Path, value: str, whole: bool) -> None:
        reading = read_mask_image(path, value, as_stored=self.orientation == "ignore")
        # Its size is kept even if nothing is marked: another size is the first thing to mend.
        self._masks.setdefault(image, []).append(_GivenMask(line, path, reading.mask.shape))
        if whole and reading.mask.all():
            return
        problem = whole_or_empty(reading.mask)
        if problem:
            raise InputError(f"{path}: {problem}")
        self.assumptions.add(path, reading.assumed)

    def orientations(self) -> tuple[dict[str, int], dict[int, str]]:
        """How each picture is turned to fit all of its masks; and line → problem of rows whose mask does not fit."""
        found, misfits = dict[str, int](), dict[int, str]()
        for image, header in self._headers.items():
            if isinstance(header, InputError):
                continue
            masks = self._masks.get(image, [])
            try:
                agreed = self._agree(image, header, masks)
            except InputError:
                if self.masked:
                    misfits |= self._misfits(image, header, masks)
                    continue
                agreed = self._agree(image, header, [])
            found[image] = agreed.orientation
            self.assumptions.add(self.root / image, agreed.assumed)
        return found, misfits

    def _agree(self, image: str, header: StoredImage, masks: list[_GivenMask]) -> Agreed:
        sizes = {mask.size: f"its mask {mask.path} has" for mask in reversed(masks)}
        return agree(self.root / image, header, self.orientation, sizes)

    def _misfits(self, image: str, header: StoredImage, masks: list[_GivenMask]) -> dict[int, str]:
        """The rows whose own mask does not fit; all of them if each fits alone, as stored or as shown."""
        misfits = {}
        for mask in masks:
            try:
                self._agree(image, header, [mask])
            except InputError as error:
                misfits[mask.line] = str(error)
        names = " and ".join(dict.fromkeys(f"{mask.path} {mask.size[1]} x {mask.size[0]}" for mask in masks))
        contradiction = (
            f"{self.root / image}: the sizes of its masks differ (width x height): {names}; they must be equal."
        )
        return misfits or {mask.line: contradiction for mask in masks}
