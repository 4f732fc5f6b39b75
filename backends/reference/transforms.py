"""The reference's transforms: `vmap`, `jit`, and control flow whose blocks are traced before it is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clinometer.backends.reference.half import kind
from clinometer.backends.reference.tracing import Graph, Tracer, Untraced, bare, evaluated

Array = Any
Values = tuple[Array, ...]


# ----- branches and loops -----


@dataclass(frozen=True)
class Branch:
    """One of two blocks; the arguments are the test and what each takes from around."""

    backend: Any
    then: Graph
    otherwise: Graph

    def evaluate(self, test: Array, *around: Array) -> Values:
        n = len(self.then.captured)
        return self.then.evaluate(*around[:n]) if bare(test) else self.otherwise.evaluate(*around[n:])

    def like(self, *_: Array) -> Values:
        return self.then.examples


@dataclass(frozen=True)
class Loop:
    """A body, while a test holds or so many times; the arguments are what is carried and what each takes from around."""

    backend: Any
    body: Graph
    test: Graph | None
    times: int = 0

    def evaluate(self, *args: Array) -> Values:
        n, trips = len(self.body.inputs), 0
        end = n + len(self.body.captured)
        carried, around, watched = args[:n], args[n:end], args[end:]
        while trips < self.times if self.test is None else bare(self.test.evaluate(*carried, *watched)[0]):
            carried, trips = self.body.evaluate(*carried, *around), trips + 1
        return carried

    def like(self, *args: Array) -> Values:
        return args[: len(self.body.inputs)]


# ----- what a backend has of it -----


class Transforms:
    """`vmap`, `jit`, `cond`, `while_loop` and `scan`, for a backend that counts derivatives in `depth`."""

    depth: int
    _around: Any  # what is of this thread alone

    @property
    def graph(self) -> Graph | None:
        """The graph in which everything is being recorded, if there is one."""
        return self._around.graph

    def lifted(self, x: Any) -> Any:
        """Return a value as one of the graph that is being traced, if there is one."""
        return x if self.graph is None else self.graph.lift(x)

    def lifting(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        """Return an operation that is recorded also where nothing but values from around go in."""

        def apply(*args: Any, **params: Any) -> Any:
            return operation(*(args if self.graph is None else map(self.graph.lift, args)), **params)

        return apply

    def traced(self, f: Callable[..., Any], examples: Sequence[Array]) -> Graph:
        """Return what a function does, traced."""
        before = self.graph
        self.depth += 2  # above the levels of the derivatives around, and of the leaves of a tape
        graph = self._around.graph = Graph(self.depth)
        graph.inputs = [Tracer(graph, bare(x)) for x in examples]
        try:
            graph.close(f(*graph.inputs))
        finally:
            self._around.graph = before
            self.depth -= 2
        return graph

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        def mapped(*xs: Array) -> Any:
            rows = [f(*(x[i, ...] for x in xs)) for i in range(len(xs[0]))]
            return tuple(map(np.stack, zip(*rows, strict=True))) if isinstance(rows[0], tuple) else np.stack(rows)

        return mapped

    def jit(self, f: Callable[..., Any]) -> Callable[..., Any]:
        graphs: dict[Any, Graph] = {}

        def compiled(*args: Array) -> Any:
            args = tuple(map(self.lifted, args))
            key = tuple((np.shape(x), x.dtype, kind(x)) for x in args)
            graph = graphs.get(key) or self.traced(f, args)
            if not graph.captured:  # else it belongs to the derivative around it
                graphs[key] = graph
            ys = graph.evaluate(*args, *map(self.lifted, graph.around))
            return ys[0] if graph.single else ys

        return compiled

    def cond(self, test: Array, then: Callable[[], Values], otherwise: Callable[[], Values]) -> Values:
        blocks = [self.traced(block, ()) for block in (then, otherwise)]
        _alike("the branches of a cond", *(block.examples for block in blocks))
        return self._carry_out(Branch(self, *blocks), [test, *blocks[0].around, *blocks[1].around])

    def while_loop(self, test: Callable[..., Array], body: Callable[..., Values], carried: Values) -> Values:
        trip, watch = self.traced(body, carried), self.traced(test, carried)
        _alike("the body of a while_loop", trip.examples, carried)
        return self._carry_out(Loop(self, trip, watch), [*carried, *trip.around, *watch.around])

    def scan(self, body: Callable[..., Values], carried: Values, times: int) -> Values:
        trip = self.traced(body, carried)
        _alike("the body of a scan", trip.examples, carried)
        return self._carry_out(Loop(self, trip, None, times), [*carried, *trip.around])

    def _carry_out(self, what: Any, args: Sequence[Array]) -> Values:
        args = [self.lifted(x) for x in args]
        if self.graph is None:
            return what.evaluate(*args)
        return tuple([evaluated(*args, what=what, which=i) for i in range(len(what.like(*args)))])


def _alike(who: str, got: Values, want: Values) -> None:
    """Refuse values whose number, shapes or dtypes depend on the path."""
    shown = [[(np.shape(x), str(getattr(x, "dtype", type(x).__name__))) for x in xs] for xs in (got, want)]
    if shown[0] != shown[1]:
        raise Untraced(f"{who} must agree in shape and dtype: {shown[0]} where {shown[1]} is due")
