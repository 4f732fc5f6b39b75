"""The reference as it should not be: each name of the table is a backend, `clinometer run tests/hostile/backends.py:NAME`."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clinometer.backends.reference.adapter import Node, Reference, Tape

from .rows import IMPORTING, MAKING, Answer, Row
from .table import BACKENDS

# Each line says which process has made a backend, and which one has made that.
STARTS = Path(os.environ.get("HOSTILE_FOLDER", os.devnull)) / "starts"


class Hostile(Reference):
    """The reference, with the deeds of some rows done at their places."""

    def __init__(self, rows: Sequence[Row]):
        super().__init__()
        if STARTS.parent.is_dir():
            with STARTS.open("a") as file:
                file.write(f"{os.getpid()} {os.getppid()}\n")
        self.rows = {row.at: row for row in rows}
        self.last = ""  # operation that was called
        for name in list(vars(self.xp)):
            setattr(self.xp, name, self._watched(name, getattr(self.xp, name)))
        self.tape = HostileTape(self)
        self.tape.node = self.node
        if MAKING in self.rows:
            self.struck(MAKING, self)

    def struck(self, place: str, answer: Any) -> Any:
        """Do what is done at a place, and return the answer: the right one, unless there is another."""
        if place not in self.rows:
            return answer
        row = self.rows.pop(place)  # a deed that is done is done: what it has changed stays changed
        try:
            other = row.does()
        except BaseException:
            self.rows[place] = row  # but what it raises or answers, it does each time
            raise
        if not isinstance(other, Answer):
            return answer
        self.rows[place] = row
        return other.value

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def operation(*args: Any, **params: Any) -> Any:
            self.last = name
            answer = function(*args, **params)
            return self.struck(name, answer) if type(args[0]) is np.ndarray and args[0].dtype == np.float64 else answer

        return operation

    def asarray(self, x: np.ndarray) -> Any:
        answer = super().asarray(x)
        return self.struck("asarray", answer) if x.dtype == np.float32 else answer

    def to_numpy(self, x: Any) -> np.ndarray:
        answer = super().to_numpy(x)
        return self.struck("to_numpy", answer) if answer.dtype == np.float32 else answer

    def vjp(self, f: Callable[..., Any], *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        if self.last != "exp":
            return y, pullback
        return self.struck("vjp", (y, lambda ct: self.struck("pullback", pullback(ct))))

    def jvp(self, f: Callable[..., Any], primals: Any, tangents: Any) -> Any:
        return self.struck("jvp", super().jvp(f, primals, tangents))


class HostileTape(Tape):
    """The tape of a hostile backend."""

    def __init__(self, backend: Hostile):
        self.backend = backend

    def backward(self, y: Node, ct: Any = None, *, retain: bool = False) -> None:
        super().backward(y, ct, retain=retain)
        self.backend.struck("backward", None)


def __getattr__(name: str) -> Any:
    if name in BACKENDS:
        return functools.partial(BACKENDS[name].made, Hostile)
    raise AttributeError(name)


# When it is imported for a run, and not by tests.
if __name__.startswith("clinometer_backend_"):
    for word in sys.argv:
        for row in getattr(BACKENDS.get(word.rpartition(":")[2]), "rows", ()):
            if row.at == IMPORTING:
                row.does()
