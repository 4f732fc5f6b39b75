"""Writing a journal: each record with a single write, on its way to the disk at once."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from clinometer.journal.reader import is_journal
from clinometer.journal.records import AnyRecord, encoded


class Writer:
    """Appends records to a file, each with a single write, so that several processes may share it.

    Parameters
    ----------
    path : path-like
    fresh : bool
        Whether what is there is dropped; else a last line that was cut short is.
    alone : bool
        Whether this is the run that the journal is of: no other one may write it until this is closed.

    Raises
    ------
    OSError
        It cannot be written, or another run is writing it.
    """

    def __init__(self, path: str | os.PathLike[str], *, fresh: bool = True, alone: bool = False):
        self._path, self._alone = Path(path), alone
        self._file = self._opened()
        try:
            if alone:
                _lock(self._file, self._path)
            if fresh:
                os.ftruncate(self._file, 0)
            else:
                self._drop_cut_line()
        except OSError:
            self.close()
            raise

    def _opened(self, more: int = 0) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | more, 0o644)

    def _drop_cut_line(self) -> None:
        # A crash may cut the last line short. Appended to, it would spoil the next record as well.
        size = os.lseek(self._file, 0, os.SEEK_END)
        whole = size
        while whole and self._byte(whole - 1) != b"\n":
            whole -= 1
        if whole != size:
            os.ftruncate(self._file, whole)

    def _byte(self, at: int) -> bytes:
        os.lseek(self._file, at, os.SEEK_SET)  # appending goes to the end anyway
        return os.read(self._file, 1)

    def write(self, *records: AnyRecord) -> None:
        """Append records; they are on their way to the disk when this returns."""
        _write(self._file, b"".join(encoded(record) + b"\n" for record in records))

    def keep(self) -> bool:
        """Put the file back where something has deleted it, or put another one in its place; return whether that was so."""
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(self._path), os.fstat(self._file)):
                return False
            set_aside(self._path)
        old, self._file = self._file, self._opened(os.O_EXCL)
        try:
            if self._alone:
                _lock(self._file, self._path)
            os.lseek(old, 0, os.SEEK_SET)
            while some := os.read(old, 1 << 20):
                _write(self._file, some)
        finally:
            os.close(old)
        return True

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _write(file: int, lines: bytes) -> None:
    while lines:  # what is not written at once, as on a disk that is nearly full, follows
        lines = lines[os.write(file, lines) :]


def set_aside(path: Path) -> Path | None:
    """Rename what is there, so that nothing is lost: to the first of FILE.1, FILE.2, ... that is free.

    Returns None if there is nothing in it. The suffix comes last, so that `*.jsonl` are the runs that count. Raises OSError
    where another run is writing it, and where it is no journal.
    """
    if not path.is_file() or not path.stat().st_size:
        return None
    with path.open("rb+") as file:
        _lock(file.fileno(), path)
    if not is_journal(path):
        raise FileExistsError(errno.EEXIST, "a file is there that is no journal; name another one", str(path))
    number = 1
    while (kept := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    path.rename(kept)
    return kept


def _lock(file: int, path: Path) -> None:
    """Hold a file for this run, as long as it is open; Windows knows no such lock, and there nothing is held."""
    with contextlib.suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(errno.EWOULDBLOCK, "another run is writing it", str(path)) from None
