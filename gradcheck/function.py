"""A function of the user's, as a backend differentiates it: arguments, outputs, pullback and pushforward, in numpy.

What the function raises by itself is the user's own and passes through. What is raised while it is differentiated is
a finding about its gradient.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from clinometer.backends import Backend, BackendProblem, capabilities, load
from clinometer.backends.protocol import MEMBERS, as_list, forward_mode, tape_of
from clinometer.backends.raised import in_one_line

__tracebackhide__ = True  # in pytest, as none of this is the user's

Arrays = list[np.ndarray]


class GradientError(AssertionError):
    """A gradient is wrong, or nobody can tell at this point; the message says which entry, and what to do next."""

    def __init__(self, message: str, outcome: str = "fail"):
        super().__init__(message)
        self.outcome = outcome


def chosen(backend: str | Backend) -> Backend:
    """Return the backend of a name, or the backend itself."""
    if isinstance(backend, str):
        try:
            return load(backend)
        except BackendProblem as problem:
            if isinstance(problem.__cause__, KeyboardInterrupt):
                raise problem.__cause__ from None
            raise ValueError(str(problem)) from None
    made: Any = backend() if isinstance(backend, type) else backend
    missing = [member for member in MEMBERS if not hasattr(made, member)]
    if missing:
        raise TypeError(f"backend {made!r} lacks {', '.join(missing)}; give a name such as 'torch', or a Backend")
    return cast(Backend, made)


@dataclass
class Argument:
    """One argument: an array to differentiate in, or a constant."""

    name: str
    value: Any
    constant: str = ""  # why it is one


class UserFunction:
    """A function and the arguments that it is differentiated at."""

    def __init__(self, f: Callable[..., Any], arguments: Sequence[Argument], backend: Backend, called: str = "f"):
        self.f, self.arguments, self.backend, self.called = f, list(arguments), backend, called
        self.active = [i for i, a in enumerate(self.arguments) if not a.constant]
        self.xs: Arrays = [self.arguments[i].value for i in self.active]
        self.names = [self.arguments[i].name for i in self.active]

    def native(self, arrays: Sequence[np.ndarray]) -> list[Any]:
        """Return the backend's own arrays."""
        return [self.backend.asarray(x) for x in arrays]

    def numpy(self, x: Any) -> np.ndarray:
        """Return a copy as numpy's array; what is differentiated has numbers, and so has all that comes of it."""
        found = np.array(self.backend.to_numpy(x))
        if found.dtype.kind not in "biufc":
            raise GradientError(f"differentiating {self.called} gives an array of {found.dtype}, where one of numbers is due")
        return found

    def outputs(self, *natives: Any) -> tuple[Any, ...]:
        """Return the outputs of f, given those arguments that are not constant."""
        full = [self.native([a.value])[0] if isinstance(a.value, np.ndarray) else a.value for a in self.arguments]
        for i, x in zip(self.active, natives, strict=True):
            full[i] = x
        result = self.f(*full)
        return tuple(result) if isinstance(result, tuple | list) else (result,)

    def values(self, xs: Sequence[np.ndarray]) -> Arrays:
        """Return the outputs of f itself, not differentiated."""
        found = []
        for k, y in enumerate(self.outputs(*self.native(xs))):
            found.append(_array(self.backend, y, f"f returns {_kind(y)} as output {k}"))
        if not found:
            raise TypeError("f returns an empty tuple: there is nothing to differentiate")
        return found

    # ----- differentiating: what is raised here is a finding -----

    def pull(self, k: int, xs: Sequence[np.ndarray]) -> tuple[np.ndarray, Callable[[np.ndarray], Arrays], list[Any]]:
        """Return an output, its pullback, and the backend's arrays that it was differentiated at."""
        natives = self.native(xs)
        with differentiating(self.called):
            y, pullback = self.backend.vjp(lambda *zs: self.outputs(*zs)[k], *natives)

        def pulled(ct: np.ndarray) -> Arrays:
            native = self.backend.asarray(ct)
            with differentiating(self.called):
                gradients = as_list(pullback(native), len(xs))
            if not np.array_equal(self.numpy(native), ct):
                raise GradientError("the pullback changes its cotangent in place; let it work on a copy")
            if len(gradients) != len(xs) or any(g is None for g in gradients):
                given = len([g for g in gradients if g is not None])
                raise GradientError(f"differentiating {self.called}: the pullback gives {given} of {len(xs)} gradients")
            with differentiating(self.called):
                return [self.numpy(g) for g in gradients]

        with differentiating(self.called):
            return self.numpy(y), pulled, natives

    def push(self, k: int, xs: Sequence[np.ndarray], dxs: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return an output and its tangent, by forward mode."""
        jvp = forward_mode(self.backend).jvp
        y, dy = jvp(lambda *zs: self.outputs(*zs)[k], self.native(xs), self.native(dxs))
        return self.numpy(y), self.numpy(dy)

    def said(self, k: int, a: int, ct: np.ndarray) -> str:
        """Return what the library itself says of a gradient that the adapter gives as zeros: nothing, None or an exception."""
        if "tape" not in capabilities(self.backend):
            return ""
        tape = tape_of(self.backend)
        try:
            leaves = [tape.leaf(x) for x in self.native(self.xs)]
            found = tape.grad(self.outputs(*leaves)[k], leaves, self.backend.asarray(ct))[a]
        except Exception as error:  # it does not depend on any leaf, or so the library believes
            return f"{self.backend.name} raises {in_one_line(error)}; is f detached, or called without recording?"
        none = f"{self.backend.name} gives None; the backward pass returns it, or f detaches {self.names[a]}"
        return none if found is None else ""

    def gradient(self, k: int, ct: np.ndarray) -> Gradient:
        """Return the gradient of output k, for a cotangent: a function like any other, to be differentiated again."""
        return Gradient(self, k, ct)


class Gradient(UserFunction):
    """The gradient of an output of another function, for a cotangent."""

    def __init__(self, of: UserFunction, k: int, ct: np.ndarray):
        super().__init__(self._pulled, of.arguments, of.backend, "the gradient of f")
        self.of, self.k, self.ct = of, k, ct

    def _pulled(self, *full: Any, ct: Any = None) -> tuple[Any, ...]:
        primals = [full[i] for i in self.active]

        def f(*zs: Any) -> Any:
            inner = list(full)
            for i, z in zip(self.active, zs, strict=True):
                inner[i] = z
            result = self.of.f(*inner)
            return tuple(result)[self.k] if isinstance(result, tuple | list) else result

        return tuple(self.backend.vjp(f, *primals)[1](self.backend.asarray(self.ct) if ct is None else ct))

    def said(self, k: int, a: int, ct: np.ndarray) -> str:
        """Return what the library says when asked for the gradient in all that there is, the cotangent as well.

        Asked for that in the arguments alone, torch does not pass by the node that would raise.
        """
        full = [self.native([x.value])[0] if isinstance(x.value, np.ndarray) else x.value for x in self.arguments]

        def g(inner: Any, *zs: Any) -> Any:
            for i, z in zip(self.active, zs, strict=True):
                full[i] = z
            found = self._pulled(*full, ct=inner)[k]
            tape_of(self.backend).backward(found, self.backend.asarray(ct), retain=True)
            return found

        try:
            if "tape" in capabilities(self.backend):
                self.backend.vjp(g, *self.native([self.ct, *self.xs]))
        except Exception as error:
            return f"{self.backend.name} raises {in_one_line(error)}"
        return ""


@contextlib.contextmanager
def differentiating(what: str) -> Iterator[None]:
    """Turn what is raised into a finding."""
    try:
        yield
    except (GradientError, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever a custom gradient may raise
        text = f"differentiating {what} raises {in_one_line(error)}"
        raise GradientError(text) from error


# ----- arguments -----


def arguments(args: Sequence[Any], backend: Backend) -> list[Argument]:
    """Return what is differentiated in, in float64, and what is a constant.

    Raises
    ------
    TypeError, ValueError
        Complex numbers, arrays that cannot be converted, entries that are not finite, or nothing to differentiate in.
    """
    flags = [getattr(a, "requires_grad", None) for a in args]
    found = [_argument(f"args[{i}]", a, backend, any(flags) and flag is False) for i, (a, flag) in enumerate(zip(args, flags))]
    if all(a.constant for a in found):
        why = "; ".join(f"{a.name} is {a.constant}" for a in found) or "there are none"
        hint = "pass floating arrays, or numbers with a decimal point"
        if any(isinstance(a, tuple) for a in args):
            hint = "pass the arguments one by one, not in a tuple: check_gradients(f, x, y)"
        raise ValueError(f"no argument to differentiate in: {why}; {hint}")
    return found


def _argument(name: str, a: Any, backend: Backend, fixed: bool) -> Argument:
    if not isinstance(a, float | list) and not hasattr(a, "dtype") and not hasattr(a, "__array__"):
        return Argument(name, a, f"a constant of type {type(a).__name__}")
    x = np.array(a) if isinstance(a, float | list | np.ndarray | np.generic) else _array(backend, a, f"{name} is {_kind(a)}")
    if x.dtype.kind in "biu":
        return Argument(name, x, f"a constant of dtype {x.dtype}")
    if x.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {x.dtype}; float64 and float32 are examined, and integers are constants")
    if not np.isfinite(x).all():
        raise ValueError(f"{name} has entries that are not finite: choose a point at which f is smooth")
    return Argument(name, x.astype(np.float64), "a constant, as it requires no grad" if fixed else "")


def _array(backend: Backend, x: Any, what: str) -> np.ndarray:
    """Convert an array of the backend's, and nothing else."""
    due = f"{what}, where an array of {backend.name} is due"
    if x is None or isinstance(x, bool | int | str | dict | list | tuple) or type(x) in (float, complex):
        raise TypeError(due)
    try:
        found = np.array(backend.to_numpy(x))
    except Exception as error:  # the adapter's way to say that this is none of its arrays
        raise TypeError(f"{due} ({in_one_line(error)})") from None
    if found.dtype.kind not in "biufc":
        raise TypeError(due)
    return found


def _kind(x: Any) -> str:
    return f"{x.dtype} {type(x).__name__}" if hasattr(x, "dtype") else "None" if x is None else type(x).__name__
