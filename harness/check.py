"""The one check: an answer of the backend turned into a verdict with its evidence.

No clause writes its own comparison, message or reproducer. What the backend raises is caught here and nowhere else,
so that its faults and ours never mix: an exception from outside `backend_call` is our own defect.
"""

from __future__ import annotations

import dataclasses
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clinometer.backends import support_of
from clinometer.backends.raised import shown, told
from clinometer.harness.asking import Asking
from clinometer.harness.findings import BESIDE, Claim, Finding, Given, Nonconformance, Relation, Unsupported
from clinometer.journal.records import Curve
from clinometer.reference.case import Case
from clinometer.reference.text import apart, got_and_expected
from clinometer.reference.truth.expected import Expected
from clinometer.reference.verdict import Disagreement, ask_second_witness, check_truth, worst_disagreement
from clinometer.reference.witness import OVER
from clinometer.strategies.cases import kind_of

CALLED = {"value": "value", "forward": "tangent"}  # an answer, by the mode in which it is asked for; others are gradients


@dataclass
class Check(Asking):
    """What a clause's body is given: the backend, and the few ways to hold something against it."""

    # ----- holding against the truth -----

    def __call__(self, case: Case, mode: str = "reverse") -> None:
        """Hold values ("value"), gradients ("reverse") or tangents ("forward") against the truth of a case.

        Parameters
        ----------
        case : Case
        mode : str
            One of several steps, "reverse-over-forward", is a derivative of a derivative. `BESIDE` and "reverse" is the
            value that comes with the gradients, and these.

        Raises
        ------
        Nonconformance
            An answer is wrong, or an exception was raised; its outcome is "invalid" where the two witnesses disagree.
        Unsupported
            The backend does not offer this.
        """
        self.points += case.points
        if mode == "value":
            self.agrees(self.value(case), case.truth.values[0], case, mode)
        elif OVER in mode:
            right = case.second if mode.count(OVER) == 1 else case.higher(1 + mode.count(OVER))
            for which, (got, expected) in enumerate(zip(self.higher(case, mode), right, strict=True)):
                self.agrees(got, expected, case, mode, which)
        elif mode in ("reverse", f"{BESIDE}reverse"):
            value, gradients = self.pull(case)
            if mode != "reverse":
                self.agrees(value, case.truth.values[0], case, mode)
            for which, (got, expected) in enumerate(zip(gradients, case.truth.gradients, strict=True)):
                self.agrees(got, expected, case, "reverse", which)
        else:
            self.agrees(self.push(case)[1], case.truth.tangents[0], case, mode)

    def agrees(
        self,
        got: np.ndarray,
        expected: Expected,
        case: Case,
        mode: str,
        which: int = 0,
        lines: Sequence[str] = (),
        about: Relation | None = None,
    ) -> None:
        """Hold an array against numbers with a tolerance, in shape, dtype and value.

        Parameters
        ----------
        got : ndarray
            Of shape (points, ...).
        expected : Expected
            Of the same shape.
        case : Case
        mode : str
            In which it was asked for; in reverse, and of higher order, of input number `which`.
        lines : sequence of str
            What was done, where that is more than to ask.
        about : Relation, optional
            How a script asks for it.

        Raises
        ------
        Nonconformance
            It is outside of its tolerance, and the second witness says so too.
        """
        name, right = case.program.inputs[which], kind_of(expected.value, case.dtype)
        asked = "value" if mode.startswith(BESIDE) else mode
        text = f"{mode}, {name}" if OVER in mode else CALLED.get(asked, f"gradient of {name}")
        claim = Claim(text, case, mode, which, tuple(lines), about)
        if got.shape != expected.value.shape:
            text = f"{text}: shape {got.shape[1:]} where {expected.value.shape[1:]} is right"
            first = got[0] if got.ndim and len(got) else got
            raise Nonconformance("fail", text, claim.at(0).finding(first, kind=(right, expected.value.shape[1:])))
        got = self._fitted(got, right, claim)
        found = worst_disagreement(got, expected, asked, which)
        if found is not None:
            self._blame(claim, ask_second_witness(case, found), got, expected)
        elif getattr(self.backend, "second_witness", False) and not lines and case.cotangents:
            self._confirm(claim._replace(text="truth", mode=asked), expected)

    def _confirm(self, claim: Claim, expected: Expected) -> None:
        """Hear the second witness although the backend agrees: where it is our own, agreement proves little."""
        case = claim.case
        if case is None or not expected.value.size:
            return
        # An entry that the case itself chooses, so that a replay asks about the same one.
        chosen = zlib.crc32(b"".join(x.tobytes() for x in case.inputs)) % expected.value.size
        place = np.unravel_index(chosen, expected.value.shape)
        wrong = check_truth(case, claim.mode, claim.which, tuple(int(i) for i in place), expected)
        if wrong is not None:
            self._blame(claim, wrong, expected.value, expected)

    def _blame(self, claim: Claim, found: Disagreement, got: np.ndarray, expected: Expected) -> None:
        """Raise what the second witness has made of a disagreement; count it where it cannot tell."""
        if found.outcome == "inconclusive":
            self.undecided += 1
            return
        point, index = found.place[0], list(found.place[1:])
        claim, got, want, off = claim.at(point), got[point], expected.value[point], expected.tolerance[point]
        case = claim.case
        if case is not None and found.mode == "reverse" and case.precision.complex and self.transposes:
            # As the library's own users see it: its pullback, of the conjugate, gives the conjugate.
            claim = claim._replace(case=dataclasses.replace(case, cotangents=tuple(map(np.conjugate, case.cotangents))))
            got, want, found = np.conjugate(got), np.conjugate(want), found.conjugate()
        at = f" at {index}" if index else ""
        text = f"{claim.text}{at}: {got_and_expected(found.got, found.expected)}; off by {found.error:.3g} tolerances"
        if found.outcome == "invalid":
            rules, differences = apart(found.expected, found.witness.value)  # type: ignore[union-attr]  # heard above
            text = f"the witnesses contradict each other: {claim.text}{at}: {rules} by the rules, "
            text += f"{differences} by finite differences"
        raise Nonconformance(found.outcome, text, claim.finding(got, expected=want, tolerance=off, disagreement=found))

    # ----- holding against something else -----

    def near(
        self,
        got: np.ndarray,
        want: np.ndarray,
        tolerance: Any,
        claim: str,
        case: Case | None = None,
        about: Relation | None = None,
        lines: Sequence[str] = (),
    ) -> None:
        """Hold an array to that of another call; `tolerance` is the sum of what either may be off the truth."""
        self.same(got, want, claim, case, lines, about, tolerance)

    def same(
        self,
        got: np.ndarray,
        want: Any,
        claim: str,
        case: Case | None = None,
        lines: Sequence[str] = (),
        about: Relation | None = None,
        tolerance: Any = 0.0,
    ) -> None:
        """Hold an array against these numbers, exactly or to a tolerance, in shape and, where `want` is an array, in dtype.

        Parameters
        ----------
        got : ndarray
        want : array_like
        claim : str
            What it is, for the message.
        case, lines, about : optional
            What a script begins with, what was done, and how a script asks for both sides.
        tolerance : array_like
            Absolute, of each entry; infinite where nothing is claimed.

        Raises
        ------
        Nonconformance
        """
        said = Claim(claim, case, lines=tuple(lines), about=about)
        want = np.asarray(want) if isinstance(want, np.ndarray | np.generic) else np.asarray(want, got.dtype)
        if got.shape != want.shape:
            text = f"{claim}: got {got.dtype} of shape {got.shape}, expected {want.dtype} of shape {want.shape}"
            self._wrong(said, text, got, want)
        try:
            allowed = np.broadcast_to(np.asarray(tolerance), got.shape)
        except ValueError:  # both sides are of a shape that the truth has not
            self._wrong(said, f"{claim}: shape {got.shape} where {np.shape(tolerance)} is right", got, want)
        got = self._fitted(got, want.dtype, said, want)
        with np.errstate(all="ignore"):
            wide = np.result_type(got.dtype, np.float64) if got.dtype.kind in "fc" else got.dtype
            off = abs(got.astype(wide) - want) if got.dtype.kind in "fc" else got != want
            fine = (off <= allowed) | (got == want) | ((got != got) & (want != want)) | ~np.isfinite(allowed)
        if not fine.all():
            place = tuple(int(i) for i in np.argwhere(~fine)[0])
            at = f" at {list(place)}" if place else ""
            text = f"{claim}{at}: {got_and_expected(got[place], want[place])}"
            self._wrong(said, text, got, want, allowed, place)

    def raises(
        self, action: Callable[[], Any], what: str, lines: Sequence[str] = (), given: Mapping[str, Given] | None = None
    ) -> BaseException:
        """Hold the backend to raising an exception, and return it.

        Raises
        ------
        Nonconformance
            Nothing was raised.
        Unsupported
            The exception says that the library does not have this.
        """
        with self.backend_call(what, lines):  # for what is no Exception
            try:
                result = action()
            except Unsupported:
                raise
            except Exception as error:  # any exception will do: libraries name theirs as they like
                if support_of(self.backend).refuses(error):
                    raise Unsupported(told(error)) from error
                return error
        text = f"{what} raises nothing and gives {_brief(result)}"
        found = Finding(what, self.case, lines=tuple(lines), given=dict(given or {}), refused=True)
        raise Nonconformance("fail", text, found)

    def observe(self, point: str, answer: str) -> None:
        """Record what the library does where none is wrong: a row of the atlas. An address says nothing about it."""
        self.observed[point] = re.sub(r"0x[0-9a-fA-F]{4,}", "0x...", answer)

    def curve(self, operation: str, case: Case, value: np.ndarray, gradient: np.ndarray) -> None:
        """Keep what the report draws: f, the backend's gradient and the reference's, over the one input."""

        def listed(x: np.ndarray) -> list[float | None]:
            return [float(v) if np.isfinite(v) else None for v in np.asarray(x, np.float64)]

        reference = case.truth.gradients[0].value[0]
        xs = [float(v) for v in case.inputs[0][0]]
        self.curves.append(
            Curve(
                operation=operation,
                dtype=case.dtype,
                x=xs,
                value=listed(value),
                gradient=listed(gradient),
                reference=listed(reference),
            )
        )

    def _wrong(
        self,
        claim: Claim,
        text: str,
        got: np.ndarray,
        want: np.ndarray,
        tolerance: np.ndarray | None = None,
        place: tuple[int, ...] = (),
    ) -> None:
        asked = claim.about is not None and bool(claim.about.asked)  # then the first axis is that of the points
        if claim.case is not None and got.ndim and (asked or 1 < claim.case.points == len(got)):  # the evidence is of one point
            point, place = (place[0] if place else 0), place[1:]
            claim, got, want = claim.at(point), got[point], want[point]
            tolerance = tolerance if tolerance is None else tolerance[point]
        raise Nonconformance("fail", text, claim.finding(got, expected=want, tolerance=tolerance, index=place))


def _brief(x: Any) -> str:
    text = shown(x)
    return text if len(text) <= 60 else text[:57] + "..."
