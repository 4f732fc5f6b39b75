"""Writing a journal: each record with a single write, on its way to the disk at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from clinometer.journal.records import AnyRecord


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    return value


class Writer:
    """Appends records to a file, each with a single write, so that several processes may share it."""

    def __init__(self, path: str | os.PathLike[str], *, fresh: bool = True):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | (os.O_TRUNC if fresh else 0)
        self._file = os.open(path, flags, 0o644)
        if not fresh:
            self._drop_cut_line()

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

    def write(self, record: AnyRecord) -> None:
        """Append one record; it is on its way to the disk when this returns."""
        try:
            line = msgspec.json.encode(record)
        except UnicodeEncodeError:  # an exception's text may hold half a surrogate pair, which UTF-8 cannot say
            line = msgspec.json.encode(_encodable(msgspec.to_builtins(record)))
        os.write(self._file, line + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def set_aside(path: Path) -> Path | None:
    """Rename what is there, so that nothing is lost: to the first of FILE.1, FILE.2, ... that is free.

    Returns None if there is nothing in it. The suffix comes last, so that `*.jsonl` are the runs that count.
    """
    if not path.is_file() or not path.stat().st_size:
        return None
    number = 1
    while (kept := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    path.rename(kept)
    return kept
