"""A graph: what a function of the reference does, traced once to be evaluated on other data.

A function is traced by calling it once on `Tracer` values, which record every primitive that they meet. What is evaluated
is the primitives themselves, so that a derivative around sees nothing but them. A branch or a loop is itself recorded as one
primitive, `evaluated`, whose derivative is that of evaluating it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from clinometer.backends.reference.half import HalfArray
from clinometer.reference.arithmetic import dispatch

Array = Any
Values = tuple[Array, ...]


class Untraced(TypeError):
    """A function asks for the number of a value that has none yet, or a loop changes the kind of what it carries."""


class Tracer(dispatch.Traced):
    """A value of a graph. The number in it is an example, for its shape and dtype, and is gone when the graph is closed."""

    def __init__(self, graph: Graph, value: Array):
        self.graph, self.level, self.value = graph, graph.level, value
        self.shape, self.dtype = np.shape(value), getattr(value, "dtype", np.dtype(float))

    def apply(self, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> Tracer:
        return self.graph.record(function, args, params)

    def _none(self, *_: Any, **__: Any) -> NoReturn:
        raise Untraced("a traced value has no truth value and no number; write cond, while_loop or scan")

    __bool__ = __float__ = __int__ = __index__ = __array__ = clean = _none


def bare(x: Any) -> Any:
    """Strip an array of all that it carries."""
    while isinstance(x, dispatch.Traced) and not isinstance(x, HalfArray):
        x = x.value if hasattr(x, "value") else x.x  # type: ignore[attr-defined]  # else it is a dual
    return x


class Graph:
    """What a function does, step by step: with its inputs, and with what it takes from around, which are inputs too."""

    def __init__(self, level: int):
        self.level = level
        self.inputs: list[Tracer] = []
        self.captured: dict[int, tuple[Array, Tracer]] = {}
        self.steps: list[tuple[Tracer, Callable, Sequence[Any], dict[str, Any]]] = []
        self.outputs: Values = ()
        self.examples: Values = ()
        self.single = False  # one output, no tuple of one

    @property
    def around(self) -> Values:
        """What it takes from around, in the order of its last inputs."""
        return tuple([x for x, _ in self.captured.values()])

    def record(self, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> Tracer:
        """Record a primitive, and return its result."""
        if function is evaluated:  # not run on examples: on them its loops may have no end
            y = params["what"].like(*map(bare, args))[params["which"]]
        else:
            y = dispatch.call(function, [bare(a) for a in args], {name: bare(p) for name, p in params.items()})
        self.steps.append((Tracer(self, y), function, args, params))
        return self.steps[-1][0]

    def lift(self, x: Any) -> Any:
        """Return a value as one of this graph."""
        if not isinstance(x, dispatch.Traced) or isinstance(x, HalfArray) or x.level >= self.level:
            return x
        return self.captured.setdefault(id(x), (x, Tracer(self, bare(x))))[1]

    def close(self, result: Any) -> None:
        """End with what the function has returned."""
        self.single = not isinstance(result, tuple)
        self.outputs = tuple(map(self.lift, (result,) if self.single else result))
        self.examples = tuple(map(bare, self.outputs))
        for value in (*self.inputs, *(x for _, x in self.captured.values()), *(out for out, *_ in self.steps)):
            value.value = None

    def evaluate(self, *args: Array) -> Values:
        """Do it with these: its inputs, and what is around."""
        names = (*self.inputs, *(x for _, x in self.captured.values()))
        values = dict(zip(map(id, names), args, strict=True))

        def own(x: Any) -> Any:
            return values[id(x)] if isinstance(x, Tracer) and x.graph is self else x

        for out, function, arrays, params in self.steps:
            values[id(out)] = dispatch.call(function, [own(a) for a in arrays], {name: own(p) for name, p in params.items()})
        return tuple(map(own, self.outputs))


# ----- what stands in a graph as a whole -----


@dataclass(frozen=True)
class Derivative:
    """One output's gradient in one argument, or its tangent along it; the cotangent or tangent is the last argument."""

    what: Any
    which: int
    place: int
    mode: str

    @property
    def backend(self) -> Any:
        return self.what.backend

    def evaluate(self, *args: Array) -> Values:
        *xs, direction = args

        def f(x: Array) -> Array:
            return self.what.evaluate(*xs[: self.place], x, *xs[self.place + 1 :])[self.which]

        if self.mode == "reverse":
            return tuple(self.backend.vjp(f, xs[self.place])[1](direction))
        return self.backend.jvp(f, [xs[self.place]], [direction])[1:]

    def like(self, *args: Array) -> Values:
        return (args[self.place],) if self.mode == "reverse" else (self.what.like(*args[:-1])[self.which],)


def linearized(place: int, y: Any, args: Sequence[Array], params: dict[str, Any]) -> GraphDerivative:
    """Return the derivative of `evaluated` in one argument."""
    return GraphDerivative(place, args, **params)


def one_output(*args: Array, what: Any, which: int) -> Array:
    """Return one output of a branch, of a loop or of a derivative of one."""
    return what.evaluate(*args)[which]


class EvaluatedPrimitive(dispatch.Primitive):
    """`one_output` as a primitive; it rounds half precision itself, step by step."""

    def __call__(self, *args: Array, **params: Any) -> Array:
        top = dispatch.highest(args)
        return self.plain(*args, **params) if top is None or isinstance(top, HalfArray) else top.apply(self, args, params)


evaluated = EvaluatedPrimitive(one_output, linearized=linearized)


class GraphDerivative:
    """The derivative of `evaluated` in one argument: a linear map."""

    def __init__(self, place: int, args: Sequence[Array], what: Any, which: int):
        self.args, self.along = args, lambda mode: Derivative(what, which, place, mode)

    def push(self, dx: Array) -> Array:
        return evaluated(*self.args, dx, what=self.along("forward"), which=0)

    def pull(self, ct: Array) -> Array:
        return evaluated(*self.args, ct, what=self.along("reverse"), which=0)

    bound = push
