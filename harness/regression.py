"""Gradients of many cases, regressed on the truth: what no case can tell from rounding, all of them can."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from clinometer.harness.check import Check
from clinometer.harness.concurrency import Calls
from clinometer.harness.findings import Finding, Nonconformance, Relation
from clinometer.reference.case import Case
from clinometer.reference.program.printing import plain
from clinometer.reference.text import literal
from clinometer.reference.truth.expected import Expected

SPREAD = 4.0  # standard errors
# Unit roundoffs: a constant of the formula is rounded once, for all cases alike. With every constant of the catalogue
# rounded, the slope is off by 0.84 of them at most.
BIAS = 1.25
FEW = 8  # answers that a script begins with


class Answer(NamedTuple):
    """A gradient at one point, and what is expected."""

    case: Case
    which: int
    got: np.ndarray
    expected: Expected

    def weighed(self) -> tuple[np.ndarray, np.ndarray]:
        """Return got * expected and expected² in units of the tolerance²; zeros where an entry tells nothing."""
        value, tolerance = self.expected.value, self.expected.tolerance
        tells = np.isfinite(tolerance) & np.isfinite(value) & np.isfinite(self.got.astype(float))
        g, e, t = (np.where(tells, a, 1.0).astype(float) for a in (self.got, value, tolerance))
        return np.where(tells, g * e / t**2, 0.0), np.where(tells, e * e / t**2, 0.0)


def slope(answers: Sequence[Answer]) -> tuple[float, float] | None:
    """Return the slope of got on expected and how far it may be from one; None where the derivative is zero everywhere."""
    parts = [answer.weighed() for answer in answers]
    square = sum(float(ee.sum()) for _, ee in parts)
    if not square:
        return None
    found = sum(float(ge.sum()) for ge, _ in parts) / square
    # Errors within one answer share the rounding of what they have in common, so answers are the units.
    error = sum(float((ge - found * ee).sum()) ** 2 for ge, ee in parts) ** 0.5 / square
    return found, SPREAD * error + BIAS * answers[0].case.precision.u


def steep(answers: Sequence[Answer]) -> bool:
    """Whether a slope is not one."""
    found = slope(answers)
    return found is not None and not abs(found[0] - 1) <= found[1]


def regression(answers: Any) -> float:
    """Return the slope of got on expected, each entry in units of its tolerance."""
    along = square = 0.0
    for got, expected, tolerance in answers:
        for g, e, t in zip(got.ravel().tolist(), expected, tolerance, strict=True):
            if math.isfinite(g) and math.isfinite(e) and math.isfinite(t):
                along, square = along + g * e / t**2, square + e * e / t**2
    return along / square


def shown(check: Check, answers: Sequence[Answer], text: str) -> Nonconformance:
    """Return what is wrong, with a script that asks for as many answers, in the order of all, as show it from there on."""
    lengths = [FEW * 2**k for k in range(len(answers).bit_length()) if FEW * 2**k < len(answers)]
    fine = [n for n in lengths if not steep(answers[:n])]
    some = answers[: next((n for n in lengths if n > max(fine, default=0)), len(answers))]
    calls, names = Calls(check), dict[str, str]()
    for answer in some:
        program = plain(answer.case.program)
        f = names[program] = names.get(program) or calls.define(answer.case)
        entries = ", ".join(literal(flat(x)) for x in (answer.expected.value, answer.expected.tolerance))
        asked = f"{calls.asked(f, answer.case)}[1](ct{calls.place(answer.case)})[{answer.which}]"
        calls.lines.append(f"    ({calls.read(asked)}, {entries}),")
    calls.given["regression"] = f"import math\nfrom typing import Any\n\n\n{inspect.getsource(regression).rstrip()}"
    calls.lines = ["answers = [  # each gradient, what is expected, and its tolerance", *calls.lines, "]"]
    found = slope(some)
    assert found is not None  # else nothing would be wrong
    about = Relation("regression(answers)", "float(1)")
    finding = Finding(text, some[0].case, "", 0, np.array(found[0]), np.array(1.0), np.array(found[1]), about=about)
    return Nonconformance("fail", text, calls.told(finding))


def flat(x: np.ndarray) -> list[float]:
    """Return the entries of an array in eight digits."""
    return [float(f"{float(v):.8g}") for v in np.ravel(x)]
