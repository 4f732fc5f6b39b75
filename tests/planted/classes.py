"""Classes of bugs, each planted into any operation: its value stays right, and its gradient does not.

An identity whose pullback is wrong is put before an operation, or behind it. So one planter serves every operation, on
the reference and on torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from clinometer.backends.reference.adapter import Reference
from clinometer.backends.reference.half import NARROW, HalfArray, kind
from clinometer.backends.torch.adapter import Torch
from clinometer.reference.arithmetic import dispatch
from clinometer.reference.catalogue import CATALOGUE

Array = Any
Wrong = Callable[..., Array]  # of a gradient or a cotangent


# ----- what is wrong: with a gradient on its way out of an operation, or a cotangent on its way in -----


def scaled(factor: float) -> Wrong:
    return lambda g: g * factor


def averaged(ct: np.ndarray) -> np.ndarray:
    return np.full_like(ct, ct.mean() if ct.size else 0)


def rolled(g: np.ndarray) -> np.ndarray:
    return np.roll(g, 1)


def one_entry(g: np.ndarray) -> np.ndarray:
    g = np.array(g)
    g.flat[:1] *= 1.5
    return g


def alternating(g: np.ndarray) -> np.ndarray:
    return g * np.where(np.arange(g.size) % 2, 0.98, 1.02).reshape(g.shape)


def scaled_slope(g: Array, cut: Callable[[Array], Array]) -> Array:
    return g + 0.05 * (g - cut(g))


def dropped_slope(g: Array, cut: Callable[[Array], Array]) -> Array:
    return cut(g)


SINGLE, DOUBLE = ("float32", "complex64"), ("float64", "complex128")
REAL = (*NARROW, "float32", "float64")


@dataclass(frozen=True)
class Bug:
    """A class of bugs.

    Parameters
    ----------
    name : str
    wrong : callable
        Of a gradient, or of a cotangent where `before`; of second order, of a gradient that is differentiated and of what
        detaches it.
    dtypes : sequence of str
        Each is asked by itself; a bug is planted for each.
    only : str
        The one dtype in which it shows; then all `dtypes` are asked, and one bug is planted.
    before : bool
    outside : bool
        It is planted into the pullback of whatever calls the operation: a derivative that is zero carries no cotangent.
    strided : bool
        It shows only for inputs that are not contiguous.
    order : int
        Of the first derivative that is wrong.
    """

    name: str
    wrong: Wrong
    dtypes: Sequence[str] = (*SINGLE, *DOUBLE)
    only: str = ""
    before: bool = False
    outside: bool = False
    strided: bool = False
    order: int = 1


BUGS = (
    Bug("factor 1.05", scaled(1.05)),
    Bug("sign flipped", np.negative),
    Bug("cotangent averaged", averaged, before=True),
    Bug("gradient rolled by one", rolled),
    Bug("one entry times 1.5", one_entry),
    Bug("2 % up and down in turn", alternating),
    Bug("0.05 added", lambda g: g + 0.05, outside=True),
    Bug("1e-5 relative in single precision", scaled(1 + 1e-5), SINGLE),
    Bug("1e-12 relative in double precision", scaled(1 + 1e-12), DOUBLE),
    *(Bug(f"factor 1.01 in {name}", scaled(1.01), (name,)) for name in NARROW),
    *(Bug(f"factor 1.05 in {name} alone", scaled(1.05), REAL, only=name) for name in REAL),
    Bug("factor 1.05 for non-contiguous inputs alone", scaled(1.05), ("float64",), strided=True),
    Bug("second derivative times 1.05", scaled_slope, ("float32", "float64"), order=2),
    Bug("second derivative dropped", dropped_slope, ("float32", "float64"), order=2),
)
AT_A_POINT = "wrong at a special point alone"  # the one class that is planted by `WrongAtPoint`
CLASSES = (*(bug.name for bug in BUGS), AT_A_POINT)


# ----- where it is planted -----


def in_width(bug: Bug, g: np.ndarray) -> np.ndarray:
    """Return a numpy gradient disturbed, rounded once."""
    wide = np.asarray(g, np.float32) if g.dtype.name in NARROW else g
    return np.asarray(bug.wrong(wide)).astype(g.dtype)


class Disturbed:
    """The identity, but for its pullback."""

    def __init__(self, pull: Callable[[Array], Array] = lambda ct: ct):
        self.pull = pull

    def push(self, dx: Array) -> Array:
        return dx

    bound = push


@dispatch.primitive(linearized=lambda place, y, args, params: Disturbed(params["wrong"]))
def disturbed(x: Array, *, wrong: Wrong) -> Array:
    """Return x, whose gradient is wrong."""
    return x


@dispatch.primitive(linearized=lambda place, y, args, params: Disturbed())
def strided(x: Array) -> Array:
    """Return x in memory that has gaps."""
    return np.repeat(np.asarray(x)[..., None], 2, -1)[..., 0]


def gappy(sound: Callable[..., Array]) -> Callable[..., Array]:
    return lambda *args, **params: strided(sound(*args, **params))


VIEWS = ("matrix_transpose", "getitem", "flip", "broadcast_to")  # the reference copies; where one is planted it does not


class Outside:
    """What a backend has whose pullback may be wrong as a whole."""

    bug: Bug

    def vjp(self, f: Callable[..., Array], *primals: Array) -> tuple[Array, Callable[[Array], Sequence[Array]]]:
        y, pullback = super().vjp(f, *primals)  # type: ignore[misc]  # of the backend beside
        return y, (lambda ct: [self.wrong(g) for g in pullback(ct)]) if self.bug.outside else pullback

    def wrong(self, g: Array) -> Array:
        raise NotImplementedError


class InReference(Outside, Reference):
    """The reference with a bug in one operation."""

    second_witness = False  # it vouches for the truth, which is not in question here

    def __init__(self, operation: str, bug: Bug):
        super().__init__()
        self.bug = bug
        for name in VIEWS if bug.strided else ():
            setattr(self.xp, name, gappy(getattr(self.xp, name)))
        plant(self.xp, operation, bug, lambda x: disturbed(x, wrong=self.wrong), self.contiguous)

    def wrong(self, g: Array) -> Array:
        bug = self.bug
        if bug.order == 2:
            return bug.wrong(g, dispatch.stop_gradient)
        if bug.only not in ("", kind(g) or g.dtype.name):
            return g
        return HalfArray(bug.wrong(g.data), g.name) if isinstance(g, HalfArray) else in_width(bug, np.asarray(g))

    def contiguous(self, x: Array) -> bool:
        return np.asarray(getattr(x, "value", x)).flags.c_contiguous


class Disturbing(torch.autograd.Function):
    """The identity, but for its backward."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, wrong: Wrong) -> torch.Tensor:
        ctx.wrong = wrong
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, ct: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.wrong(ct), None


class InTorch(Outside, Torch):
    """Torch with a bug in one operation."""

    def __init__(self, operation: str, bug: Bug):
        super().__init__()
        self.bug = bug
        plant(self.xp, operation, bug, lambda x: Disturbing.apply(x, self.wrong), lambda x: x.is_contiguous())

    def wrong(self, g: torch.Tensor) -> torch.Tensor:
        bug = self.bug
        if bug.order == 2:
            return bug.wrong(g, torch.detach)
        if bug.only not in ("", str(g.dtype).removeprefix("torch.")):
            return g
        return self.asarray(in_width(bug, self.to_numpy(g)))


def plant(xp: Any, operation: str, bug: Bug, disturb: Callable[[Array], Array], contiguous: Callable[[Array], bool]) -> None:
    """Put a wrong identity behind an operation, or before it at each of its arguments."""
    if bug.outside:
        return
    sound, arity = getattr(xp, operation), CATALOGUE[operation].arity

    def apply(*args: Any, **params: Any) -> Any:
        if bug.before:
            return disturb(sound(*args, **params))
        off = [x if bug.strided and contiguous(x) else disturb(x) for x in args[:arity]]
        return sound(*off, *args[arity:], **params)

    setattr(xp, operation, apply)


class WrongAtPoint(Reference):
    """The reference, wrong where its inputs are exactly these.

    Where the derivative jumps, the answer overshoots the jump by half. Its slope along the way across is then more than
    that of the function on either side, so it is in no subdifferential. Elsewhere the gradient is off by a quarter.
    """

    second_witness = False
    ASIDE = 2.0**-20

    def __init__(self, point: Sequence[Any], kind: str):
        super().__init__()
        self.point, self.kind = point, kind

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        xs = [np.asarray(x) for x in primals]
        if len(xs) != len(self.point) or not all(map(self.meets, xs, self.point)):
            return y, pullback
        wrong = self.across(f, xs) if self.kind == "set-valued" else self.off(pullback)
        return y, lambda ct: [self.asarray(g.astype(x.dtype)) for g, x in zip(wrong(ct), xs, strict=True)]

    @staticmethod
    def meets(x: np.ndarray, point: Any) -> bool:
        return np.array_equal(x.astype(float), np.asarray(point, x.dtype).astype(float), equal_nan=True)

    def off(self, pullback: Any) -> Any:
        gradients = lambda ct: (np.asarray(g).astype(float) for g in pullback(ct))  # noqa: E731  # what it yields is used once
        return lambda ct: [g + 0.25 * np.where(g == 0, 1, g) for g in gradients(ct)]

    def across(self, f: Any, xs: Sequence[np.ndarray]) -> Any:
        """Return the pullback that goes half a jump further."""

        def aside(side: float) -> Any:
            steps = [np.arange(1.0, x.size + 1).reshape(x.shape) for x in xs]  # all different, and in turn up and down
            ways = [(i + 1) * np.where(step % 2, step, -step) for i, step in enumerate(steps)]
            return Reference.vjp(self, f, *(x.astype(float) + side * way for x, way in zip(xs, ways, strict=True)))[1]

        above, below = aside(self.ASIDE), aside(-self.ASIDE)

        def pullback(ct: Any) -> Any:
            ct = np.asarray(ct).astype(float)
            return [np.asarray(1.5 * a - 0.5 * b) for a, b in zip(above(ct), below(ct), strict=True)]

        return pullback


def contiguous_only() -> InReference:
    """Return a reference whose sine has a rule for contiguous inputs."""
    return InReference("sin", Bug("strided", scaled(1.05), strided=True))
