"""Files and folders that are on the disk for good: a power cut after these calls loses neither a content nor a name.

What a program writes stays in memory for up to half a minute. A file's content reaches the disk by a call of its own
(fsync), its name by the same call on the folder that holds it, and the name of a new folder by one on the folder above. A
result may be declared finished only after all three.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

# Some file systems (network shares, FUSE) have no such call for folders, and some folders on the way, such as /home, may
# not be read.
_REFUSALS = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EROFS, errno.EBADF, errno.EACCES, errno.EPERM})


def sync_file(path: Path) -> None:
    """Put the content of a file on the disk, but not its name. Raises OSError, with the file's name, if the disk fails."""
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk: files and folders made, renamed and deleted in it. Raises OSError as above."""
    try:
        _sync(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise


def sync_files(paths: Iterable[Path]) -> None:
    """Put files on the disk, with their names and those of the folders on the way to them: each file and folder once.

    Raises OSError if one is missing or the disk fails.
    """
    files = dict.fromkeys(paths)
    for path in files:
        sync_file(path)
    for folder in dict.fromkeys(folder for path in files for folder in _folders_above(path)):
        sync_folder(folder)


def sync_tree(folder: Path) -> None:
    """Put a folder on the disk, with all files and folders in it, but not its own name; links are not followed."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            if path.is_file() and not path.is_symlink():
                sync_file(path)
        sync_folder(Path(parent))


def sync_name(path: Path) -> None:
    """Put the name of a file or folder on the disk, and those of the folders on the way to it."""
    for folder in _folders_above(path):
        sync_folder(folder)


def put_in_place(finished: Path, target: Path) -> None:
    """Rename a finished file or folder to `target`, replacing an earlier one, so that a power cut leaves one of them whole.

    The content is on the disk before the name. `finished` and `target` lie in the same folder.
    """
    if not finished.is_dir():
        sync_file(finished)
        finished.replace(target)
        sync_name(target)
        return
    sync_tree(finished)
    earlier = target.with_name(f".{target.name}.earlier")
    if earlier.is_dir():
        shutil.rmtree(earlier)
    if target.is_dir() and not target.is_symlink():
        # Not deleted under its name: a power cut could leave a part of it there.
        target.rename(earlier)
        sync_folder(target.parent)
    else:
        target.unlink(missing_ok=True)
    finished.rename(target)
    sync_name(target)
    shutil.rmtree(earlier, ignore_errors=True)


def write_record(path: Path, text: str) -> None:
    """Write a text that declares something finished (a receipt, a lock), as UTF-8; a power cut leaves all of it or none.

    What it declares must be on the disk before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        temporary.write_text(text, encoding="utf-8", newline="")
        put_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _folders_above(path: Path) -> Iterator[Path]:
    """The folder of a path and those above it: up to the working folder, or to the root of the file system."""
    here = Path.cwd()
    for folder in path.absolute().parents:
        yield folder
        if folder == here or folder.is_mount():
            return


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(descriptor)
