"""What a backend is: five members that each has, and the types of what else it may offer.

What is optional is a type of its own: `isinstance(backend, ForwardMode)`. The name of it stands in `OFFERS`, for clauses
that need it. No member catches an exception.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import numpy as np

from clinometer.backends.dialect import Dialect
from clinometer.backends.support import support_of

Array = Any  # the library's own
Block = Callable[..., tuple[Array, ...]]  # of traced control flow: uses values around it as it pleases


class Backend(Protocol):
    """An AD library, as the suites see it.

    It may have a `support` too: a `Support`, of dtypes, of derivatives of derivatives, and of what it does not have.
    """

    name: str
    xp: Any  # operations under the catalogue's names; what it lacks is unsupported

    def asarray(self, x: np.ndarray) -> Array:
        """Return the library's array: same dtype, same values, memory of its own."""

    def to_numpy(self, x: Array) -> np.ndarray:
        """Return numpy's array: same dtype, same values."""

    def vjp(self, f: Callable[..., Array], *primals: Array) -> tuple[Array, Callable[[Array], Sequence[Array]]]:
        """Return f(*primals) and its pullback.

        `f` takes and returns arrays of the library. The pullback takes a cotangent of the output's shape and returns
        one gradient a primal; zeros where nothing flows.
        """


MEMBERS = ("name", "xp", "asarray", "to_numpy", "vjp")

# ----- forward mode -----


@runtime_checkable
class ForwardMode(Protocol):
    """A backend with forward mode."""

    def jvp(self, f: Callable[..., Array], primals: Sequence[Array], tangents: Sequence[Array]) -> tuple[Array, Array]:
        """Return f(*primals) and its tangent."""


# ----- the second language: a tape -----


@runtime_checkable
class Tape(Protocol):
    """Leaves, backward, and gradients that accumulate on the leaves: a backend's `tape`."""

    def leaf(self, x: Array) -> Array:
        """Return a new leaf that requires a gradient."""

    def backward(self, y: Array, ct: Array | None = None, *, retain: bool = False) -> None:
        """Add the gradients of y to those of all its leaves; without `retain`, free the graph."""

    def gradient(self, leaf: Array) -> Array | None:
        """Return what has accumulated on a leaf; None before the first backward, if the library says so."""

    def zero(self, leaf: Array) -> None:
        """Clear what has accumulated on a leaf."""

    def grad(self, y: Array, leaves: Sequence[Array], ct: Array, *, graph: bool = False) -> Sequence[Array | None]:
        """Return gradients and leave those on the leaves alone; with `graph`, they can be differentiated again."""


TAPE_MEMBERS = ("leaf", "backward", "gradient", "zero", "grad")


@runtime_checkable
class PausedTape(Tape, Protocol):
    """A tape that does not record where it is told so."""

    def no_grad(self) -> AbstractContextManager[Any]:
        """Return a context in which nothing is recorded."""


@runtime_checkable
class InPlaceTape(Tape, Protocol):
    """A tape of arrays that can be changed in place. A library in which `x += y` is a new array may return that."""

    def update(self, op: str, x: Array, y: Any = None, *, key: Any = None) -> Array:
        """Change x in place, or `x[key]` alone, and return x.

        Parameters
        ----------
        op : str
            "add", "subtract", "multiply" or "divide", with y; "set", with y and a key, such as `...` for all of x; or "exp",
            "sin" or "tanh", without both.
        x : array
        y : array or number, optional
        key : optional
            An integer, a slice, `...`, a list of integers or of booleans, a tuple of those.
        """


# ----- transforms, and control flow that the library traces where `jit` meets no Python branch on data -----


@runtime_checkable
class Vmap(Protocol):
    """A backend that maps functions."""

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that maps `f` over the leading axis of all its arguments."""


@runtime_checkable
class Jit(Protocol):
    """A backend that compiles functions."""

    def jit(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that is traced or compiled at its first call, for arguments of each shape and dtype."""


@runtime_checkable
class Cond(Protocol):
    """A backend that traces branches."""

    def cond(self, test: Array, then: Block, otherwise: Block) -> tuple[Array, ...]:
        """Return what `then()` or `otherwise()` does."""


@runtime_checkable
class WhileLoop(Protocol):
    """A backend that traces loops of as many trips as data say."""

    def while_loop(self, test: Callable[..., Array], body: Block, carried: tuple[Array, ...]) -> tuple[Array, ...]:
        """Replace the tuple `carried` by `body(*carried)` while `test(*carried)`."""


@runtime_checkable
class Scan(Protocol):
    """A backend that traces loops of a fixed number of trips."""

    def scan(self, body: Block, carried: tuple[Array, ...], times: int) -> tuple[Array, ...]:
        """Replace the tuple `carried` by `body(*carried)`, so many times."""


# ----- for people -----


@runtime_checkable
class Spoken(Protocol):
    """A backend whose failures come as scripts in the library's own words."""

    dialect: Dialect | None


@runtime_checkable
class Versioned(Protocol):
    """A backend that says which versions it runs on, for the journal: of the library, under the backend's name, and others."""

    versions: Mapping[str, str]


# ----- what a backend offers -----

TRANSFORMS: Mapping[str, type] = {"vmap": Vmap, "jit": Jit, "cond": Cond, "while_loop": WhileLoop, "scan": Scan}
OFFERS: Mapping[str, type] = {"forward": ForwardMode, **TRANSFORMS}
TAPES: Mapping[str, type] = {"tape": Tape, "no_grad": PausedTape, "inplace": InPlaceTape}


def capabilities(backend: Backend) -> set[str]:
    """Return what a backend offers, of what clauses may need: "reverse", and as much as it has of all else."""
    tape = getattr(backend, "tape", None)
    found = {what for what, kind in OFFERS.items() if isinstance(backend, kind)}
    found |= {what for what, kind in TAPES.items() if isinstance(tape, kind)}
    cuts, nests = hasattr(backend.xp, "stop_gradient"), support_of(backend).nests
    return found | {"reverse"} | {what for what, has in {"stop_gradient": cuts, "nested": nests}.items() if has}


def versions_of(backend: Backend) -> Mapping[str, str]:
    """Return the versions that a backend says it runs on."""
    return backend.versions if isinstance(backend, Versioned) else {}


def as_list(found: Iterable[Any], due: int) -> list[Any]:
    """Return what a library gives as a list; of what does not know its own length, no more than one beyond what is due."""
    return list(found if isinstance(found, Sized) else itertools.islice(found, due + 1))


# What a clause has said that it needs, the backend has.


def forward_mode(backend: Backend) -> ForwardMode:
    """Return a backend that offers "forward" as what it is."""
    assert isinstance(backend, ForwardMode)
    return backend


def tape_of(backend: Backend) -> Tape:
    """Return the tape of a backend that offers "tape"."""
    tape = getattr(backend, "tape", None)
    assert isinstance(tape, Tape)
    return tape


def paused_tape_of(backend: Backend) -> PausedTape:
    """Return the tape of a backend that offers "no_grad"."""
    tape = tape_of(backend)
    assert isinstance(tape, PausedTape)
    return tape


def in_place_tape_of(backend: Backend) -> InPlaceTape:
    """Return the tape of a backend that offers "inplace"."""
    tape = tape_of(backend)
    assert isinstance(tape, InPlaceTape)
    return tape
