"""Answers of an adapter: what they may be, and how one is held against what is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clinometer.backends import Backend, support_of
from clinometer.backends.raised import in_one_line
from clinometer.harness.interruption import insist
from clinometer.reference.text import clipped

THERE, MISSING, WRONG, UNLOADED = "there", "missing", "wrong", "not loaded"
LONGEST = 1_000  # characters of what is said
CARRYING = "asarray, to_numpy"
OVER = {"over": True}

# Two roundings of bfloat16, and a little: what is further off is another function. The suites ask for less.
ROUGHLY = 1e-2

TO_NUMPY = "return numpy's array of the same dtype and values, for values and gradients alike"


@dataclass(frozen=True)
class Answer:
    """What became of one question.

    Parameters
    ----------
    member : str
        What was asked: "vjp", "xp.sin".
    state : str
        `THERE`, `MISSING`, which is no fault, `WRONG`, or `UNLOADED`, of a backend that cannot be asked anything.
    said : str
        What is wrong, or what is not asked for want of it.
    mend : str
        What to do.
    """

    member: str
    state: str
    said: str = ""
    mend: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.member, self.said, self.mend)))


class Fault(Exception):
    """A member does something else than it must; the message says what, `mend` what to do."""

    def __init__(self, said: str, mend: str):
        super().__init__(said)
        self.mend = mend


class NotThere(Exception):
    """A member is not there, and need not be; the message says what is not asked for want of it."""


Question = tuple[str, Callable[[], None], str]  # the member, what asks it, and what to look at if it raises


def answered(question: Question) -> Answer:
    """Ask, and return what became of it; nothing that the library raises gets past."""
    member, ask, mend = question
    try:
        ask()
    except Fault as fault:
        return Answer(member, WRONG, clipped(str(fault), LONGEST), fault.mend)
    except NotThere as absent:
        return Answer(member, MISSING, clipped(str(absent), LONGEST))
    except BaseException as error:  # whatever an adapter or a library may raise
        insist(error)
        return Answer(member, WRONG, f"raises {clipped(in_one_line(error), LONGEST)}", mend)
    return Answer(member, THERE)


class Asked:
    """A backend, and the few ways to hold one of its answers against what is right."""

    def __init__(self, backend: Backend):
        self.backend: Any = backend
        self.dtypes = tuple(getattr(support_of(backend), "dtypes", ()))
        names = [name for name in ("float64", "float32") if name in self.dtypes]
        self.dtype = [*names, *self.dtypes, "float64"][0]

    def native(self, values: Any) -> Any:
        """Return the library's array."""
        return self.backend.asarray(np.array(values, self.dtype))

    def square(self, x: Any) -> Any:
        """Return x * x, in whatever words there are."""
        xp = self.backend.xp
        return xp.square(x) if hasattr(xp, "square") else self.product(x, x)

    def product(self, x: Any, y: Any) -> Any:
        """Return x * y, in whatever words there are."""
        return self.backend.xp.multiply(x, y) if hasattr(self.backend.xp, "multiply") else x * y

    def hold(self, what: str, got: Any, want: Any, mend: str, dtype: str = "", *, exact: bool = False) -> None:
        """Hold an answer against the right array: in dtype, shape and values, to the bit where nothing is computed."""
        right = np.array(want, dtype or self.dtype)
        if got is None:
            raise Fault(f"{what} is None, where an array is due", mend)
        found = self.backend.to_numpy(got)
        if not isinstance(found, np.ndarray):
            raise Fault(f"{what} is a {type(found).__name__} after to_numpy, where numpy's array is due", TO_NUMPY)
        if found.dtype != right.dtype or found.shape != right.shape:
            kinds = [f"{x.dtype} of shape {x.shape}" for x in (found, right)]
            raise Fault(f"{what} is {kinds[0]}, where {kinds[1]} is right", mend)
        near = not exact and np.allclose(found.astype("complex128"), right.astype("complex128"), ROUGHLY)
        if found.tobytes() != right.tobytes() and not near:
            raise Fault(f"{what} is {found.tolist()}, where {right.tolist()} is right", mend)
