"""Modes: reverse and forward mode are two ways to one derivative, also where it takes a choice."""

from collections.abc import Sequence

import numpy as np

from clinometer.harness.cells import Cell, in_one
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import Finding, Nonconformance, Unsupported, both_modes
from clinometer.harness.special_points import Point, case_at, special_cells
from clinometer.journal.vocabulary import SHOULD
from clinometer.reference.case import Case
from clinometer.reference.truth.expected import Expected, K


def everywhere(dtype: str) -> list[Cell]:
    """Return a cell for each special point of functions of real numbers; where an argument is NaN there is no derivative."""
    cells = special_cells("universal", "set-valued", "convention", mode="forward", dtypes=(dtype,))
    return [cell for cell in cells if cell.dtype == dtype and not any(np.isnan(x).any() for x in cell.argument.special.args)]


def product(case: Case, along: Sequence[np.ndarray], found: Sequence[np.ndarray], right: Sequence[Expected]) -> tuple:
    """Return an inner product at the one point of a case, and how far it may be off.

    Which element is taken at a bend may be a choice, and has no tolerance but K roundings of what is added up.
    """
    wide, total, doubt = np.longdouble, np.longdouble(0), np.longdouble(0)
    for u, x, expected in zip(along, found, right, strict=True):
        terms = u.astype(wide) * x.astype(wide)
        total += terms.sum()
        known, rounding = abs(u) * expected.tolerance, K * case.precision.u * abs(terms)
        doubt += sum(part[np.isfinite(part)].sum() for part in (known, rounding))
    return total, doubt


@clause(
    "MODES-1", over=in_one(everywhere), level=SHOULD, needs=["forward"], broken_by=["another_slope_forward", "zero_for_nan"]
)
def test_both_modes_give_one_answer_at_special_points(check: Check, point: Point) -> None:
    """At a special point <u, Jv> by forward mode and <J'u, v> by reverse mode SHOULD be one number wherever either is one."""
    case = case_at(point)
    check.points += 1
    try:
        tangent, gradients = check.push(case)[1], check.pull(case)[1]
    except Nonconformance as wrong:  # which other clauses tell
        raise Unsupported(f"no answers to compare: {wrong}") from wrong
    with np.errstate(all="ignore"):
        forward, doubt = product(case, case.cotangents, [tangent], case.truth.tangents)
        reverse, more = product(case, case.tangents, gradients, case.truth.gradients)
        same = abs(forward - reverse) <= doubt + more
    if not same and np.isfinite([forward, reverse]).any():
        text = f"<u, Jv> is {float(forward):.6g} by forward mode, <J'u, v> is {float(reverse):.6g} by reverse mode"
        got, expected, off = (np.asarray(float(v)) for v in (forward, reverse, doubt + more))
        raise Nonconformance("fail", text, Finding(text, case, "", 0, got, expected, off, about=both_modes(case)))
