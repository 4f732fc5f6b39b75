"""Wrong on purpose: pullbacks, tangents and tapes that are off."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from clinometer.backends.reference.adapter import Node, Reference, Tape, ordered
from clinometer.reference.arithmetic import dispatch
from clinometer.reference.arithmetic.linear_maps import Pick, Scale, Select

# ----- nodes: one cotangent on its way through one linear map -----

Flow = Callable[[Node, Any, int, Any, Any], Any]  # node, function, place, linear map, cotangent


def flowing(wrong: Flow) -> type[Reference]:
    """Return a reference in which a cotangent flows through each primitive as `wrong` says; None means soundly."""

    class PlantedNode(Node):
        def flow(self, function: Any, place: int, linear: Any, ct: Any) -> Any:
            found = wrong(self, function, place, linear, ct)
            return linear.pull(ct) if found is None else found

    return type("PlantedFlow", (Reference,), {"node": PlantedNode})


def scaled_rule(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    return linear.pull(ct) * 1.001 if function is np.sin else None


def wrong_far_out(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    if function is np.sin:
        return np.where(abs(node.made[1][0].value) > 3, 2 * linear.pull(ct), linear.pull(ct))
    return None


def flipped_entry(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    if function is not np.exp or not np.size(ct):
        return None
    g = np.array(linear.pull(ct))
    g.flat[0] *= -1
    return g


def transposed_matmul(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    if function is not dispatch.contract or len(node.made[1]) != 2:
        return None
    g = linear.pull(ct)
    return g.T if g.ndim == 2 and g.shape[0] == g.shape[1] else g


def lost_broadcast_sum(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    if not isinstance(linear, Scale) or np.shape(ct) == linear.shape:
        return None
    g = np.broadcast_to(linear.partial * ct, np.shape(ct))[(0,) * (np.ndim(ct) - len(linear.shape))]
    for axis, n in enumerate(linear.shape):
        g = g.take([0], axis) if n == 1 else g
    return g


def averaged_broadcast(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    if not isinstance(linear, Scale) or not np.size(ct):
        return None
    return linear.pull(ct) * (math.prod(linear.shape) / np.size(ct))


def rightist(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    return ct if function is np.multiply and isinstance(node.made[1][0], int | float) else None


def entangled_inputs(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    alone = len(node.made[1]) == 2 and len(node.parents()) == 1
    return 2 * linear.pull(ct) if alone else None


def dropped_duplicate(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    if not isinstance(linear, Pick):
        return None
    g = np.zeros(math.prod(linear.shape) + 1, ct.dtype)
    g[np.ravel(linear.positions)] = np.ravel(ct)
    return g[:-1].reshape(linear.shape)


def inverse_permutation(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    n = math.prod(getattr(linear, "shape", ()))
    if not isinstance(linear, Pick) or sorted(np.ravel(linear.positions)) != list(range(n)):
        return None
    return np.ravel(ct)[np.ravel(linear.positions)].reshape(linear.shape)


def ghost_of_the_overwritten(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    ghostly = isinstance(linear, Pick | Select) and place == (2 if function is np.where else 0)
    return ct if ghostly and np.shape(ct) == linear.shape else None


def noisy_shape(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    return linear.pull(ct) * (1 + 3 * np.finfo(ct.dtype).eps) if isinstance(linear, Pick) else None


def double_slope(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    return np.where(node.made[1][0].value == 0, 2 * ct, linear.pull(ct)) if function is np.absolute else None


def last_trip_only(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    return np.zeros_like(linear.pull(ct)) if depth(node.made[1][place]) > 3 else None


def depth(node: Node) -> int:
    """Return how many steps a node is away from a leaf."""
    return 1 + max(map(depth, node.parents()), default=0)


class LastUseWins(Reference):
    class node(Node):  # the member's name
        def join(self, present: Any, part: Any) -> Any:
            return part


class GreedyDetach(Reference):
    class node(Node):  # the member's name
        cut = False

        def flow(self, function: Any, place: int, linear: Any, ct: Any) -> Any:
            return linear.pull(ct) * (not self.made[1][place].cut)  # type: ignore[index]  # a node that flows was made

    def __init__(self) -> None:
        super().__init__()
        self.xp.stop_gradient = self.detach

    def detach(self, x: Any) -> Any:
        waiting = [x] if isinstance(x, Node) else []
        while waiting:
            node = waiting.pop()
            node.cut = True
            waiting.extend(node.parents())
        return dispatch.stop_gradient(x)


# ----- pullbacks: the cotangent before, the gradients after -----


def pulling(before: Callable[[Any], Any] = lambda ct: ct, after: Callable[[Any], Any] = lambda g: g) -> type[Reference]:
    """Return a reference whose pullback changes its cotangent or its gradients."""

    class PlantedTape(Tape):
        def backward(self, y: Any, ct: Any | None = None, *, retain: bool = False) -> None:
            super().backward(y, ct if ct is None else before(ct), retain=retain)

    class Planted(Reference):
        def __init__(self) -> None:
            super().__init__()
            self.tape = PlantedTape()

        def vjp(self, f: Any, *primals: Any) -> Any:
            y, pullback = super().vjp(f, *primals)
            return y, lambda ct: [after(g) for g in pullback(before(ct))]

    return Planted


class SinglePrecision(Reference):
    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *(x.astype(np.float32) for x in primals))
        dtype = primals[0].dtype
        return np.asarray(y).astype(dtype), lambda ct: [np.asarray(g).astype(dtype) for g in pullback(ct.astype(np.float32))]


class RoundingRecorder(Reference):
    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        return y * (1 + 1e-5), pullback

    def jvp(self, f: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        y, dy = super().jvp(f, primals, tangents)
        return y * (1 + 1e-5), dy


class TiredPullback(Reference):
    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        calls = iter([1.0, 0.5, 0.25])
        return y, lambda ct: [g * factor for factor in [next(calls)] for g in pullback(ct)]


class SpoilingPullback(Reference):
    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)

        def spoiling(ct: Any) -> Any:
            found = [np.array(g) for g in pullback(ct)]
            ct *= 2
            return found

        return y, spoiling


class SpoilingInput(Reference):
    def vjp(self, f: Any, *primals: Any) -> Any:
        found = super().vjp(f, *(np.array(x) for x in primals))
        primals[0][...] += 1
        return found


class GradientOfNothing(Reference):
    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        return y, lambda ct: [g if np.any(g) else np.ones_like(g) for g in pullback(ct)]


class StaleCall(Reference):
    """A reference that remembers the first call of a function."""

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[Any, Any] = {}

    def vjp(self, f: Any, *primals: Any) -> Any:
        key = f, *((np.shape(x), x.dtype) for x in primals)
        if key not in self.first:
            self.first[key] = super().vjp(f, *primals)
        return self.first[key]


# ----- forward mode -----


def wider(x: Any) -> Any:
    """Return an array of float32 in float64, and every other as it is."""
    return x.astype(np.float64) if getattr(x, "dtype", None) == np.float32 and not isinstance(x, dispatch.Traced) else x


class BlendedTangent(Reference):
    """The tangent of what is chosen, by that of what is not, and the difference of the two."""

    def jvp(self, f: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        y, dy = super().jvp(f, primals, tangents)
        longest = max((np.max(abs(dx), initial=0.0) for dx in tangents), default=0.0)
        return y, np.asarray(longest + (dy - dy.dtype.type(longest)), dy.dtype)


def pushing(before: Callable[[Any], Any] = lambda dx: dx, after: Callable[[Any], Any] = lambda dy: dy) -> type[Reference]:
    """Return a reference whose forward mode changes its directions or its tangent."""

    class Planted(Reference):
        def jvp(self, f: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
            y, dy = super().jvp(f, primals, [before(dx) for dx in tangents])
            return y, after(np.asarray(dy))

    return Planted


# ----- tapes -----


def taped(**wrong: Any) -> type[Reference]:
    """Return a reference whose tape has these methods."""
    tape = type("PlantedTape", (Tape,), wrong)

    class Planted(Reference):
        class node(Node):  # the member's name; its own, since a tape may leave it off
            pass

        def __init__(self) -> None:
            super().__init__()
            self.tape = tape()
            self.tape.node = self.node

    return Planted


def zeros_before(self: Tape, leaf: Node) -> Any:
    return np.zeros(leaf.shape, leaf.dtype) if leaf.gradient is None else leaf.gradient


def overwrite(self: Tape, leaf: Node, part: Any) -> None:
    leaf.gradient = np.array(part)


def meddle(self: Tape, y: Any, leaves: Any, ct: Any, *, graph: bool = False) -> Any:
    found = Tape.grad(self, y, leaves, ct, graph=graph)
    for leaf, part in zip(leaves, found, strict=True):
        self.accumulate(leaf, part)
    return found


def immortal(self: Tape, y: Any, ct: Any | None = None, *, retain: bool = False) -> None:
    Tape.backward(self, y, ct, retain=True)


def growing(self: Tape, y: Any, ct: Any | None = None, *, retain: bool = False) -> None:
    grown = getattr(y, "grown", 1)
    Tape.backward(self, y, ct if ct is None else grown * ct, retain=retain)
    y.grown = 2 * grown


def leftover(self: Tape, y: Any, ct: Any | None = None, *, retain: bool = False) -> None:
    """Hand on once more what a retained backward has left at a value that y is made of."""
    for node in ordered(y) if isinstance(y, Node) else ():
        if node is not y and hasattr(node, "left"):
            Tape.backward(self, node, node.left, retain=True)
    Tape.backward(self, y, ct, retain=retain)
    if retain:
        y.left = ct


def lenient(self: Tape, y: Any, ct: Any | None = None, *, retain: bool = False) -> None:
    Tape.backward(self, y, np.ones(y.shape, y.dtype) if ct is None else ct, retain=retain)


def doubled(self: Tape, y: Any, ct: Any | None = None, *, retain: bool = False) -> None:
    Tape.backward(self, y, 2 * np.ones(y.shape, y.dtype) if ct is None and y.shape == () else ct, retain=retain)


def any_shape(self: Tape, y: Any, ct: Any | None = None, *, retain: bool = False) -> None:
    Tape.backward(self, y, ct if ct is None else np.resize(ct, y.shape), retain=retain)


def changed_by_graph(self: Tape, y: Any, leaves: Any, ct: Any, *, graph: bool = False) -> Any:
    return [g * (1 + 1e-6) if graph else g for g in Tape.grad(self, y, leaves, ct, graph=graph)]


@contextlib.contextmanager
def recording(self: Tape) -> Iterator[None]:
    yield


@contextlib.contextmanager
def sticky(self: Tape) -> Iterator[None]:
    self.node.recording = False
    yield
    self.node.recording = True


DERIVATIVES: dict[str, type[Reference]] = {
    # ----- one rule -----
    **{
        wrong.__name__: flowing(wrong)
        for wrong in (
            scaled_rule, wrong_far_out, flipped_entry, transposed_matmul, lost_broadcast_sum, averaged_broadcast, rightist,
            entangled_inputs, dropped_duplicate, inverse_permutation, ghost_of_the_overwritten, noisy_shape, double_slope,
            last_trip_only,
        )
    },
    "last_use_wins": LastUseWins,
    "greedy_detach": GreedyDetach,
    # ----- the pullback -----
    "averaged_cotangent": pulling(before=lambda ct: np.full_like(ct, ct.mean() if ct.size else 0)),
    "deaf_cotangent": pulling(before=np.ones_like),
    "clipped_cotangent": pulling(before=lambda ct: np.clip(ct, -1, 1)),
    "promoted_gradient": pulling(after=lambda g: np.asarray(g).astype(np.longdouble)),
    "squeezed_gradient": pulling(after=lambda g: np.asarray(g)[None]),
    "single_precision": SinglePrecision,
    "rounding_recorder": RoundingRecorder,
    "tired_pullback": TiredPullback,
    "spoiling_pullback": SpoilingPullback,
    "spoiling_input": SpoilingInput,
    "gradient_of_nothing": GradientOfNothing,
    "stale_call": StaleCall,
    # ----- forward mode -----
    "blended_tangent": BlendedTangent,
    "scaled_tangent": pushing(after=lambda dy: dy * 1.001),
    "constant_tangent": pushing(before=np.ones_like),
    "promoted_tangents": pushing(after=wider),
    "promoted_tangent": pushing(after=lambda dy: dy.astype(np.float64) if dy.ndim == 0 else dy),
    # ----- the tape -----
    "zeros_before_backward": taped(gradient=zeros_before),
    "overwriting_backward": taped(accumulate=overwrite),
    "deaf_zero": taped(zero=lambda self, leaf: None),
    "meddling_grad": taped(grad=meddle),
    "immortal_graph": taped(backward=immortal),
    "growing_retain": taped(backward=growing),
    "leftover_cotangents": taped(backward=leftover),
    "lenient_backward": taped(backward=lenient),
    "doubled_scalar": taped(backward=doubled),
    "any_cotangent": taped(backward=any_shape),
    "graph_changes_numbers": taped(grad=changed_by_graph),
    "recording_in_no_grad": taped(no_grad=recording),
    "sticky_no_grad": taped(no_grad=sticky),
}  # fmt: skip
