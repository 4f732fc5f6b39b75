"""A session in which arrays are changed in place: a mutation program, carried out on the tape and written down as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from clinometer.backends.protocol import in_place_tape_of
from clinometer.harness.check import Check
from clinometer.harness.findings import Nonconformance, Relation
from clinometer.harness.tape import TapeSession
from clinometer.reference.text import literal
from clinometer.reference.verdict import worst_disagreement
from clinometer.strategies.mutations import UNARY, Mutation, MutationCase, Seen, Shares

# Of each view in VIEWS, one of an array of shape (2, 3): an operation and its parameters.
TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "getitem": ("getitem", {"key": 0}),
    "entry": ("getitem", {"key": (0, 0)}),
    "reshape": ("reshape", {"shape": (3, 2)}),
    "permute_dims": ("permute_dims", {"axes": (1, 0)}),
}


def sharing(check: Check) -> Shares:
    """Return what answers whether a change is seen through a view, as the library shows it on arrays of the same kind.

    A change that is refused here is refused in the program too, and judged there.
    """
    with check.backend_call("tape"):
        backend, tape = check.backend, in_place_tape_of(check.backend)

    def shown(seen: Seen) -> bool:
        op, params = TAKEN[seen.view]
        with check.backend_call("a change in place"), suppress(Exception):  # whatever it raises
            base = tape.leaf(backend.asarray(np.full((2, 3), 1.0 if seen.computed else 0.5, check.real)))
            base = check.xp.multiply(base, 0.5) if seen.computed else base
            view = getattr(check.xp, op)(base, **params)
            changed, other = (base, view) if seen.down else (view, base)
            number = () if seen.op in UNARY else (3.0,)
            tape.update(seen.op, changed, *number, key=... if seen.part else None)
            return bool((np.asarray(backend.to_numpy(other)) != 0.5).any())
        return True

    def shares(seen: Seen) -> bool:
        if seen not in check.seen:
            check.seen[seen] = shown(seen)
        return check.seen[seen]

    return shares


class MutationSession(TapeSession):
    """One point of a mutation case, on the backend's tape.

    `case` is that of the mutated's twin, so that what is expected comes from a program without changes in place.
    """

    def __init__(self, check: Check, mutation_case: MutationCase):
        self.shares = sharing(check)
        case, self.excused = mutation_case.resolve_views(self.shares)
        super().__init__(check, case)
        self.lines.insert(0, "# f does the same without a change in place: what is expected is its gradient")

    def carry_out(self, mutations: tuple[Mutation, ...]) -> Any:
        """Make and change arrays, and return the one called `out`."""
        for mutation in mutations:
            if mutation.change:
                self.update(mutation.op, mutation.out, *mutation.args, key=mutation.key)
            else:
                self.make(mutation)
        return self.arrays["out"]

    def make(self, mutation: Mutation) -> None:
        """Make an array by an operation."""
        self.lines.append(f"{mutation.out} = {self._spelled(mutation)}")
        with self.check.backend_call("value", self.lines):
            self.arrays[mutation.out] = getattr(self.check.xp, mutation.op)(*map(self._value, mutation.args), **mutation.params)

    def update(self, op: str, name: str, *args: Any, key: Any = None) -> None:
        """Change an array, or its entries at a key; an operand is the name of an array, or a number."""
        self.lines.append(changed(self.words, op, name, *map(str, args), key=key))
        with self.check.backend_call(CHANGE, self.lines):
            self.arrays[name] = in_place_tape_of(self.check.backend).update(
                op, self.arrays[name], *map(self._value, args), key=key
            )

    def step(self, name: str, op: str, number: float) -> None:
        """Change a leaf under no-grad, as an optimizer does; where that makes a new array, it is made a leaf."""
        old = self.arrays[name]
        self.update(op, name, number)
        if self.arrays[name] is not old:
            with self.check.backend_call("leaf", self.lines):
                self.arrays[name] = self.tape.leaf(self.check.native(self.check.numpy(self.arrays[name], name)))
            self.lines.append(self.words["leaf"].format(x=name))

    def _value(self, operand: Any) -> Any:
        return self.arrays[operand] if isinstance(operand, str) else operand

    def _spelled(self, mutation: Mutation) -> str:
        return self.dialect.spell(mutation.op, list(map(str, mutation.args)), mutation.params)


def changed(words: Mapping[str, str], op: str, name: str, *args: str, key: Any = None) -> str:
    """Return a change of an array, in the words that a library has for its tape."""
    place = name if key is None else f"{name}[{subscript(key)}]"
    if op in words:
        return words[op].format(x=place, y=", ".join(args))
    return f"{name} = backend.tape.update({', '.join([repr(op), name, *args])}, key={literal(key)})"


CHANGE = "change in place"


def subscript(key: Any) -> str:
    """Return a key as it stands between brackets."""
    if isinstance(key, tuple):
        return ", ".join(map(subscript, key))
    if isinstance(key, slice):
        start, stop, step = ("" if k is None else str(k) for k in (key.start, key.stop, key.step))
        return f"{start}:{stop}{':' + step if step else ''}"
    return literal(key)


def refused(wrong: Nonconformance, rightly: bool) -> str:
    """Return how a change was refused, by itself or by the backward after it; any other failure goes on."""
    if wrong.outcome != "error" or wrong.finding is None or wrong.finding.claim not in (CHANGE, "backward"):
        raise wrong
    if not rightly:
        text = f"{wrong}; no value that a pullback needs was changed"
        raise Nonconformance(wrong.outcome, text, wrong.finding) from wrong.__cause__
    return wrong.answer


def of_the_present(session: MutationSession, mutation_case: MutationCase) -> bool:
    """Whether the leaves have the gradients of what they hold in the end."""
    case = mutation_case.present(session.shares).at(0)
    for which, want in enumerate(case.truth.gradients[2:]):
        got = session.gradient(which)
        got = np.zeros_like(case.inputs[which][0]) if got is None else got
        if got.dtype != case.dtype or worst_disagreement(got[None], want, "reverse", which) is not None:
            return False
    return True


def holds(check: Check, mutation_case: MutationCase, *, refusable: bool = False, leaves: bool = False) -> str:
    """Hold a mutation program to the gradients of its twin, and return "right"; or how it is refused, where that is as right.

    It is where a pullback needs what is changed, or where the whole mutated is `refusable`. A mutated that changes `leaves`
    may give them the gradients of what they hold in the end instead.
    """
    session = MutationSession(check, mutation_case)
    try:
        y = session.carry_out(mutation_case.mutated.mutations)
        value, about = check.numpy(y, "value")[None], Relation(session.read())
        check.agrees(value, session.case.truth.values[0], session.case, "value", 0, session.lines, about)
        session.backward(y)
    except Nonconformance as wrong:
        return refused(wrong, refusable or session.excused)
    try:
        for which, want in enumerate(session.case.truth.gradients):
            if session.gradient(which) is not None or np.any(want.value):  # where nothing flows there may be none
                session.holds_one(which, want)
    except Nonconformance:
        if leaves and of_the_present(session, mutation_case):
            return "the gradient of its present value"
        raise
    return "right"
