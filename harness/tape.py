"""A session on a tape: leaves, backward and accumulated gradients, done and written down in the same breath.

The transcript is the stand-alone script of a failure, in the words that the backend's dialect has for each action.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from clinometer.backends.protocol import as_list, paused_tape_of, tape_of
from clinometer.backends.raised import kind
from clinometer.harness.check import Check
from clinometer.harness.findings import Finding, Nonconformance, Relation
from clinometer.harness.transcript import OUT, Transcript
from clinometer.reference.case import Case
from clinometer.reference.truth.expected import Expected


class TapeSession(Transcript):
    """One point of a case on the backend's tape.

    Parameters
    ----------
    check : Check
    case : Case
        Its first point is used.
    """

    needs = ("tape",)

    def __init__(self, check: Check, case: Case):
        super().__init__(check)
        self.case = case.at(0)
        with check.backend_call("tape"):
            self.tape = tape_of(check.backend)
        self.words = self.dialect.tape
        self.names = list(case.program.inputs)
        check.case = self.case
        check.points += 1
        with check.backend_call("leaf"):
            self.leaves = [self.tape.leaf(check.backend.asarray(x[0])) for x in self.case.inputs]
        self.arrays = dict(zip(self.names, self.leaves, strict=True))
        self.lines += [self.words["leaf"].format(x=name) for name in self.names]
        self.cts = [check.native(ct[0]) for ct in self.case.cotangents]

    @property
    def ct(self) -> Any:
        """The cotangent of the first output, and often the only one."""
        return self.cts[0]

    def run(self) -> Any:
        """Evaluate the program on the leaves."""
        self.lines.append(f"{OUT} = f({', '.join(self.names)})")
        with self.check.backend_call("value", self.lines):
            self.arrays[OUT] = self.check.function(self.case)(*self.leaves)
        return self.arrays[OUT]

    def backward(self, y: Any, *, ct: bool = True, retain: bool = False, name: str = OUT, which: int | None = None) -> None:
        """Go backward from y, of several outputs the one at `which`; with its cotangent or, for a scalar, without."""
        place = "" if which is None else which
        name = name if which is None else f"{OUT}[{which}]"
        self.say_backward(ct=f"ct{place}" if ct else "None", retain=retain, name=name)
        with self.check.backend_call("backward", self.lines):
            self.tape.backward(y, self.cts[which or 0] if ct else None, retain=retain)

    def backward_each(self, ys: Sequence[Any]) -> None:
        """Go backward from several outputs, one after the other, with the graph retained but for the last."""
        flows = [i for i, depends in enumerate(self.case.truth.dependent) if depends]
        for i in flows:  # from what depends on no leaf a tape may refuse to go
            self.backward(ys[i], retain=i != flows[-1], which=i if len(ys) > 1 else None)

    def say_backward(self, *, ct: str = "ct", retain: bool = False, name: str = OUT) -> None:
        """Write a backward down, for a clause that does it itself."""
        self.lines.append(self.words["retained" if retain else "backward"].format(y=name, ct=ct))

    @contextlib.contextmanager
    def no_grad(self) -> Iterator[None]:
        """Do what follows under no-grad, each of its lines within the `with`."""
        self.lines.append(self.words["no_grad"])
        begun = len(self.lines)
        with self.check.backend_call("no_grad", self.lines):
            region = paused_tape_of(self.check.backend).no_grad()
            region.__enter__()
        try:
            yield
        except BaseException as error:
            self._leave(region, begun, error)
            raise
        self._leave(region, begun)

    def _leave(self, region: Any, begun: int, error: BaseException | None = None) -> None:
        body = [*self.lines[begun:], *(["raise KeyError"] if error else [])] or ["pass"]
        region_lines = [self.lines[begun - 1], *(f"    {line}" for line in body)]
        if error:
            region_lines = ["try:", *(f"    {line}" for line in region_lines), "except KeyError:", "    pass"]
        self.lines[begun - 1 :] = region_lines
        with self.check.backend_call("the end of no_grad", self.lines):
            region.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)

    def grads(self, y: Any, name: str, *, graph: bool = False, of: str = OUT) -> list[Any]:
        """Return the library's gradients of all leaves, without touching what has accumulated; the transcript names them."""
        said = {"y": of, "leaves": ", ".join(self.names), "ct": "ct", "graph": graph}
        self.lines.append(f"{name} = {self.words['grad'].format(**said)}")
        with self.check.backend_call("gradients on request", self.lines):
            found = as_list(self.tape.grad(y, self.leaves, self.ct, graph=graph), n := len(self.leaves))
        self.require(len(found) == n, f"grad gives {len(found)} gradients for {n} leaves", f"len({name}) == {n}")
        return found

    def grad(self, y: Any, name: str, *, graph: bool = False) -> list[np.ndarray | None]:
        """Return the same as numbers, or None."""
        return [None if g is None else np.array(self.check.numpy(g)) for g in self.grads(y, name, graph=graph)]

    def part(self, name: str, which: int) -> str:
        """Return an expression of what `grad` has named, as numbers."""
        return self.read(f"{name}[{which}]")

    def due(self, got: Any, side: str) -> None:
        """Hold the library to an array, where it may have given None."""
        self.require(got is not None, f"{side}: none, where an array is due", f"{side} is not None")

    def near(self, got: Any, want: Any, tolerance: Any, claim: str, *sides: str) -> None:
        """Hold an array to another one; `sides` are what the transcript has of the two."""
        for array, side in zip((got, want), sides, strict=True):
            self.due(array, side)
        self.check.near(np.asarray(got), want, tolerance, claim, self.case, Relation(*sides), self.lines)  # type: ignore[arg-type]  # two

    def agrees(self, got: Any, want: Expected, which: int, left: str) -> None:
        """Hold an array, `left` in the transcript, to the gradient that is expected of a leaf."""
        self.due(got, left)
        self.check.agrees(np.asarray(got)[None], want, self.case, "reverse", which, self.lines, Relation(left))

    def unread(self, which: int = 0) -> str:
        """Return the expression of what has accumulated on a leaf, which may be None."""
        return self.words["gradient"].format(x=self.names[which])

    def accumulated(self, which: int = 0) -> Relation:
        """Return what a script says of the same as numbers."""
        return Relation(self.read(self.unread(which)))

    def has(self, want: np.ndarray, claim: str) -> None:
        """Hold what has accumulated on the first leaf to these numbers."""
        found = self.gradient()
        self.require(found is not None, f"{claim}: none, where one is due", f"{self.unread()} is not None")
        assert found is not None  # as was just asked
        self.check.same(found, want, claim, self.case, self.lines, self.accumulated())

    def kept(self, which: int = 0) -> str:
        """Return an expression of a copy of it."""
        return self.words["kept"].format(x=self.names[which])

    def zero(self) -> None:
        """Clear what has accumulated on all leaves."""
        self.lines += [self.words["zero"].format(x=name) for name in self.names]
        with self.check.backend_call("zeroing", self.lines):
            for leaf in self.leaves:
                self.tape.zero(leaf)

    def gradient(self, which: int = 0) -> np.ndarray | None:
        """Return what has accumulated on a leaf, or None."""
        with self.check.backend_call("gradient", self.lines):
            found = self.tape.gradient(self.leaves[which])
            # a copy: the library may go on adding in the same memory
            return None if found is None else self.check.numpy(found, f"gradient of {self.names[which]}")

    def holds(self, *expected: Expected) -> None:
        """Hold the accumulated gradients of all leaves against these."""
        for which, want in enumerate(expected):
            self.holds_one(which, want)

    def holds_one(self, which: int, want: Expected) -> None:
        """Hold the accumulated gradient of one leaf against this."""
        got = self.gradient(which)
        if got is None:
            text = f"gradient of {self.names[which]}: none, where one is due"
            lines, fact = tuple(self.lines), f"{self.unread(which)} is not None"
            raise Nonconformance("fail", text, Finding(text, self.case, lines=lines, fact=fact))
        self.check.agrees(got[None], want, self.case, "reverse", which, self.lines, self.accumulated(which))


def without_a_cotangent(session: TapeSession) -> None:
    """Hold a tape to refusing backward of an array without a cotangent, and record what it does: some start from ones."""
    y, point = session.run(), "backward of an array without a cotangent"
    session.say_backward(ct="None")
    try:
        error = session.check.raises(lambda: session.tape.backward(y), point, session.lines)
    except Nonconformance:
        session.check.observe(point, "raises nothing")
        raise
    session.check.observe(point, f"raises {kind(error)}")


def times(factor: float, expected: Sequence[Expected]) -> list[Expected]:
    """Return a multiple of what is expected."""
    return [factor * e for e in expected]
