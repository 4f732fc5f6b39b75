"""Mutation programs drawn at random: arrays, views and changes in place of both, with bounds on all that they hold."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.reference.program.data import Operand
from clinometer.strategies.mutations import UNARY, Mutation, MutationProgram, Shape, change, ending, make, shape_of

MOST = 60.0  # in size: what its arrays may hold, so that nothing overflows and sin still means something


@dataclass
class MutationDraft:
    """A mutation program on its way: arrays by name, their shapes, bounds on what they hold, and which lie in order."""

    draw: Any
    shape: Shape
    mutations: list[Mutation] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    root: dict[str, str] = field(default_factory=dict)  # the array that a view is a view of, in the end
    bound: dict[str, float] = field(default_factory=dict)  # of each root: never less than it has been
    orderly: set[str] = field(default_factory=lambda: {"x", "y"})

    def add(self, mutation: Mutation, shape: Shape, root: str, bound: float) -> None:
        """Append a mutation that makes an array."""
        self.mutations.append(mutation)
        self.shapes[mutation.out], self.root[mutation.out], self.bound[root] = shape, root, bound
        # What is computed of an array that lies in another order, lies in that order as well: reshaped, it is a copy.
        given = {operand for operand in mutation.args if isinstance(operand, str)}
        if mutation.op not in ("permute_dims", "getitem") and given <= self.orderly:
            self.orderly.add(mutation.out)

    def pick(self, names: Collection[str]) -> str:
        return str(self.draw(st.sampled_from(sorted(names))))

    def size(self, operand: Operand) -> float:
        return self.bound[self.root[operand]] if isinstance(operand, str) else abs(operand)

    def fresh(self) -> str:
        return "abcdefghijklm"[sum(not mutation.change for mutation in self.mutations)]

    def own(self) -> list[str]:
        """Return the arrays that are no inputs: a change of an input is a clause of its own."""
        return [name for name in self.shapes if self.root[name] not in ("x", "y")]

    # ----- mutations -----

    def made(self) -> None:
        """Append a new array."""
        first = self.pick(self.shapes)
        fitting = [n for n, s in self.shapes.items() if _goes_into(s, self.shapes[first])]
        operand = self.draw(st.sampled_from([0.5, *fitting]))
        op = self.draw(st.sampled_from(self.within(first, operand)))
        args = (first,) if op in UNARY else (first, operand)
        out = self.fresh()
        self.add(make(out, op, *args), self.shapes[first], out, self.after(op, first, operand))

    def view(self) -> None:
        """Append a view of an array."""
        name = self.pick(self.own())
        shape = self.shapes[name]
        kinds = ["getitem"] * bool(shape) + ["reshape"] * (name in self.orderly) + ["permute_dims"] * (len(shape) > 1)
        if not kinds:
            return
        op = self.draw(st.sampled_from(kinds))
        params: dict[str, Any] = {
            "getitem": lambda: {"key": self.draw(_keys(shape, basic=True))},
            "reshape": lambda: {"shape": (int(np.prod(shape)),) if len(shape) != 1 else (shape[0], 1)},
            "permute_dims": lambda: {"axes": tuple(reversed(range(len(shape))))},
        }[op]()
        mutation = make(self.fresh(), op, name, **params)
        made = shape_of(mutation, [shape])
        if 0 not in made:  # of nothing there is nothing to change
            self.add(mutation, made, self.root[name], self.size(name))

    def changed(self) -> None:
        """Append a change."""
        name = self.pick(self.own())
        key = self.draw(st.none() | _keys(self.shapes[name])) if self.shapes[name] else None
        part = np.shape(np.zeros(self.shapes[name])[key]) if key is not None else self.shapes[name]
        # An operand that overlaps with what is written, and is not the same, is a clause of its own.
        apart = [n for n in self.shapes if self.root[n] != self.root[name] or (n == name and key is None)]
        operand = self.draw(st.sampled_from([2.0, 0.5, *(n for n in apart if _goes_into(self.shapes[n], part))]))
        ops = [op for op in self.within(name, operand) if key is None or op not in UNARY]
        op = self.draw(st.sampled_from(["set", *ops]))
        key = ... if op == "set" and key is None else key
        self.mutations.append(change(name, op, *(() if op in UNARY else (operand,)), key=key))
        self.bound[self.root[name]] = max(self.size(name), self.after(op, name, operand))

    def within(self, first: str, operand: Operand) -> list[str]:
        """Return the operations after which nothing is too large."""
        ops = ("add", "multiply", "subtract", *UNARY, *(["divide"] if not isinstance(operand, str) else []))
        return [op for op in ops if self.after(op, first, operand) <= MOST]

    def after(self, op: str, first: str, operand: Operand) -> float:
        a, b = self.size(first), self.size(operand)
        if op in ("exp", "sin", "tanh"):
            return float(np.exp(min(a, 100.0))) if op == "exp" else 1.0
        return {"set": b, "multiply": a * b, "divide": a / b}.get(op, a + b)


def _goes_into(shape: Shape, target: Shape) -> bool:
    """Whether an array broadcasts to a target without making it larger."""
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False


def _keys(shape: Shape, basic: bool = False) -> st.SearchStrategy[Any]:
    """Draw a key into the first axis or the last: a number, a slice; else also a list of numbers, or of booleans."""
    n, last = shape[0], shape[-1]
    keys = [0, n - 1, slice(0, n - 1), slice(None, None, 2), (..., slice(1, None))]
    if len(shape) > 1:  # in numpy x[..., 0] is a view where x[0] is none, if either is one entry alone
        keys += [(..., 0), (..., last - 1)]
    if not basic:  # no number twice: which of two values stays is nobody's promise
        keys += [[n - 1, *range(n - 2)], [i % 2 == 0 for i in range(n)]]
    return st.sampled_from(keys)


@st.composite
def mutation_programs(draw: Any) -> MutationProgram:
    """Draw a mutation program of a few arrays, views and up to four changes; shrinks to one change of one array."""
    shape = draw(st.sampled_from([(2,), (3,), (2, 3), (3, 2), (2, 2), (2, 1, 2)]))
    draft = MutationDraft(draw, shape, [], dict.fromkeys("xy", shape), {"x": "x", "y": "y"}, {"x": 2.0, "y": 2.0})
    draft.made()
    for _ in range(draw(st.integers(1, 4))):
        for mutation in draw(st.sampled_from([(), (draft.view,), (draft.made,), (draft.view, draft.made)])):
            mutation()
        draft.changed()
    return MutationProgram((*draft.mutations, *ending(draft.own())), shape)
