"""Wrong on purpose, in ways that no single operation shows: each needs a program to come to light.

The ground is a tape of whole operations: a node is what an operation of the catalogue gives, and its pullback is that
of the sound reference. So whatever is wrong lies between operations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from clinometer.backends.reference.adapter import Reference
from clinometer.reference.arithmetic import dispatch
from clinometer.reference.arithmetic.dual import Dual
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.catalogue.rows import Group
from planted.derivatives import DERIVATIVES
from planted.operations import OPERATIONS


class Whole:
    """What an operation has given: its value, the nodes that it was made of, and the pullback to them."""

    def __init__(self, value: Any, op: str = "", parents: Sequence[Whole] = (), pullback: Any = None, number: int = 0):
        self.value, self.op, self.parents, self.pullback, self.number = value, op, list(parents), pullback, number

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)


class Atomic(Reference):
    """The reference, on a tape of whole operations."""

    second_witness = False
    support = dataclasses.replace(Reference.support, nests=False)

    def __init__(self) -> None:
        super().__init__()
        self.sound, self.made = Reference(), 0
        rows = {name: self.operation(name, row.value) for name, row in CATALOGUE.items()}
        self.xp = SimpleNamespace(**{**vars(self.xp), **rows, "gradient": self.gradient})
        self.tape = None  # type: ignore[assignment]  # functional only

    def gradient(self, f: Any, x: Any) -> Any:
        raise NotImplementedError("a tape of whole operations has one level")

    def operation(self, op: str, value: Callable[..., Any]) -> Callable[..., Any]:
        def apply(*args: Any, **params: Any) -> Any:
            nodes = [a for a in args if isinstance(a, Whole)]
            if not nodes or any(isinstance(a, Dual) for a in args):
                return value(*args, **params)
            if op == "stop_gradient" or not CATALOGUE[op].differentiable:
                return self.cut(op, value, args, params)

            def f(*xs: Any) -> Any:
                rest = iter(xs)
                return value(*(next(rest) if isinstance(a, Whole) else a for a in args), **params)

            self.made += 1
            return Whole(*self.evaluate(op, f, nodes), number=self.made)

        return apply

    def evaluate(self, op: str, f: Callable[..., Any], nodes: list[Whole]) -> tuple[Any, ...]:
        """Return what a node is made of."""
        y, pullback = self.sound.vjp(f, *(node.value for node in nodes))
        return y, op, nodes, pullback

    def cut(self, op: str, value: Callable[..., Any], args: Sequence[Any], params: dict[str, Any]) -> Any:
        """Return the value of an operation through which nothing flows."""
        return value(*(a.value if isinstance(a, Whole) else a for a in args), **params)

    def vjp(self, f: Callable[..., Any], *primals: Any) -> Any:
        self.made = 0
        leaves = [Whole(x) for x in primals]
        y = f(*leaves)
        if not isinstance(y, Whole):
            return y, lambda ct: [np.zeros_like(x) for x in primals]
        return y.value, lambda ct: self.back(y, leaves, ct)

    def back(self, y: Whole, leaves: Sequence[Whole], ct: Any) -> list[Any]:
        """Return the gradients of the leaves."""
        found = {id(y): ct}
        for node in self.ordered(y):
            once: dict[int, tuple[Whole, Any]] = {}  # what one operation gives to one operand is its own affair
            for parent, part in self.flow(node, found[id(node)]) if node.parents and id(node) in found else ():
                once[id(parent)] = parent, part if id(parent) not in once else once[id(parent)][1] + part
            for parent, part in once.values():
                there = found.get(id(parent))
                found[id(parent)] = part if there is None else self.join(parent, there, part)
        return [found.get(id(leaf), np.zeros_like(leaf.value)) for leaf in leaves]

    def ordered(self, y: Whole) -> list[Whole]:
        """Return the nodes that y depends on, each after all that it feeds."""
        seen = {id(y): y}
        waiting = [y]
        while waiting:
            for parent in waiting.pop().parents:
                if id(parent) not in seen:
                    seen[id(parent)] = parent
                    waiting.append(parent)
        return sorted(seen.values(), key=lambda node: -node.number)

    def flow(self, node: Whole, ct: Any) -> list[tuple[Whole, Any]]:
        """Return the cotangents that go to the parents of a node."""
        return list(zip(node.parents, node.pullback(ct), strict=True))

    def join(self, node: Whole, present: Any, part: Any) -> Any:
        """Add up what comes to a node by several paths."""
        return present + part


# ----- where paths meet -----


class ThirdUseLost(Atomic):
    def join(self, node: Whole, present: Any, part: Any) -> Any:
        node.uses = getattr(node, "uses", 1) + 1  # type: ignore[attr-defined]  # counted here alone
        return present if node.uses % 3 == 0 else present + part  # type: ignore[attr-defined]


class JoinInSingle(Atomic):
    def join(self, node: Whole, present: Any, part: Any) -> Any:
        return (present.astype(np.float32) + part.astype(np.float32)).astype(present.dtype)


class AliasedAccumulation(Atomic):
    """Hands a cotangent itself on where it comes through as it is, as through a sum, and adds in place."""

    def flow(self, node: Whole, ct: Any) -> list[tuple[Whole, Any]]:
        return [(parent, ct if np.array_equal(g, ct) else np.array(g)) for parent, g in super().flow(node, ct)]

    def join(self, node: Whole, present: Any, part: Any) -> Any:
        if not present.ndim:
            return present + part
        present += part
        return present


class WrongOrderInADiamond(Atomic):
    """Goes back breadth first: a node may send its cotangent on before all of it has come."""

    def ordered(self, y: Whole) -> list[Whole]:
        order, seen = [y], {id(y)}
        for node in order:
            for parent in node.parents:
                if id(parent) not in seen:
                    seen.add(id(parent))
                    order.append(parent)
        return order


class ScalarKeepsTheLast(Atomic):
    def join(self, node: Whole, present: Any, part: Any) -> Any:
        return present + part if node.shape or not node.parents else part


class LeafUsedInside(Atomic):
    """An input that is used again by a later step keeps what came last."""

    def join(self, node: Whole, present: Any, part: Any) -> Any:
        return part if not node.parents else present + part


# ----- one step after another -----


def between(wrong: Callable[[Whole, Whole, Any, Any], Any]) -> type[Atomic]:
    """Return a backend in which `wrong(node, parent, ct, part)` says what flows to a parent; None: what is right."""

    class Between(Atomic):
        def flow(self, node: Whole, ct: Any) -> list[tuple[Whole, Any]]:
            found = []
            for parent, part in super().flow(node, ct):
                other = wrong(node, parent, ct, part)
                found.append((parent, part if other is None else other))
            return found

    return Between


def group(node: Whole) -> Group | None:
    return CATALOGUE[node.op].group if node.op else None


MOVES = {"flip", "roll", "permute_dims", "matrix_transpose", "moveaxis", "reshape", "expand_dims", "squeeze"}
COPIES = {"broadcast_to", "tile", "repeat", "pad", "meshgrid", "stack", "concat"}


def unbroadcast_after_a_move(node: Whole, parent: Whole, ct: Any, part: Any) -> Any:
    return (
        part * 0.5
        if group(node) == Group.ARITHMETIC and np.shape(ct) != parent.shape and group(parent) == Group.SHAPE
        else None
    )


def reduction_after_reduction(node: Whole, parent: Whole, ct: Any, part: Any) -> Any:
    return part * 2 if group(node) == group(parent) == Group.REDUCTION else None


def fused_moves(node: Whole, parent: Whole, ct: Any, part: Any) -> Any:
    """Of a move behind a move or an index, give the entries in the order in which they come."""
    fits = node.op in MOVES and group(parent) in (Group.SHAPE, Group.INDEXING) and np.size(ct) == np.size(part)
    return np.reshape(ct, np.shape(part)) if fits else None


def arithmetic_in_a_row(node: Whole, parent: Whole, ct: Any, part: Any) -> Any:
    return (
        -part
        if group(node) == group(parent) == Group.ARITHMETIC and len(node.parents) == 2 and parent is node.parents[1]
        else None
    )


def index_after_a_copy(node: Whole, parent: Whole, ct: Any, part: Any) -> Any:
    return part * 0 if group(node) == Group.INDEXING and parent.op in COPIES else None


def same_step_twice(node: Whole, parent: Whole, ct: Any, part: Any) -> Any:
    """Lose what is carried from one trip of a loop to the next."""
    return part * 0 if node.op == parent.op else None


def zero_sum_shortcut(node: Whole, parent: Whole, ct: Any, part: Any) -> Any:
    """Take a cotangent whose entries cancel for none."""
    return part * 0 if np.size(ct) > 1 and abs(np.sum(ct)) <= 1e-5 * np.sum(abs(ct)) else None


def captured_long_ago(node: Whole, parent: Whole, ct: Any, part: Any) -> Any:
    return part * 0 if parent.op and node.number - parent.number > 4 else None


def long_chain_forgets(node: Whole, parent: Whole, ct: Any, part: Any) -> Any:
    length, at = 0, node
    while at.parents:
        at, length = at.parents[0], length + 1
    return part * 0 if length > 4 else None


# ----- memory between steps -----


class LateBinding(Atomic):
    """The pullback of an operation is that of the last time it was used, where shapes allow."""

    def back(self, y: Whole, leaves: Sequence[Whole], ct: Any) -> list[Any]:
        self.last = {}
        for node in reversed(self.ordered(y)):
            shapes = (node.shape, *(parent.shape for parent in node.parents))
            self.last[node.op, shapes] = node.pullback
        return super().back(y, leaves, ct)

    def flow(self, node: Whole, ct: Any) -> list[tuple[Whole, Any]]:
        shapes = (node.shape, *(parent.shape for parent in node.parents))
        return list(zip(node.parents, self.last[node.op, shapes](ct), strict=True))


class LookedAtIsCut(Atomic):
    """What a comparison has looked at takes no gradient any more."""

    def cut(self, op: str, value: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        if op in ("greater", "less"):
            for a in args:
                for node in (a, *a.parents) if isinstance(a, Whole) else ():
                    node.parents = []
        return super().cut(op, value, args, params)


class SecondDetachLeaks(Atomic):
    def vjp(self, f: Callable[..., Any], *primals: Any) -> Any:
        self.cuts = 0
        return super().vjp(f, *primals)

    def cut(self, op: str, value: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        self.cuts += op == "stop_gradient"
        return args[0] if op == "stop_gradient" and self.cuts > 1 else super().cut(op, value, args, params)


class DetachCutsTheRest(Atomic):
    """A value that is detached is so for its other uses too, if it is no input."""

    def cut(self, op: str, value: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        found = super().cut(op, value, args, params)
        if op == "stop_gradient" and args[0].parents:
            args[0].parents = []
        return found


class MergedValues(Atomic):
    """Two results of one shape, made of the same operands, are one node."""

    def vjp(self, f: Callable[..., Any], *primals: Any) -> Any:
        self.known: dict[Any, Any] = {}
        return super().vjp(f, *primals)

    def evaluate(self, op: str, f: Callable[..., Any], nodes: list[Whole]) -> tuple[Any, ...]:
        found = super().evaluate(op, f, nodes)
        return self.known.setdefault((found[0].shape, tuple(id(node) for node in nodes)), found)


# ----- derivatives within derivatives, on the sound reference -----


class InnerGradientIsConstant(Reference):
    """The gradient that a program takes is a constant to the derivative around it."""

    second_witness = False

    def vjp(self, f: Callable[..., Any], *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        inner = self.depth > 0
        return y, (lambda ct: [dispatch.stop_gradient(g) for g in pullback(ct)] if inner else pullback(ct))


class ConfusedPerturbations(Reference):
    """Takes the gradients within a program forward, with the perturbation that the derivative around it has too."""

    second_witness = False

    def __init__(self) -> None:
        super().__init__()
        self.xp.gradient = self.forward_gradient

    def forward_gradient(self, f: Callable[[Any], Any], x: Any) -> Any:
        x = x.x if isinstance(x, Dual) else x
        basis = np.eye(max(np.size(x), 1), dtype=x.dtype).reshape(-1, *np.shape(x))
        ys = [f(Dual(x, e, level=1)) for e in basis]
        return np.reshape(np.stack([y.dx if isinstance(y, Dual) else np.zeros((), x.dtype) for y in ys]), np.shape(x))


PROGRAMS: dict[str, Any] = {
    # ----- where paths meet -----
    "third_use_lost": ThirdUseLost,
    "join_in_single": JoinInSingle,
    "aliased_accumulation": AliasedAccumulation,
    "wrong_order_in_a_diamond": WrongOrderInADiamond,
    "scalar_keeps_the_last": ScalarKeepsTheLast,
    "leaf_used_inside": LeafUsedInside,
    # ----- one step after another -----
    **{
        wrong.__name__: between(wrong)
        for wrong in (
            unbroadcast_after_a_move, reduction_after_reduction, fused_moves, arithmetic_in_a_row, index_after_a_copy,
            same_step_twice, zero_sum_shortcut, captured_long_ago, long_chain_forgets,
        )
    },
    # ----- memory between steps -----
    "late_binding": LateBinding,
    "looked_at_is_cut": LookedAtIsCut,
    "second_detach_leaks": SecondDetachLeaks,
    "detach_cuts_the_rest": DetachCutsTheRest,
    "merged_values": MergedValues,
    # ----- derivatives within derivatives, and between calls -----
    "inner_gradient_is_constant": InnerGradientIsConstant,
    "confused_perturbations": ConfusedPerturbations,
    "stale_call": DERIVATIVES["stale_call"],
    "frozen_branch": OPERATIONS["frozen_branch"],
}  # fmt: skip
CAUGHT_BY = {"stale_call": "PROGRAM-8", "frozen_branch": "PROGRAM-8", "confused_perturbations": "PROGRAM-3"}  # else PROGRAM-2
