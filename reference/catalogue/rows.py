"""What a row of the catalogue is made of."""

from __future__ import annotations

import enum
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from clinometer.reference.arithmetic.rounding import PRECISIONS
from clinometer.reference.arithmetic.rules import Partial


class Group(enum.Enum):
    """What operations have in common that stand in one table."""

    ARITHMETIC = "arithmetic"
    EXPONENTIAL = "exponential"
    TRIGONOMETRIC = "trigonometric, hyperbolic"
    PIECEWISE = "piecewise"
    ACTIVATION = "activations"
    SPECIAL = "special"
    REDUCTION = "reductions"
    SCAN = "scans"
    NORMALISER = "normalisers, losses"
    SHAPE = "shape"
    INDEXING = "indexing"
    LINEAR_ALGEBRA = "linear algebra"
    WINDOW = "convolution, pooling, spectral"
    COMPLEX = "complex"
    PRIMITIVE = "AD primitives"

    @property
    def curved(self) -> bool:
        """Whether its functions turn within a unit or so of their argument, as exp, sin, tanh and erf do."""
        return self in (Group.EXPONENTIAL, Group.TRIGONOMETRIC, Group.ACTIVATION, Group.SPECIAL)


@dataclass(frozen=True)
class Domain:
    """An interval of the real line, less the points where a function bends or ends.

    Arguments are drawn inside it, at least `margin` away from its ends and from every point to avoid, so that
    neither rounding nor a finite difference steps over one.
    """

    low: float = -math.inf
    high: float = math.inf
    avoid: tuple[float, ...] = ()
    integers: bool = False  # avoid every integer (floor, round at its halves, ...)
    offset: float = 0.0  # of those: every integer + offset

    def avoiding(self, *points: float) -> Domain:
        """Return the domain less some points."""
        return Domain(self.low, self.high, (*self.avoid, *points), self.integers, self.offset)

    def within(self, reach: float) -> Domain:
        """Return the part of the domain that is not further from zero than `reach`, if there is room in it."""
        low, high = max(self.low, -reach), min(self.high, reach)
        return replace(self, low=low, high=high) if high - low >= 1 else self

    def distance(self, x: np.ndarray) -> np.ndarray:
        """Return how far each entry is from the nearest end or point to avoid; negative outside."""
        with np.errstate(invalid="ignore"):  # of infinities
            near = np.minimum(x - self.low, self.high - x)
        for point in self.avoid:
            near = np.minimum(near, np.abs(x - point))
        if self.integers:
            near = np.minimum(near, np.abs(x - self.offset - np.rint(x - self.offset)))
        return np.where(np.isfinite(x), near, -math.inf)

    def __str__(self) -> str:
        left = f"({self.low:g}" if math.isfinite(self.low) else "(-inf"
        right = f"{self.high:g})" if math.isfinite(self.high) else "inf)"
        less = [f"{p:g}" for p in self.avoid]
        if self.integers:
            less.append("integers" if not self.offset else f"integers + {self.offset:g}")
        return f"{left}, {right}" + (f" less {', '.join(less)}" if less else "")


REAL = Domain()
POSITIVE = Domain(low=0.0)
NONZERO = REAL.avoiding(0.0)
INTEGERS = Domain(integers=True)
WIDE = Domain(-80.0, 80.0)  # exp(80) is far from overflow in float32
NAN, INF = math.nan, math.inf
JUMPS = "a program learns nothing of it but where it jumps"
UNIT = Domain(-1.0, 1.0)
UNIT_INTERVAL = Domain(0.0, 1.0)


@dataclass(frozen=True)
class Special:
    """A point where there is no derivative, or a surprising one; the suites aim at it.

    `kind` is the class of what is right there: "universal" (one answer), "set-valued" (any element of the Clarke
    subdifferential), "convention" (no answer is wrong; it is recorded). `order` is how often the function can be
    differentiated there, where that is known to end.
    """

    args: tuple[Any, ...]
    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    order: float = math.inf

    def __str__(self) -> str:
        at = ", ".join(str(a).replace(" ", "") for a in self.args)
        return f"{self.kind} at ({at})" + (f": {self.note}" if self.note else "")


def kink(*args: Any, note: str = "", **params: Any) -> Special:
    """Return a point where the function bends: any element of the subdifferential is right (CONV-4)."""
    return Special(args, "set-valued", params, note)


def removable(*args: Any, note: str = "", order: float = math.inf, **params: Any) -> Special:
    """Return a point where a formula breaks and the function does not: one derivative is right (CONV-6)."""
    return Special(args, "universal", params, note, order)


def convention(*args: Any, note: str = "", **params: Any) -> Special:
    """Return a point where libraries differ and none is wrong (CONV-5)."""
    return Special(args, "convention", params, note)


Corner = tuple[Sequence[tuple[int, ...]], Mapping[str, Any]]


def IDENTITY(x: np.ndarray) -> np.ndarray:  # a constant of the tables, like REAL
    """Return x: entries themselves must differ."""
    return x


@dataclass(frozen=True)
class Operation:
    """A row: all that is known of an operation, and nothing about it stands anywhere else.

    Parameters
    ----------
    name : str
        As in the array API standard, where it has the operation.
    value : callable
        The mathematics, in numpy's functions (those that `traced` can rewrite). Array arguments come first.
    form : str
        How shapes and structural parameters are drawn: a key of `strategies.forms.FORMS`.
    partials : sequence of callables or None
        Rules `f(y, *x)` of an elementwise function, one an argument. Without them, the value is a composition and
        is differentiated as it stands.
    domain : Domain or tuple of Domain
        Of the one array argument, or of each.
    choices : mapping
        Further parameters, each with the values to draw from, simplest first.
    distinct : callable, optional
        Ties of this function of the entries, over all arguments, are kinks: `IDENTITY`, or `np.abs`.
    joint : callable, optional
        How far the arguments are, entry by entry, from a kink that they only have together.
    exact : bool
        The function moves entries and computes nothing: values and tangents are exact, and so is the pullback
        where no entry is used twice.
    special : sequence of Special
    corners : sequence of Corner
        Structures that are always asked, being too rare for chance: shapes of the arguments, and parameters.
    roundings : float
        Error of `value` in plain numpy, in roundings of float64, where it is not that of the type it is given.
    commutes : bool
        The two arguments may be exchanged.
    linear : bool
        It is linear in all arguments together, and computes something: what is `exact` is linear anyway.
    gathers : bool
        It picks entries, or puts them somewhere, by positions that may repeat.
    takes_number : bool
        Libraries take a Python number for the second argument.
    symmetry : str
        Along an axis: "invariant" where permuted entries give the same result, "equivariant" where they give the
        permuted one. Elementwise operations need not say it.
    saturates : str
        Where the derivative fades: far out on "both" sides, far "down", or in "rows" whose entries lie far apart.
    undrawn : str
        Why random programs do not draw it; else they do.
    """

    name: str
    value: Callable[..., Any]
    form: str = "elementwise"
    partials: Sequence[Partial] | None = None
    domain: Domain | tuple[Domain, ...] = REAL
    choices: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    distinct: Callable[[np.ndarray], np.ndarray] | None = None
    joint: Callable[..., np.ndarray] | None = None
    exact: bool = False
    special: Sequence[Special] = ()
    corners: Sequence[Corner] = ()
    roundings: float = 0.0
    differentiable: bool = True
    kinds: str = "f"  # of dtypes that it takes: "f" real, "c" complex; of a complex number the domain bounds the real part
    group: Group = Group.PRIMITIVE  # that of its table
    commutes: bool = False
    linear: bool = False
    gathers: bool = False
    takes_number: bool = False
    symmetry: str = ""
    saturates: str = ""
    undrawn: str = ""

    def __post_init__(self) -> None:
        if self.partials is not None and len(self.partials) != self.arity:
            raise ValueError(
                f"row {self.name!r} has {len(self.partials)} partials for {self.arity} "
                f"argument{'s' * (self.arity != 1)}; write one partial per argument, and `zero` for an argument without one"
            )

    def distance(self, *args: np.ndarray) -> float:
        """Return how far the arguments, together, may move before one meets a kink, a tie or an edge."""
        near = min(
            (float(d.distance(a.real).min()) for d, a in zip(self.domains, args, strict=True) if a.size), default=math.inf
        )
        if self.distinct is not None:
            entries = np.sort(self.distinct(np.concatenate([np.ravel(a) for a in args])))
            gap = float(np.diff(entries).min()) if entries.size > 1 else math.inf
            near = min(near, gap / 2)  # both neighbours may move
        if self.joint is not None:
            near = min(near, float(np.min(self.joint(*args), initial=math.inf)))
        return near

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The domain of each array argument."""
        return (self.domain,) if isinstance(self.domain, Domain) else self.domain

    @property
    def dtypes(self) -> list[str]:
        """The dtypes that it is asked in."""
        return [name for name, precision in PRECISIONS.items() if ("c" if precision.complex else "f") in self.kinds]

    @property
    def arity(self) -> int:
        """Number of array arguments."""
        return len(self.domains)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the arguments of `value`, in order."""
        if self.partials is not None:  # most are ufuncs, which do not tell
            return ("x", "y", "z")[: self.arity]
        return tuple(inspect.signature(self.value).parameters)


zero: Partial = None


def table(group: Group, *rows: Operation) -> dict[str, Operation]:
    """Return the rows of one group by name.

    Raises
    ------
    ValueError
        Two rows of one name.
    """
    found: dict[str, Operation] = {}
    for row in rows:
        if row.name in found:
            raise ValueError(f"row {row.name!r} stands twice in group {group.value!r}; one operation is one row")
        found[row.name] = replace(row, group=group)
    return found
