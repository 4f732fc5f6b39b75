"""Files: read only where there is one, and written so that what was there stays whole until what is new is."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path


def content(path: Path) -> bytes:
    """Return what is in a file.

    Raises
    ------
    OSError
        It cannot be read, or is none: a pipe, which would be waited for.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or str(path) == os.devnull):
        raise OSError(errno.ESPIPE, "it is a pipe or a device, and no file", str(path))
    return path.read_bytes()


def replace(path: Path, text: str) -> None:
    """Write a file, by one that takes its place when all of it is on the disk; a device is written as it is.

    Raises
    ------
    OSError
        It cannot be written; what was there is as it was. The exception has the file's name.
    """
    try:
        place = Path(os.path.realpath(path))  # of a link the file that it leads to
        place.parent.mkdir(parents=True, exist_ok=True)
        mode = _mode(place)
        if mode is not None and not stat.S_ISREG(mode):
            place.write_text(text, encoding="utf-8")  # of a folder this raises
            return
        _replaced(place, text.encode("utf-8"), mode)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _mode(path: Path) -> int | None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if not os.access(path, os.W_OK):  # else the new one would take the place of a file that nobody may write
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return mode


def _replaced(path: Path, data: bytes, mode: int | None) -> None:
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            if mode is not None:
                beside.chmod(stat.S_IMODE(mode))
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def is_one_of(path: Path, others: Iterable[Path]) -> Path | None:
    """Return which of some files a path leads to, by whatever links, or None."""
    return next((other for other in others if _is_same(path, other)), None)


def _is_same(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)  # of one that is not there yet
