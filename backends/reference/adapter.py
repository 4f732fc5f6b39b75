"""The reference backend: plain numpy in the working precision, with a small tape.

The embedded default, and the ground on which the tests plant bugs. Its reverse mode pulls cotangents through the
same linear maps whose push is the truth's forward mode, so agreement of the two would prove little: on this backend
the suites hear the second witness on every case.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from clinometer.backends.reference.half import NARROW, HalfArray, kind, stored
from clinometer.backends.reference.transforms import Transforms
from clinometer.backends.support import Support
from clinometer.reference.arithmetic import dispatch
from clinometer.reference.arithmetic.dual import Dual
from clinometer.reference.arithmetic.rules import linearize
from clinometer.reference.catalogue import CATALOGUE

Array = Any


class GraphFreed(RuntimeError):
    """Backward through a graph that an earlier backward has freed."""


class Node(dispatch.Traced):
    """A value on the tape: how it was made, and for a leaf what has accumulated."""

    recording = True

    def __init__(self, value: Array, level: int = 1, made: tuple[Callable, Sequence[Any], dict[str, Any]] | None = None):
        self.value, self.level, self.made = value, level, made
        self.freed = False
        self.gradient: Array | None = None

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]  # read-only here
        return np.shape(self.value)

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]  # read-only here
        return self.value.dtype

    def __bool__(self) -> bool:
        return bool(self.value)

    def clean(self) -> Array:
        return dispatch.clean(self.value)

    def apply(self, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> Array:
        primals = [self.primal(a) for a in args]
        y = self.evaluate(function, primals, params)
        recorded = self.recording and function not in dispatch.DECISIONS and function is not dispatch.stop_gradient
        return type(self)(y, self.level, (function, args, params)) if recorded else y

    def primal(self, a: Any) -> Any:
        """Return the value of a node of this level; all else is a constant to it."""
        return a.value if isinstance(a, Node) and a.level == self.level else a

    def evaluate(self, function: Callable, primals: Sequence[Any], params: dict[str, Any]) -> Array:
        """Compute a primitive."""
        return dispatch.call(function, primals, params)

    def parents(self) -> list[Node]:
        """Return the nodes that this one was made of."""
        return [a for a in self.made[1] if isinstance(a, Node) and a.level == self.level] if self.made else []

    def pull(self, ct: Array, graph: bool) -> Iterator[tuple[Node, Array]]:
        """Yield each parent with the cotangent that flows to it; with `graph`, the pullback is recorded itself."""
        if self.made is None:
            return
        function, args, params = self.made
        inputs = args if graph else [self.primal(a) for a in args]
        y = self if graph else self.value
        for place, a in enumerate(args):
            if isinstance(a, Node) and a.level == self.level and a.dtype.kind not in "iub":
                linear = linearize(function, place, y, inputs, params)
                if linear is not None:
                    part = self.flow(function, place, linear, ct)
                    # Of mixed operands, each gets its gradient in its own dtype.
                    yield a, part if part.dtype == a.dtype else dispatch.cast(part, dtype=a.dtype)

    def join(self, present: Array, part: Array) -> Array:
        """Add a cotangent to what has come to this node by other paths."""
        return present + part

    def flow(self, function: Callable, place: int, linear: Any, ct: Array) -> Array:
        """Carry a cotangent through one linear map."""
        return linear.pull(ct)


def ordered(y: Node) -> list[Node]:
    """Return the nodes that y depends on, each after all that it feeds."""
    order: list[Node] = []
    seen: set[int] = set()
    stack: list[tuple[Node, bool]] = [(y, False)]
    while stack:  # not recursive: a chain of 10 000 steps is no reason to fall over
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent in node.parents())
    return order[::-1]


def cotangents(y: Node, ct: Array, *, graph: bool = False, retain: bool = False) -> dict[int, Array]:
    """Return the cotangent of every node that y depends on, by `id`."""
    order = ordered(y)
    if any(node.freed for node in order):
        raise GraphFreed("backward through a graph that was freed; pass retain=True to the first backward")
    if np.shape(ct) != y.shape:
        raise ValueError(f"the cotangent has shape {np.shape(ct)}, the output {y.shape}")
    found: dict[int, Array] = {id(y): ct}
    for node in order:
        if id(node) in found:
            for parent, part in node.pull(found[id(node)], graph):
                found[id(parent)] = parent.join(found[id(parent)], part) if id(parent) in found else part
    if not (retain or graph):
        for node in order:
            node.freed = node.made is not None
    return found


class Tape:
    """Leaves and backward, on nodes."""

    node = Node

    def leaf(self, x: Array) -> Node:
        return self.node(np.array(x))

    def backward(self, y: Array, ct: Array | None = None, *, retain: bool = False) -> None:
        if not isinstance(y, Node):
            raise RuntimeError("backward of a value that depends on no leaf")
        if ct is None:
            if y.shape != ():
                raise RuntimeError(f"backward of an output of shape {y.shape} needs a cotangent")
            ct = np.ones((), y.dtype)
        found = cotangents(y, ct, retain=retain)
        for node in ordered(y):
            if node.made is None and id(node) in found:
                self.accumulate(node, found[id(node)])

    def accumulate(self, leaf: Node, part: Array) -> None:
        """Add to what a leaf has."""
        leaf.gradient = np.array(part) if leaf.gradient is None else leaf.gradient + part

    def gradient(self, leaf: Node) -> Array | None:
        return leaf.gradient

    def zero(self, leaf: Node) -> None:
        leaf.gradient = None

    def grad(self, y: Array, leaves: Sequence[Node], ct: Array, *, graph: bool = False) -> list[Array | None]:
        if not isinstance(y, Node):
            return [None for _ in leaves]
        found = cotangents(y, ct, graph=graph, retain=True)
        return [found.get(id(leaf)) for leaf in leaves]

    def update(self, op: str, x: Array, y: Any = None, *, key: Any = None) -> Array:
        """Return what a change makes of x: no array of ours is ever changed, so that no pullback misses its old value."""
        part = x if key is None else x[key]
        new = y if op == "set" else stored(CATALOGUE[op].value)(*((part,) if y is None else (part, y)))
        new = dispatch.cast(new, dtype=x.dtype)
        new = new if key is None else dispatch.at_set(x, new, key=key)
        if new.shape != np.shape(x):
            raise ValueError(f"an array of shape {np.shape(x)} does not become one of shape {new.shape}")
        stepped = isinstance(x, Node) and x.made is None and not self.node.recording  # as an optimizer steps: still a leaf
        return self.leaf(new.value if isinstance(new, Node) else new) if stepped else new

    @contextlib.contextmanager
    def no_grad(self) -> Iterator[None]:
        before, self.node.recording = self.node.recording, False
        try:
            yield
        finally:
            self.node.recording = before


class ThreadState(threading.local):
    """What is around that which is called, in this thread: how many derivatives, and the graph that is being traced."""

    depth = 0
    graph = None


class Reference(Transforms):
    """Numpy and a tape under the protocol's names."""

    name = "reference"
    node = Node
    support = Support((*NARROW, "float32", "float64", "complex64", "complex128"), nests=True)
    second_witness = True  # heard on every case, agreement or not

    def __init__(self) -> None:
        creation = ("arange", "zeros", "ones", "full", "eye", "linspace", "zeros_like", "ones_like", "asarray")
        operations = {name: self.lifting(stored(row.value)) for name, row in CATALOGUE.items()}
        self.xp = SimpleNamespace(**operations, **{name: getattr(np, name) for name in creation}, normal=normal, astype=astype)
        self.tape = Tape()
        self.tape.node = self.node
        self._around = ThreadState()
        self.versions = {"numpy": np.__version__}

    @property
    def depth(self) -> int:
        return self._around.depth

    @depth.setter
    def depth(self, depth: int) -> None:
        self._around.depth = depth

    def asarray(self, x: np.ndarray) -> Array:
        return HalfArray(x, x.dtype.name) if x.dtype.name in NARROW else np.array(x)

    def to_numpy(self, x: Array) -> np.ndarray:
        while isinstance(x, Node | Dual):
            x = x.value if isinstance(x, Node) else x.x
        return np.asarray(x)

    def vjp(self, f: Callable[..., Array], *primals: Array) -> tuple[Array, Callable[[Array], list[Array]]]:
        self.depth += 1  # a derivative inside a derivative gets a level of its own: no perturbation is confused
        try:
            leaves = [self.node(self.lifted(x), self.depth) for x in primals]
            y = f(*leaves)
        finally:
            self.depth -= 1
        depends = isinstance(y, Node) and y.level == leaves[0].level

        def pullback(ct: Array) -> list[Array]:
            if not depends:
                return [zeros_like(x) for x in primals]
            found = cotangents(y, self.lifted(ct), retain=True)
            return [found[id(leaf)] if id(leaf) in found else zeros_like(x) for leaf, x in zip(leaves, primals, strict=True)]

        return (y.value if depends else y), pullback

    def jvp(self, f: Callable[..., Array], primals: Sequence[Array], tangents: Sequence[Array]) -> tuple[Array, Array]:
        self.depth += 1
        level = self.depth
        try:
            y = f(*(Dual(self.lifted(x), self.lifted(dx), level=level) for x, dx in zip(primals, tangents, strict=True)))
        finally:
            self.depth -= 1
        # a dual of another level is a constant to this one
        return (y.x, y.dx) if isinstance(y, Dual) and y.level == level else (y, zeros_like(y))


def zeros_like(x: Array) -> Array:
    """Return zeros that numpy's own dtypes do not tell: in half precision an array is not numpy's."""
    return HalfArray(np.zeros(x.shape), kind(x)) if kind(x) else np.zeros(np.shape(x), x.dtype)


def astype(x: Array, dtype: str) -> Array:
    """Return x in another dtype."""
    return dispatch.cast(x, dtype=dtype)


def normal(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Return standard normal numbers that the seed repeats."""
    return np.random.default_rng(seed).standard_normal(shape)
