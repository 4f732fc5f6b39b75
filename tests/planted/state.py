"""Wrong on purpose: changes in place that are lost or unnoticed, and calls that other calls can see."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from clinometer.backends.reference.adapter import Node, Reference, Tape, ordered
from clinometer.backends.torch.adapter import Tape as TorchTape
from clinometer.backends.torch.adapter import Torch
from clinometer.reference.arithmetic.dispatch import stop_gradient
from planted.derivatives import taped

# ----- changes in place, on the reference -----

Update = Callable[..., Any]  # the tape's own update, then its arguments: op, x, y, key


def updating(wrong: Update) -> type[Reference]:
    """Return a reference whose arrays are changed so."""

    def update(self: Tape, op: str, x: Any, y: Any = None, *, key: Any = None) -> Any:
        return wrong(lambda *args, **part: Tape.update(self, *args, **part), op, x, y, key, self)

    return taped(update=update)


def update_without_a_past(sound: Update, op: str, x: Any, y: Any, key: Any, tape: Tape) -> Any:
    return sound(op, stop_gradient(x), y, key=key)


def rewritten_past(sound: Update, op: str, x: Any, y: Any, key: Any, tape: Tape) -> Any:
    if not isinstance(x, Node):
        return sound(op, x, y, key=key)
    old = copy.copy(x)
    new = sound(op, old, old if y is x else y, key=key)
    if not isinstance(new, Node):
        return new
    x.value, x.made = new.value, new.made  # all that was made of x is made of this now
    return x


def mute_write(sound: Update, op: str, x: Any, y: Any, key: Any, tape: Tape) -> Any:
    return sound(op, x, stop_gradient(y) if op == "set" else y, key=key)


def self_once(sound: Update, op: str, x: Any, y: Any, key: Any, tape: Tape) -> Any:
    return sound(op, x, stop_gradient(y) if y is x else y, key=key)


def idle_step(sound: Update, op: str, x: Any, y: Any, key: Any, tape: Tape) -> Any:
    return sound(op, x, y, key=key) if tape.node.recording else x


def stale_step(self: Tape, y: Any, ct: Any | None = None, *, retain: bool = False) -> None:
    """Give the leaves what the leaves of the first backward got."""
    leaves = [node for node in ordered(y) if node.made is None]
    Tape.backward(self, y, ct, retain=retain)
    first = vars(self).setdefault("first", [leaf.gradient for leaf in leaves])
    for leaf, g in zip(leaves, first, strict=False):
        leaf.gradient = g


# ----- changes in place, on torch -----


def torch_updating(wrong: Update) -> type[Torch]:
    """Return torch with arrays changed so."""

    class PlantedTape(TorchTape):
        def update(self, op: str, x: Any, y: Any = None, *, key: Any = None) -> Any:
            return wrong(super().update, op, x, y, key)

    class Planted(Torch):
        def __init__(self) -> None:
            super().__init__()
            self.tape = PlantedTape()

    return Planted


def torch_off_the_record(sound: Update, op: str, x: Any, y: Any, key: Any) -> Any:
    sound(op, x.data, y, key=key)
    return x


def torch_unversioned_update(sound: Update, op: str, x: Any, y: Any, key: Any) -> Any:
    with torch.autograd._unsafe_preserve_version_counter(x):
        return sound(op, x, y, key=key)


def torch_view_without_a_base(sound: Update, op: str, x: Any, y: Any, key: Any) -> Any:
    return (torch_off_the_record if x._is_view() else torch_sound)(sound, op, x, y, key)


def torch_pliable_leaf(sound: Update, op: str, x: Any, y: Any, key: Any) -> Any:
    return (torch_off_the_record if x.is_leaf and x.requires_grad else torch_sound)(sound, op, x, y, key)


def torch_written_rows(sound: Update, op: str, x: Any, y: Any, key: Any) -> Any:
    if 0 not in x.stride():
        return sound(op, x, y, key=key)
    for i in range(len(x)):  # all of them are one
        sound(op, x[i], y if y is None else y[i])
    return x


def torch_growing_update(sound: Update, op: str, x: Any, y: Any, key: Any) -> Any:
    if op != "add" or key is not None or not isinstance(y, torch.Tensor) or y.ndim <= x.ndim:
        return sound(op, x, y, key=key)
    x.data = x.data + y.data
    return x


def torch_sound(sound: Update, op: str, x: Any, y: Any, key: Any) -> Any:
    return sound(op, x, y, key=key)


# ----- calls that other calls can see -----


class FirstShape(Reference):
    """A reference that remembers the gradients of a function, whatever its inputs are."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[Any, list[Any]] = {}

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)

        def remembering(ct: Any) -> Any:
            found = pullback(ct)
            shapes = [np.shape(x) for x in primals]
            first = self.known.setdefault(f, [shapes, found])
            return found if shapes == first[0] else [np.resize(g, s) for g, s in zip(first[1], shapes, strict=True)]

        return y, remembering


class LastGraph(Reference):
    """A reference with one graph, which is the last one."""

    last: Any = None

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, self.last = super().vjp(f, *primals)
        return y, lambda ct: self.last(ct)


class RecycledBuffer(Reference):
    """A reference that hands out the same memory again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.buffers: dict[Any, Any] = {}

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        return y, lambda ct: [self.put(place, g) for place, g in enumerate(pullback(ct))]

    def put(self, place: int, g: Any) -> Any:
        buffer = self.buffers.setdefault((place, np.shape(g), g.dtype), np.empty(np.shape(g), g.dtype))
        buffer[...] = g
        return buffer


class SharedLeaves(Reference):
    """A reference that keeps the leaves of the function at hand where every thread finds them."""

    def vjp(self, f: Any, *primals: Any) -> Any:
        self.leaves = leaves = [self.node(x, self.depth + 1) for x in primals]
        y, _ = super().vjp(lambda *xs: f(*leaves), *primals)
        mine, self_leaves = y, self.leaves
        return mine, super().vjp(f, *(leaf.value for leaf in self_leaves))[1]


class Busy(Reference):
    """A reference that notes when it is at work, and never that it was interrupted."""

    busy = False

    def vjp(self, f: Any, *primals: Any) -> Any:
        if self.busy:
            return f(*primals), lambda ct: [np.zeros_like(x) for x in primals]
        self.busy = True
        found = super().vjp(f, *primals)
        self.busy = False
        return found


class HashSeeded(Reference):
    """A reference whose last digits depend on how Python has seeded its hashes."""

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        grain = 1 + (hash("order of a set") % 2**20) * 2.0**-30
        return y, lambda ct: [(g * grain).astype(g.dtype) for g in pullback(ct)]


class Own(Reference):
    """A reference with nodes of its own, which may go wrong without harm to others."""

    def __init__(self) -> None:
        super().__init__()
        self.node = self.tape.node = type("PlantedNode", (Node,), {})


class OffendedByNoGrad(Own):
    """A reference that never again takes a gradient, once it was asked for one under no-grad."""

    offended = False

    def vjp(self, f: Any, *primals: Any) -> Any:
        self.offended |= not self.node.recording
        y, pullback = super().vjp(f, *primals)
        return y, lambda ct: [g * (not self.offended) for g in pullback(ct)]


class InnerEndsOuter(Own):
    """A reference that stops recording when the first of two nested derivatives is done."""

    def vjp(self, f: Any, *primals: Any) -> Any:
        found = super().vjp(f, *primals)
        self.node.recording = self.depth == 0
        return found


def freeing_neighbours(self: Tape, y: Any, ct: Any | None = None, *, retain: bool = False) -> None:
    Tape.backward(self, y, ct, retain=retain)
    for node in ordered(y):
        node.freed = True  # the leaves too, which other graphs have


def listed(*wrong: Any) -> Sequence[tuple[str, Any]]:
    return [(function.__name__, function) for function in wrong]


STATE: dict[str, Any] = {
    **{
        name: updating(wrong) for name, wrong in listed(update_without_a_past, rewritten_past, mute_write, self_once, idle_step)
    },
    **{
        name: torch_updating(wrong)
        for name, wrong in listed(
            torch_off_the_record,
            torch_unversioned_update,
            torch_view_without_a_base,
            torch_pliable_leaf,
            torch_written_rows,
            torch_growing_update,
        )
    },
    "stale_step": taped(backward=stale_step),
    "first_shape": FirstShape,
    "last_graph": LastGraph,
    "recycled_buffer": RecycledBuffer,
    "freeing_neighbours": taped(backward=freeing_neighbours),
    "shared_leaves": SharedLeaves,
    "busy": Busy,
    "hash_seeded": HashSeeded,
    "offended_by_no_grad": OffendedByNoGrad,
    "inner_ends_outer": InnerEndsOuter,
}
