"""What a backend is: four members, and the optional ones that are detected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

Array = Any  # the library's own


class Backend(Protocol):
    """An AD library, as the suites see it. No method catches an exception.

    Optional members, asked for with `capabilities` and never assumed: `jvp(f, primals, tangents)`, which returns
    the output and its tangent; `tape`, a `Tape`; `dialect`, a `Dialect`, for scripts in the library's own words;
    `nests`, true where `vjp` and `jvp` may be called by functions that are being differentiated themselves, by the
    same library's `vjp` and `jvp`, in any order; `dtypes`, the names of those that it works in, if not float32 and
    float64; `lacks`, a mapping from operations to those of its dtypes that they do not take, and to modes of nested
    derivatives that they do not have; `refusals`, the messages by which the library itself says that it does not have
    something, where it raises no NotImplementedError: regular expressions of "TypeOfException: text"; `versions`, a
    mapping for the journal. An adapter refuses nothing that its library takes: it asks, and the library refuses.

    Transforms: `vmap(f)` returns a function that maps `f` over the leading axis of all its arguments; `jit(f)` one that
    the library traces or compiles at its first call, for arguments of each shape and dtype.

    Control flow that the library traces, where `jit` meets no Python branch on data. Blocks are functions of arrays,
    return tuples, and use values around them as they please: `cond(test, then, otherwise)` returns what `then()` or
    `otherwise()` does; `while_loop(test, body, carried)` replaces the tuple `carried` by `body(*carried)` while
    `test(*carried)`; `scan(body, carried, times)` does so a fixed number of times.
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


class Tape(Protocol):
    """The second language: leaves, backward, and gradients that accumulate on the leaves.

    Two members are optional: `no_grad` and, detected as "inplace", `update(op, x, y=None, *, key=None)`, which changes an
    array in place and returns it. `op` is "add", "subtract", "multiply" or "divide", with an array of the library or a
    number y; "set", with a key of x, such as `...` for all of it; or "exp", "sin" or "tanh", without y and key. With a key (an
    integer, a slice, `...`, a list of integers or of booleans, a tuple of those) the change is of `x[key]` alone. A
    library without changes in place, in which `x += y` is a new array, may return that.
    """

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

    def no_grad(self) -> AbstractContextManager[Any]:
        """Return a context in which nothing is recorded."""


TRANSFORMS = ("vmap", "jit", "cond", "while_loop", "scan")
MEMBERS = ("name", "xp", "asarray", "to_numpy", "vjp")


def dtypes(backend: Backend) -> tuple[str, ...]:
    """Return the names of the dtypes that a backend works in: float32 and float64, if it says nothing."""
    return tuple(getattr(backend, "dtypes", ("float32", "float64")))


def refuses(backend: Backend, error: BaseException) -> bool:
    """Say whether an exception is how a library says that it does not have what was asked, and no fault."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"
    known: Iterable[str] = getattr(backend, "refusals", ())
    return isinstance(error, NotImplementedError) or any(re.search(words, said) for words in known)


def capabilities(backend: Backend) -> set[str]:
    """Return what a backend offers: "reverse", and what it has of the optional members, and of `TRANSFORMS`."""
    offers = {"forward": hasattr(backend, "jvp"), "tape": getattr(backend, "tape", None) is not None}
    offers["stop_gradient"] = hasattr(backend.xp, "stop_gradient")
    offers["inplace"] = hasattr(getattr(backend, "tape", None), "update")
    offers["no_grad"] = hasattr(getattr(backend, "tape", None), "no_grad")
    offers["nested"] = getattr(backend, "nests", False)
    offers |= {name: hasattr(backend, name) for name in TRANSFORMS}
    return {"reverse"} | {what for what, offered in offers.items() if offered}
