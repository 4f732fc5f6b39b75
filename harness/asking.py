"""Asking a backend: the few ways to put a question, and what its answer must be like to be one.

What the backend raises is caught here and nowhere else, so that its faults and ours never mix: an exception from outside
`backend_call` is our own defect.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from clinometer.backends import Backend, Support, support_of
from clinometer.backends.protocol import as_list, forward_mode
from clinometer.backends.raised import in_one_line, is_a, told, trace
from clinometer.harness import containment
from clinometer.harness.control_flow import BackendControlFlow
from clinometer.harness.findings import BESIDE, Claim, Finding, Nonconformance, Relation, Unsupported
from clinometer.harness.higher_order import higher
from clinometer.harness.interruption import insist
from clinometer.journal.records import Cost, Curve
from clinometer.reference.arithmetic.rounding import PRECISIONS
from clinometer.reference.case import Case
from clinometer.reference.program.interpreter import run
from clinometer.reference.witness import OVER


@dataclass
class Asking:
    """What a clause's body is given: the backend, and the few ways to hold something against it."""

    backend: Backend
    examples: int = 0
    points: int = 0
    undecided: int = 0
    observed: dict[str, str] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)
    cost: Cost | None = None
    waive: Callable[[str, str], str] = lambda message, blamed: ""  # why a failure of this message is waived
    waived: list[tuple[str, Nonconformance]] = field(default_factory=list)  # what was, and why
    before: Callable[[Any], None] | None = None  # is told each case that is drawn before it is asked
    case: Case | None = None  # in hand, for the evidence of an exception
    mode: str = ""  # in which it is being asked
    flow: type[BackendControlFlow] = BackendControlFlow  # how control flow is said
    within: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None  # what a function is handed to: see `flows`
    strict: bool = True  # a wider dtype than is right fails at once; else it is kept as `miscast`, and the numbers are compared
    miscast: Nonconformance | None = None
    escape: Nonconformance | None = None  # the first SystemExit or the like: no answer, also where an exception is one
    seen: dict[Any, bool] = field(default_factory=dict)  # how the backend shares memory, as far as it was asked

    @property
    def xp(self) -> Any:
        """The backend's operations."""
        return self.backend.xp

    @property
    def support(self) -> Support:
        """What the backend works in."""
        return support_of(self.backend)

    @property
    def real(self) -> str:
        """The dtype to ask in where any will do: float64, or else the first of those that the backend works in."""
        return next((name for name in ("float64", "float32") if name in self.support.dtypes), self.support.dtypes[0])

    @property
    def reals(self) -> list[str]:
        """Those of float32 and float64 that the backend works in."""
        return [name for name in ("float32", "float64") if name in self.support.dtypes]

    # ----- asking -----

    @contextlib.contextmanager
    def backend_call(self, claim: str = "", lines: Sequence[str] = (), about: Relation | None = None) -> Iterator[None]:
        """Mark what is done by the backend: its exceptions are its own."""
        try:
            with containment.at_work():
                yield
        except (Nonconformance, Unsupported):
            raise
        except BaseException as error:  # whatever a library raises is a result about it; only a signal ends a run
            insist(error)
            if is_a(error, Exception) and self._refuses(error):
                raise Unsupported(told(error) or "not implemented") from error
            wrong = self._raised(error, claim, lines, about)
            if not is_a(error, Exception):
                self.escape = self.escape or wrong
            raise wrong from error

    def _refuses(self, error: BaseException) -> bool:
        """Whether an exception says that the library does not have what was asked."""
        try:
            return self.support.refuses(error) or self._lacking(error)
        except BaseException as other:  # of an adapter that is asked what it supports
            insist(other)
            return False

    def _lacking(self, error: BaseException) -> bool:
        """Whether a function of `xp` has refused a parameter of the case in hand, by its name.

        One that serves as it is may have fewer keywords than the catalogue. Whose value takes a keyword, and whose
        derivative does not, is at fault.
        """
        refused = re.search(r"unexpected keyword argument '(\w+)'", told(error)) if is_a(error, TypeError) else None
        if not refused or not self.case or all(refused[1] not in step.params for step in self.case.program.steps):
            return False
        try:
            run(self.case.program, self.xp, *(self.backend.asarray(x[0]) for x in self.case.inputs))
        except BaseException as plain:  # whatever it raises
            insist(plain)
            return told(plain) == told(error)
        return False

    def _raised(self, error: BaseException, claim: str, lines: Sequence[str], about: Relation | None) -> Nonconformance:
        text = f"{claim + ': ' if claim else ''}{in_one_line(error)}"
        mode, self.mode = self.mode, ""
        how: Any = {"trace": trace(error), "about": about, "lines": tuple(lines)}
        found = Finding(claim or "no exception", self.case, mode, **how)
        return Nonconformance("error", text, found)

    def native(self, x: np.ndarray) -> Any:
        """Return the backend's own array."""
        with self.backend_call("conversion from numpy"):
            return self.backend.asarray(x)

    def numpy(self, x: Any, claim: str = "the answer", asked: Callable[[], Finding] | None = None) -> np.ndarray:
        """Return numpy's array, a copy; `claim` says of what, and `asked` returns how a script asks for it."""
        with self.backend_call("conversion to numpy"):
            self.require(x is not None, f"{claim}: none, where an array is due")
            found = np.array(self.backend.to_numpy(x))
        if not numeric(found):  # but a void, such as jax's float0, or an object
            text = f"{claim}: {found.dtype}, which is no number, where an array of numbers is due"
            raise Nonconformance("fail", text, replace(asked(), got=found) if asked else Finding(text, self.case))
        return found

    def has(self, op: str) -> bool:
        """Whether the backend has an operation, as far as names go."""
        with self.backend_call(f"xp.{op}"):
            return hasattr(self.xp, op)

    def function(self, case: Case, mode: str = "") -> Callable[..., Any]:
        """Return the program of a case as a function of the backend's arrays; several outputs are a tuple.

        Raises
        ------
        Unsupported
            The backend has not all the operations, in this dtype and, if one is named, this mode.
        """
        self._offered(case, mode)
        program, xp, straight = case.program, self.xp, not case.program.branches
        flow, theirs = self.flow, self.flow(self.backend)

        def f(*xs: Any) -> Any:
            ys = run(program, xp, *xs, flow=theirs if straight else flow(self.backend))
            return ys[0] if len(ys) == 1 else ys

        return f if self.within is None else self.within(f)

    def _offered(self, case: Case, mode: str) -> None:
        lacks = self.support.lacks
        absent = {op for op in case.program.operations() if not self.has(op) or lacks(op, case.dtype, mode)}
        # What is within a gradient is differentiated once more.
        nested = f"{mode.partition(OVER)[0] or 'reverse'}{OVER}reverse"
        absent |= {op for op in case.program.differentiated() if lacks(op, nested)}
        if absent:
            raise Unsupported(f"{self.backend.name} has no {', '.join(sorted(absent))} in {case.dtype} {mode}".rstrip())

    def value(self, case: Case) -> np.ndarray:
        """Return the backend's value of a case with one output, for all points: of shape (points, *out)."""
        f, xs = self.function(case), self._batch(case.inputs)
        (y,) = self._points(case, lambda i: [f(*xs(i))], ["value"], "value")
        return y

    def pull(self, case: Case, cotangents: np.ndarray | None = None) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return value and gradients, for all points, by the backend's vjp.

        Parameters
        ----------
        case : Case
            With one output.
        cotangents : ndarray, optional
            Of shape (points, *out), in place of the case's own.

        Returns
        -------
        value : ndarray
            Of shape (points, *out).
        gradients : list of ndarray
            One an input, of shape (points, *input).
        """
        case = case if cotangents is None else replace(case, cotangents=(cotangents,))
        # Where a library's pullback is the transpose of a complex map, ours is its conjugate between conjugates.
        turn = np.conjugate if case.precision.complex and self.transposes else np.asarray
        f, xs, cts = self.function(case), self._batch(case.inputs), self._batch([turn(case.cotangents[0])])

        number, names = len(case.inputs), case.program.inputs

        def one_point(i: int) -> list[Any]:
            y, pullback = self.backend.vjp(f, *xs(i))
            gradients = as_list(pullback(*cts(i)), number)
            self.require(
                len(gradients) == number, f"the pullback gives {len(gradients)} gradients for {number} inputs", case.at(i)
            )
            return [y, *gradients]

        y, *gradients = self._points(case, one_point, ["value", *(f"gradient of {name}" for name in names)], "reverse")
        return y, [turn(g) for g in gradients]

    @functools.cached_property
    def transposes(self) -> bool:
        """Whether the pullback of z -> i z multiplies by i (the transpose) and not by -i (the adjoint)."""
        with self.backend_call("the pullback of z -> i z"):
            widest = max(set(self.support.dtypes) & {"complex64", "complex128"}, key=lambda name: np.dtype(name).itemsize)
            i, one = (self.backend.asarray(np.asarray([v], widest)) for v in (1j, 1 + 0j))
            _, pullback = self.backend.vjp(lambda z: self.xp.multiply(z, i), one)
            return bool(np.asarray(self.backend.to_numpy(pullback(one)[0]))[0].imag > 0)

    def push(self, case: Case) -> tuple[np.ndarray, np.ndarray]:
        """Return value and tangent, for all points, by the backend's jvp."""
        f, xs, dxs = self.function(case, "forward"), self._batch(case.inputs), self._batch(case.tangents)
        with self.backend_call("jvp"):
            jvp = forward_mode(self.backend).jvp

        def one_point(i: int) -> list[Any]:
            y, dy = jvp(f, xs(i), dxs(i))
            return [y, dy]

        y, dy = self._points(case, one_point, ["value", "tangent"], "forward")
        return y, dy

    def higher(self, case: Case, mode: str) -> list[np.ndarray]:
        """Return the derivative of the gradient along the tangents, for all points: see `suites.nested`."""
        f, (xs, dxs, cts) = self.function(case, mode), map(self._batch, (case.inputs, case.tangents, case.cotangents[:1]))
        names = [f"{mode}, {name}" for name in case.program.inputs]
        return self._points(case, lambda i: higher(self.backend, f, xs(i), dxs(i), cts(i)[0], mode), names, mode)

    def _batch(self, arrays: Sequence[np.ndarray]) -> Callable[[int], tuple[Any, ...]]:
        """Return what gives the arrays at one point, as the backend's own."""
        copies = [np.array(x) for x in arrays]  # cases are shared, backends may write
        with self.backend_call("asarray"):
            asarray = self.backend.asarray
        return lambda i: tuple([asarray(x[i, ...]) for x in copies])

    def _points(self, case: Case, ask: Callable[[int], list[Any]], claims: Sequence[str], mode: str) -> list[np.ndarray]:
        """Ask about one point after the other; the case in hand of an exception is that of its point.

        Each answer has the shape that its claim implies, and is brought into the dtype that is right.
        """
        answers: list[list[np.ndarray]] = []
        with self.backend_call():
            self.mode = mode
            for i in range(case.points):
                try:
                    asked = functools.partial(self._asked, case, i, mode)
                    found = zip(ask(i), claims, strict=True)
                    answers.append([self.numpy(a, claim, functools.partial(asked, claim)) for a, claim in found])
                except BaseException:
                    self.case = case.at(i)
                    raise
        self.case, self.mode = case, ""
        columns = list(zip(*answers, strict=True))
        return [self._column(case, column, claim, mode) for column, claim in zip(columns, claims, strict=True)]

    def _column(self, case: Case, column: Sequence[np.ndarray], claim: str, mode: str) -> np.ndarray:
        """Return the answers to one claim at all points as one array."""
        which, like = self._like(case, claim)
        for i, answer in enumerate(column):
            if answer.shape != like.shape[1:]:
                text = f"{claim}: shape {answer.shape} where {like.shape[1:]} is right"
                raise Nonconformance("fail", text, replace(self._asked(case, i, mode, claim), got=answer))
        try:
            got = np.stack(column)
        except TypeError as error:  # bfloat16 at one point, and integers at another
            text = f"{claim}: dtypes {' and '.join(sorted({str(a.dtype) for a in column}))} where {like.dtype} is right"
            raise Nonconformance("fail", text, replace(self._asked(case, 0, mode, claim), got=column[0])) from error
        return got if got.dtype.kind in "biu" else self._fitted(got, like.dtype, Claim(claim, case, _way(claim, mode), which))

    def _like(self, case: Case, claim: str) -> tuple[int, np.ndarray]:
        """Return the number of the input that a claim is about, or 0, and an array of the kind that it implies."""
        which = next((i for i, name in enumerate(case.program.inputs) if claim.endswith(f" {name}")), None)
        return which or 0, case.cotangents[0] if which is None else case.inputs[which]

    def _asked(self, case: Case, point: int, mode: str, claim: str) -> Finding:
        """Return what stands behind an answer that is not of the kind that its claim implies."""
        which, like = self._like(case, claim)
        return Finding(claim, case.at(point), _way(claim, mode), which, kind=(str(like.dtype), like.shape[1:]))

    def _fitted(self, got: np.ndarray, right: Any, claim: Claim, want: np.ndarray | None = None) -> np.ndarray:
        """Return an array in the dtype that is right, so that clauses about other things can go on.

        From a wider one nothing is lost but a rounding; a narrower one, or one of another kind, is wrong at once.
        """
        right = np.dtype(right)
        if got.dtype == right:
            return got
        text = f"{claim.text}: dtype {got.dtype} where {right} is right"
        asked = claim.mode or (claim.about and claim.about.asked)  # then the first axis is that of the points
        shown = got[0] if claim.case is not None and got.ndim and asked else got
        wrong = Nonconformance("fail", text, claim.at(0).finding(shown, expected=want, kind=(str(right), shown.shape)))
        wider = np.can_cast(right, got.dtype) and (got.dtype.kind == "c") == (right.kind == "c")
        if self.strict or not wider:
            raise wrong
        self.miscast = self.miscast or wrong
        return got.astype(right)

    def require(
        self,
        holds: bool,
        text: str,
        case: Case | None = None,
        lines: Sequence[str] = (),
        about: Relation | None = None,
        fact: str = "",
    ) -> None:
        """Hold the backend to a fact; `text` says what is wrong, `fact` what a script asserts of what `about` asks."""
        if not holds:
            found = Finding(text, case or self.case, lines=tuple(lines), about=about, fact=fact)
            raise Nonconformance("fail", text, found)


def _way(claim: str, mode: str) -> str:
    """Return the mode in which one answer is asked for: a value may come with a derivative."""
    return f"{BESIDE}{mode}" if claim == "value" != mode else mode


def numeric(x: np.ndarray) -> bool:
    """Whether an array holds numbers: bfloat16 too, which numpy takes for a void."""
    return x.dtype.kind in "biufc" or x.dtype.name in PRECISIONS
