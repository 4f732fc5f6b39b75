"""A sound backend of which one call goes wrong: it raises what is no ordinary exception, or answers what is no array."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from clinometer.backends.reference.adapter import Reference

MEMBERS = ("asarray", "to_numpy", "jvp", "vmap", "jit", "cond", "while_loop", "scan")
TAPE = ("leaf", "backward", "gradient", "zero", "grad", "no_grad", "update")


class Mute(BaseException):
    """An exception of a library's own, which has no text and an odd name."""

    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


class Loud(Exception):
    """An exception that says megabytes."""

    def __str__(self) -> str:
        return "loud\r\n\x1b[31m" * 200_000


class Stubborn(np.ndarray):
    """An array of numpy's that lets nothing be done with it."""

    def __array_ufunc__(self, *words: Any, **more: Any) -> Any:
        raise RuntimeError("not evaluated")

    __array_function__ = __array_ufunc__


class Lazy:
    """What has no value yet, and fails when it is asked for it."""

    def __array__(self, *words: Any, **more: Any) -> Any:
        raise RuntimeError("failed, later")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __iter__(self) -> Any:
        raise RuntimeError("no entries")

    def __repr__(self) -> str:
        raise SystemExit("no text")


RAISED: dict[str, Callable[[], BaseException]] = {
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "SystemExit": lambda: SystemExit(0),
    "Skipped": lambda: pytest.skip.Exception("not today"),
    "Failed": lambda: pytest.fail.Exception("so it says"),
    "Exit": lambda: pytest.exit.Exception("enough", returncode=0),
    "Mute": Mute,
    "a\nname\x1b[31m": lambda: type("a\nname\x1b[31m", (BaseException,), {})(),
}
ANSWERS: dict[str, Callable[[Any], Any]] = {
    "objects": lambda y: np.array([object()] * np.size(y), object),
    "numbers as objects": lambda y: np.array(y, object),
    "strings": lambda y: np.array(["one", "two"]),
    "dates": lambda y: np.array(["2020-01-01"], "datetime64[D]"),
    "fields": lambda y: np.zeros(2, [("a", "f8")]),
    "ragged": lambda y: [[1, 2], [3]],
    "stubborn": lambda y: np.asarray(y).view(Stubborn),
    "lazy": lambda y: Lazy(),
    "none": lambda y: None,
    "a number": lambda y: 3,
    "another shape": lambda y: np.zeros((2, 0, 5)),
    "no entries": lambda y: np.zeros(0),
    "a mapping": lambda y: {},
}


class Sabotaged(Reference):
    """Its call number `at` goes wrong, of those of all members or of one; with `on`, so do all that follow."""

    name = "sabotaged"
    second_witness = False

    def __init__(self) -> None:
        super().__init__()
        self.sound()
        for name in MEMBERS:
            setattr(self, name, self.watched(name, getattr(self, name)))
        operations = {op: f for op, f in vars(self.xp).items() if callable(f)}
        self.xp = SimpleNamespace(**{op: self.watched(f"xp.{op}", f) for op, f in operations.items()})
        tape = {name: staticmethod(self.watched(f"tape.{name}", getattr(self.tape, name))) for name in TAPE}
        self.tape = type("Tape", (), tape)()
        vjp = self.vjp

        def differentiated(f: Any, *primals: Any) -> Any:
            y, pullback = vjp(f, *primals)
            return y, self.watched("pullback", pullback)

        self.vjp = self.watched("vjp", differentiated)  # type: ignore[method-assign]  # as the others are

    def sound(self) -> None:
        """Have nothing go wrong, and count anew."""
        self.wrong("", 0)

    def wrong(self, how: str, at: int, *, member: str = "", on: bool = False) -> None:
        """Have a call go wrong, in a way that `RAISED` or `ANSWERS` names."""
        self.how, self.at, self.member, self.on = how, at, member, on
        self.count = 0
        self.met: list[str] = []

    def watched(self, name: str, f: Callable[..., Any]) -> Callable[..., Any]:
        """Return a member that is counted."""

        @functools.wraps(f)
        def member(*args: Any, **params: Any) -> Any:
            self.count += self.member in ("", name)
            met = self.member in ("", name) and self.at and (self.count == self.at or (self.on and self.count > self.at))
            if not met:
                return f(*args, **params)
            self.met.append(name)
            if self.how in RAISED:
                raise RAISED[self.how]()
            return ANSWERS[self.how](f(*args, **params))

        return member
