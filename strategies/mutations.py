"""Mutation programs: programs that change arrays in place.

One is a list of mutations over the inputs x and y: an array is made, or one that is there is changed. `twin` gives the
program without changes that means the same. What a change means depends on one thing alone, whether it is seen in what
shares memory with the array that is changed; that is the library's choice, and an argument here.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, Domain
from clinometer.reference.program.data import Operand, Program
from clinometer.reference.program.tracing import trace
from clinometer.strategies.cases import program_cases

Shape = tuple[int, ...]

UNARY = ("exp", "sin", "tanh")  # operations that change an array, as `Tape.update` names them
BINARY = ("add", "subtract", "multiply", "divide")
VIEWS = ("getitem", "entry", "reshape", "permute_dims")  # what may share memory with its argument: see `view_kind`
NEEDS_ARGUMENTS = {"multiply", "divide", "exp", "sin", "tanh"}  # for their pullbacks; where an operand is a number, not
NEEDS_RESULT = {"divide", "exp", "tanh"}  # or may need it
# What these give may lie in memory that others need, or that is there once for many entries; it is no view to write to.
TOUCHY = {"broadcast_to", "stop_gradient"}


@dataclass(frozen=True)
class Mutation:
    """`out = op(*args, **params)`; or, a change, `out[key] = op(out[key], *args)`, of all of `out` without a key."""

    out: str
    op: str
    args: tuple[Operand, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    change: bool = False
    key: Any = None


def make(out: str, op: str, *args: Operand, **params: Any) -> Mutation:
    """Return the mutation that makes an array by an operation of the catalogue."""
    return Mutation(out, op, args, params)


def change(out: str, op: str, *args: Operand, key: Any = None) -> Mutation:
    """Return the mutation that changes an array, or its entries at a key; "set" takes the key of a part."""
    return Mutation(out, op, args, change=True, key=key)


class Seen(NamedTuple):
    """A question to a library: whether a change of an array is seen in the array that it is a view of, or in its view."""

    view: str  # of VIEWS
    op: str  # of the change: some libraries write into memory by one, and make a new array by another
    part: bool = False  # whether the change has a key
    down: bool = False  # from the base to the view
    computed: bool = True  # whether the base is a result, and no input


Shares = Callable[[Seen], bool]


def everywhere(seen: Seen) -> bool:
    """Say that all views share memory, whatever changes them."""
    return True


@dataclass(frozen=True)
class MutationProgram:
    """Moves over the inputs x and y, both of one shape; the array `out` is what is differentiated."""

    mutations: tuple[Mutation, ...]
    shape: Shape = (2, 3)
    name: str = ""

    @property
    def operations(self) -> frozenset[str]:
        """What makes arrays: operations that a library must have under the catalogue's names."""
        return frozenset(mutation.op for mutation in self.mutations if not mutation.change)

    def __str__(self) -> str:
        return "\n".join(map(str, self.mutations))


@dataclass(frozen=True)
class MutationCase:
    """A mutation program, and a case of its twin where all views share memory."""

    mutated: MutationProgram
    case: Case

    def resolve_views(self, shares: Shares) -> tuple[Case, bool]:
        """Return the case for a library in which views share memory so, and whether it may refuse it: see `FunctionalTwin`."""
        program, excused = twin(self.mutated, shares)
        return dataclasses.replace(self.case, program=program), excused

    def present(self, shares: Shares) -> Case:
        """Return the case of `present`, whose last two inputs are zeros."""
        nothing = tuple(map(np.zeros_like, self.case.inputs))
        inputs, tangents = self.case.inputs + nothing, self.case.tangents + nothing
        return dataclasses.replace(self.case, program=present(self.mutated, shares), inputs=inputs, tangents=tangents)


def present(mutated: MutationProgram, shares: Shares = everywhere) -> Program:
    """Return the twin as a program of x, y, dx and dy, where dx is added to what x holds from its last change on.

    So the gradient of dx is that of the present value of an input that was changed: where a library keeps one array for
    both, it is as good an answer as the gradient of the value that x had at first.
    """
    found: list[FunctionalTwin] = []

    def function(ad: Any, x: Any, y: Any, dx: Any, dy: Any) -> Any:
        found.append(FunctionalTwin(ad, {"x": x, "y": y}, mutated.shape, shares))
        offsets, last = {"x": dx, "y": dy}, found[0].last if len(found) > 1 else {}
        for at, mutation in enumerate((None, *mutated.mutations)):
            if mutation is not None:
                found[-1].carry_out(at, mutation)
            for name in [name for name in offsets if last.get(name, 0) == at]:
                found[-1].memory[name] = ad.add(found[-1].memory[name], offsets[name])
        return found[-1].read("out")

    trace(function)  # to learn which change of an input is its last
    return trace(function)


def twin(mutated: MutationProgram, shares: Shares = everywhere) -> tuple[Program, bool]:
    """Return the program without changes in place that means the same, and whether an exception is right as well."""
    found: list[FunctionalTwin] = []

    def function(ad: Any, x: Any, y: Any) -> Any:
        found.append(FunctionalTwin(ad, {"x": x, "y": y}, mutated.shape, shares))
        for at, mutation in enumerate(mutated.mutations):
            found[0].carry_out(at, mutation)
        return found[0].read("out")

    return trace(function), found[0].excused


class FunctionalTwin:
    """A mutation program carried out by a builder of programs.

    `memory` is what each piece of memory holds, and `where` has for each array its memory and the views through which it
    is seen. `excused` tells that a change met a value that a pullback may need: the old one is gone then, and a library
    that notices and raises is as right as one that has kept a copy.
    """

    def __init__(self, ad: Any, inputs: Mapping[str, Any], shape: Shape, shares: Shares):
        self.ad, self.shares, self.excused = ad, shares, False
        self.memory = dict(inputs)
        self.where: dict[str, tuple[str, tuple[Mutation, ...]]] = {name: (name, ()) for name in inputs}
        self.shapes = dict.fromkeys(inputs, shape)
        self.touchy, self.needed = set(inputs), set[str]()
        self.results = set[str]()  # the memories of what was computed
        self.last: dict[str, int] = {}  # of each memory, the mutation that was its last change

    def read(self, operand: Operand) -> Any:
        """Return what an array holds now."""
        if not isinstance(operand, str):
            return operand
        name, path = self.where[operand]
        value = self.memory[name]
        for view in path:
            value = getattr(self.ad, view.op)(value, **view.params)
        return value

    def carry_out(self, at: int, mutation: Mutation) -> None:
        """Make or change an array, by the mutation of this number."""
        self.change(mutation) if mutation.change else self.make(mutation)
        if mutation.change:
            self.last[self.where[mutation.out][0]] = at

    def make(self, mutation: Mutation) -> None:
        shape = self.shapes[mutation.out] = shape_of(mutation, [self.shapes.get(str(a), ()) for a in mutation.args])
        if view_kind(mutation, shape) in VIEWS:
            name, path = self.where[str(mutation.args[0])]
            self.where[mutation.out] = name, (*path, mutation)
            return
        self.memory[mutation.out] = getattr(self.ad, mutation.op)(*map(self.read, mutation.args), **mutation.params)
        self.where[mutation.out] = mutation.out, ()
        self.results.add(mutation.out)
        if mutation.op in TOUCHY:
            self.touchy.add(mutation.out)
        self._note(mutation, mutation.out, self._memories(mutation.args))

    def change(self, mutation: Mutation) -> None:
        self._part(mutation)
        name, path = self.where[mutation.out]
        operands = self._memories(mutation.args)
        loses = mutation.op in NEEDS_ARGUMENTS and (bool(operands) or mutation.op == "sin")  # what its own pullback needs
        self.excused |= loses or name in self.touchy or name in self.needed or name in operands
        old = self.read(mutation.out)
        old = old if mutation.key is None or mutation.op == "set" else self.ad.getitem(old, key=mutation.key)
        values = map(self.read, mutation.args)
        new = next(values) if mutation.op == "set" else getattr(self.ad, mutation.op)(old, *values)
        self.memory[name] = self._put(self.memory[name], self.shapes[name], path, mutation.key, new)
        self._note(mutation, name, operands)

    def _part(self, mutation: Mutation) -> None:
        """Give memory of their own to the arrays that do not see a change in the one that they were views of, or of them."""
        name, path = self.where[mutation.out]

        def seen(views: tuple[Mutation, ...], down: bool) -> bool:
            computed = name in self.results
            return all(self.shares(Seen(self._sight(v), mutation.op, mutation.key is not None, down, computed)) for v in views)

        others = [other for other, (memory, _) in self.where.items() if memory == name and other != mutation.out]
        if not seen(path, down=False):  # then the array is a copy, as are the views of it that see it change
            further = {o: self.where[o][1][len(path) :] for o in others if self.where[o][1][: len(path)] == path}
            self._alone(mutation.out)
            for other, views in further.items():
                if seen(views, down=True):
                    self.where[other] = self.where[mutation.out][0], views
            return
        for other in others:
            theirs = self.where[other][1]
            common = sum(1 for _ in itertools.takewhile(lambda both: both[0] == both[1], zip(path, theirs, strict=False)))
            if not seen(theirs[common:], down=True):
                self._alone(other)

    def _alone(self, array: str) -> None:
        """Give an array memory of its own, with what it holds."""
        own = f"{array} alone" if f"{array} alone" not in self.memory else f"{array} alone, {len(self.memory)}"
        self.memory[own], self.shapes[own] = self.read(array), self.shapes[array]
        self.where[array] = own, ()
        self.results.add(own)

    def _sight(self, view: Mutation) -> str:
        return view_kind(view, self.shapes[view.out])

    def _put(self, whole: Any, shape: Shape, path: tuple[Mutation, ...], key: Any, new: Any) -> Any:
        """Return `whole` with another value at the key of the part that the views of a path lead to."""
        if not path:
            return new if key is None else self.ad.at_set(whole, new, key=key)
        view = path[0]
        part = getattr(self.ad, view.op)(whole, **view.params)
        part = self._put(part, shape_of(view, [shape]), path[1:], key, new)
        if view.op == "reshape":
            return self.ad.reshape(part, shape=shape)
        if view.op == "permute_dims":
            return self.ad.permute_dims(part, axes=tuple(int(i) for i in np.argsort(view.params["axes"])))
        return self.ad.at_set(whole, part, key=view.params["key"])

    def _memories(self, args: tuple[Operand, ...]) -> set[str]:
        return {self.where[a][0] for a in args if isinstance(a, str)}

    def _note(self, mutation: Mutation, out: str, operands: set[str]) -> None:
        """Remember whose values a pullback may need from here on."""
        numbers = any(not isinstance(a, str) for a in mutation.args)
        if mutation.op in NEEDS_ARGUMENTS and not numbers:
            self.needed |= operands
        if mutation.op in NEEDS_RESULT and not numbers:
            self.needed.add(out)


def view_kind(mutation: Mutation, shape: Shape) -> str:
    """Return how an operation looks at its argument: in numpy one entry alone is no view, unlike any other `getitem`."""
    return "entry" if mutation.op == "getitem" and shape == () else mutation.op


def shape_of(mutation: Mutation, shapes: list[Shape]) -> Shape:
    """Return the shape of what a mutation makes of arrays of these shapes."""
    return np.shape(CATALOGUE[mutation.op].value(*map(np.ones, shapes), **mutation.params))


# ----- drawing -----


@st.composite
def mutation_cases(draw: Any, told: MutationProgram | st.SearchStrategy[MutationProgram], dtype: str) -> MutationCase:
    """Draw a mutation case of a mutation program; shrinks to few mutations and simple numbers."""
    mutated = told if isinstance(told, MutationProgram) else draw(told)
    program, _ = twin(mutated)
    return MutationCase(mutated, draw(program_cases(program, dtype, shape=mutated.shape, domain=Domain(-2.0, 2.0))))


def ending(names: Collection[str]) -> list[Mutation]:
    """Return the mutations that make one number of all arrays, to which each entry of each counts differently."""
    mutations, total = [], ""
    for name in names:
        mutations += [make(f"{name}1", "sin", name), make(f"{name}2", "sum", f"{name}1")]
        if total:
            mutations.append(make(f"{name}3", "add", total, f"{name}2"))
        total = mutations[-1].out
    return [*mutations[:-1], dataclasses.replace(mutations[-1], out="out")]
