"""What a library raises, as text: whatever its exceptions make of themselves, and however much they say.

An exception is the library's own code: its `__str__` may raise or return megabytes, and its class may have any name.
"""

from __future__ import annotations

import traceback
from typing import Any

from clinometer.reference.text import clipped

LONGEST = 4_000  # characters of what an exception says
LONGEST_TRACE = 40_000
LONGEST_NAME = 100


def in_one_line(error: BaseException) -> str:
    """Return the type of an exception and what it says."""
    return f"{kind(error)}: {' '.join(told(error).split())}"


def told(error: BaseException) -> str:
    """Return what an exception says."""
    return clipped(_text(str, error), LONGEST)


def kind(error: BaseException | None) -> str:
    """Return the name of an exception's class."""
    name: str = type.__dict__["__name__"].__get__(type(error))  # a metaclass may have a `__name__` of its own
    return clipped(" ".join(name.split()), LONGEST_NAME)


def is_a(error: BaseException | None, *kinds: type[BaseException]) -> bool:
    """Whether an exception is of some kinds; `isinstance` would ask it for its `__class__`."""
    return issubclass(type(error), kinds)


def trace(error: BaseException) -> str:
    """Return the traceback of an exception."""
    try:
        said = "".join(traceback.format_exception(error))
    except BaseException as other:  # of notes, of suggestions, of causes
        said = f"{in_one_line(error)}\n(its traceback cannot be shown: {kind(other)})\n"
    return clipped(said, LONGEST_TRACE)


def shown(x: Any) -> str:
    """Return how an object of a library's shows itself, in one line."""
    return " ".join(clipped(_text(repr, x), LONGEST).split())


def _text(how: Any, x: Any) -> str:
    """Return `str` or `repr` of an object, as a plain text: it may return one that has methods of its own."""
    try:
        return str.__str__(how(x))
    except BaseException as other:  # whatever it raises
        return f"(its __{how.__name__}__ raises {kind(other)})"
