"""Edges: NaN and infinity beside numbers, saturation, empty arrays, subnormals, long chains, axes of size 1."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from clinometer.harness.cells import DTYPES, Cell, in_one, of_program, operations
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.consistency import assert_untouched
from clinometer.harness.findings import BESIDE, Relation, answered
from clinometer.reference.arithmetic.rounding import EXTENDED
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, Operation
from clinometer.reference.program.tracing import single, trace
from clinometer.reference.truth.expected import Expected
from clinometer.strategies import fixed_case, pinned_case
from clinometer.strategies.cases import complete
from clinometer.strategies.forms import FORMS
from clinometer.strategies.forms.degenerate import asked, degenerate_structures, hollow_corners

# ----- one entry that is not a number -----


def spoiled(case: Case, which: int, entry: int, by: float) -> Case:
    """Return a case of one point with another number in one entry of an input."""
    inputs = [np.array(x) for x in case.inputs]
    inputs[which].flat[entry] = by
    return dataclasses.replace(case, inputs=tuple(inputs))


def value(case: Case) -> np.ndarray:
    """Return something by plain numpy that is NaN wherever the output depends on one.

    A comparison hides a NaN, and what a maximum or a median hides, libraries see. So of an elementwise operation it is the
    sum of the arguments, and otherwise all entries along an axis that is reduced or sorted are added. A side of none hides
    one too: x + y * z has no entry where x has none, and y * z has some, of which each gradient is nothing times NaN.
    """
    xs, params = [x[0].astype(np.float64) for x in case.inputs], case.program.steps[0].params
    if case.row.form == "elementwise":
        return np.asarray(sum(x if x.size else np.zeros([n or 1 for n in x.shape]) for x in xs))
    with np.errstate(all="ignore"):
        y = np.asarray(case.row.value(*xs, **params))
        if not FORMS[case.row.form].reduced or case.row.exact:
            return y
        return np.asarray(y + np.sum(xs[0], axis=params.get("axis"), keepdims=params.get("keepdims", y.ndim == xs[0].ndim)))


def differing(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return where two arrays differ; a NaN is like another."""
    return (y != z) & ~(np.isnan(y) & np.isnan(z))


def touched(case: Case) -> list[np.ndarray]:
    """Return, for each input, what of the output a NaN in each of its entries changes: (entries, *out)."""
    y = value(case)
    found = []
    for which, x in enumerate(case.inputs):
        changed = [differing(value(spoiled(case, which, entry, np.nan)), y) for entry in range(x.size)]
        found.append(np.array(changed, bool).reshape(x.size, *y.shape))
    return found


def spoil_one(check: Check, case: Case, by: float) -> None:
    """Put a number in one entry, and hold all that does not depend on it to what it is without.

    A gradient depends on it that is of an output which depends on it, be it before or after.
    """
    sound = case.at(0)
    places = [(which, k) for which, x in enumerate(sound.inputs) for k in range(x.size)]
    if not places:
        return
    # The case chooses the entry itself, so that a replay spoils the same one.
    which, entry = places[zlib.crc32(b"".join(x.tobytes() for x in sound.inputs)) % len(places)]
    bad = spoiled(sound, which, entry, by)
    before, after = touched(sound), touched(bad)
    there = before[which][entry] | differing(value(bad), value(sound))
    reached = [
        ((a | b) & there).any(axis=tuple(range(1, a.ndim))).reshape(x.shape)
        for a, b, x in zip(before, after, sound.inputs, strict=True)
    ]
    assert_untouched(check, sound, bad, there[None], reached, case.truth)


def hidden(row: Operation) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield structures of which the arguments have entries that meet, and the output has none."""
    if row.form == "elementwise" and row.arity > 2:
        yield from (([(2, 0) if i == k else (2, 1) for i in range(row.arity)], {}) for k in range(row.arity))


def spoilable(dtype: str) -> list[Cell]:
    """Return a cell for each operation of which some output is independent of some input."""
    return operations(
        mode="reverse", dtypes=[dtype], where=lambda row: row.differentiable and not FORMS[row.form].entwined, pinned=hidden
    )


@clause("EDGE-1", over=in_one(spoilable), broken_by=["contagious_gradient", "sum_over_all"])
def test_a_nan_spoils_only_what_depends_on_it(check: Check, case: Case) -> None:
    """With a NaN in one entry, the values and gradients that do not depend on it MUST be as they are without."""
    spoil_one(check, case, np.nan)


@clause("EDGE-2", over=in_one(spoilable, "float32", "float64"), broken_by=["contagious_gradient"])
def test_an_infinity_spoils_only_what_depends_on_it(check: Check, case: Case) -> None:
    """With an infinity in one entry, the values and gradients that do not depend on it MUST be as they are without."""
    spoil_one(check, case, np.inf)


# ----- saturation -----

FAR = (20.0, 100.0, 1000.0, 10_000.0)
POINTS = {  # far points, by where a function saturates
    "both": tuple(sign * x for sign in (-1, 1) for x in FAR),
    "down": tuple(-x for x in FAR),
    "rows": [[1000.0, 0.0, -1000.0], [100.0, 99.0, -10_000.0], [0.0, -20.0, 20.0]],
}


def saturated(mode: str) -> list[Cell]:
    """Return a cell for each function and array of far points, in each dtype."""
    found = []
    for row, dtype in itertools.product(CATALOGUE.values(), DTYPES):
        if row.saturates:
            params = {} if row.form == "elementwise" else {"axis": -1}
            case = fixed_case(single(row.name, params), [POINTS[row.saturates]], dtype)
            found.append(Cell(operation=row.name, dtype=dtype, mode=mode, parameters="far", argument=case))
    return found


def finite(check: Check, got: np.ndarray, expected: Expected, claim: str, case: Case, mode: str) -> None:
    """Hold an array to numbers that are finite wherever the truth is, which needs no second witness."""
    right = expected.value.astype(got.dtype)
    strange = np.isfinite(right) & ~np.isfinite(got)
    check.near(got, right, np.where(strange, expected.tolerance, np.inf), claim, case, answered(case, mode))


@clause("EDGE-3", over=saturated("reverse"), broken_by=["naive_softplus"])
def test_a_saturated_function_has_a_finite_gradient(check: Check, case: Case) -> None:
    """Far out, where a function saturates, its gradient MUST be finite, and right."""
    _, (gradient,) = check.pull(case)
    finite(check, gradient, case.truth.gradients[0], "gradient", case, "reverse")
    check(case, "reverse")


@clause("EDGE-8", over=saturated("reverse-over-reverse"), needs=["nested"], broken_by=["naive_softplus"])
def test_a_saturated_function_has_a_finite_second_derivative(check: Check, case: Case) -> None:
    """Far out, where a function saturates, its second derivative MUST be finite, and right."""
    (second,) = check.higher(case, "reverse-over-reverse")
    finite(check, second, case.second[0], "second derivative", case, "reverse-over-reverse")
    check(case, "reverse-over-reverse")


# ----- sides of no entries, and of one -----


class Structured(NamedTuple):
    """An operation, the shapes of its arguments, its parameters and a dtype: one case."""

    row: Operation
    shapes: Sequence[tuple[int, ...]]
    params: Mapping[str, Any]
    dtype: str

    @property
    def name(self) -> str:
        """Shapes and parameters."""
        return f"{self.shapes}{self.params or ''}".replace(" ", "")

    @property
    def case(self) -> Case:
        """The case of the structure."""
        return pinned_case(*self)


def cells_of_side(n: int, mode: str) -> list[Cell]:
    """Return a cell for each operation and structure in which a side is n."""

    def cells(dtype: str) -> list[Cell]:
        found = [Structured(row, *each, dtype) for row in asked() for each in degenerate_structures(row, n)]
        found += [Structured(row, *each, dtype) for row in asked() for each in (hollow_corners(row) if n == 0 else ())]
        return [Cell(operation=s.row.name, dtype=dtype, mode=mode, parameters=s.name, argument=s) for s in found]

    return in_one(cells)


@clause("EDGE-4", over=cells_of_side(0, "reverse"), broken_by=["fearful_of_nothing", "nan_of_nothing"])
def test_empty_arrays_have_values_and_gradients(check: Check, structured: Structured) -> None:
    """An array without entries MUST have a value and a gradient, each of its shape, and raise no exception."""
    case = structured.case
    check(case, "value")
    check(case, "reverse")


@clause("EDGE-7", over=cells_of_side(1, "reverse"), broken_by=["squeezed_gradient"])
def test_axes_of_size_one_stay(check: Check, structured: Structured) -> None:
    """With axes of size 1 the value and the gradient MUST be right, and keep those axes."""
    case = structured.case
    check(case, "value")
    check(case, "reverse")


@clause("EDGE-10", over=cells_of_side(0, "forward"), needs=["forward"], broken_by=["squeezed_tangent"])
def test_empty_arrays_have_tangents(check: Check, structured: Structured) -> None:
    """A function of an array without entries MUST have a tangent of the shape of its value, and raise no exception."""
    check(structured.case, "forward")


@clause("EDGE-11", over=cells_of_side(1, "forward"), needs=["forward"], broken_by=["scaled_tangent"])
def test_tangents_keep_axes_of_size_one(check: Check, structured: Structured) -> None:
    """With axes of size 1 the tangent MUST be right, and keep those axes."""
    check(structured.case, "forward")


@clause("EDGE-12", over=cells_of_side(0, "reverse-over-reverse"), needs=["nested"], broken_by=["second_order_of_nothing"])
def test_empty_arrays_have_second_derivatives(check: Check, structured: Structured) -> None:
    """A function of an array without entries MUST have second derivatives of its inputs' shapes, and raise no exception."""
    check(structured.case, "reverse-over-reverse")


# ----- subnormals -----

CARRYING = operations(mode="reverse", where=lambda row: row.differentiable and (row.exact or row.linear))


def subnormal(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return numbers so small that sums of a few dozen are still below the smallest normal one."""
    tiny = float(np.finfo(dtype).smallest_normal)
    return (rng.choice([-1, 1], shape) * rng.integers(1, 8, shape) * (tiny * 2.0**-9)).astype(dtype)


@clause("EDGE-5", over=CARRYING, broken_by=["lifted_subnormals"])
def test_subnormals_are_carried_or_flushed(check: Check, case: Case) -> None:
    """Sums and moves of subnormal numbers MUST give them exactly, since such sums are never rounded, or flush them to zero, in
    value and gradient alike."""
    rng = np.random.default_rng(case.points)
    inputs = tuple(subnormal(rng, x[:1].shape, case.dtype) for x in case.inputs)
    small = complete(case.program, inputs, rng, case.dtype)
    small = dataclasses.replace(small, cotangents=(subnormal(rng, small.cotangents[0].shape, case.dtype),))
    check.points += 1
    y, gradients = check.pull(small)
    carried(check, y, small.truth.values[0].value, "value", small, answered(small, f"{BESIDE}reverse"))
    for which, (got, expected) in enumerate(zip(gradients, small.truth.gradients, strict=True)):
        claim = f"gradient of {small.program.inputs[which]}"
        carried(check, got, expected.value, claim, small, answered(small, "reverse", which))


def carried(check: Check, got: np.ndarray, exact: np.ndarray, claim: str, case: Case, about: Relation) -> None:
    """Hold an array to exact numbers; those that are subnormal may be zero."""
    exact = exact.astype(case.dtype)
    if got.shape == exact.shape:
        flushed = (got == 0) & (abs(exact) < np.finfo(exact.dtype).smallest_normal)
        got = np.where(flushed, exact, got)
    check.same(got, exact, claim, case, about=about)


# ----- a long chain -----

STEPS, GROWTH, SHARE = 10_000, 1.0001, 1e-4
CHAIN = trace(lambda ad, x: ad.repeat_times(STEPS, lambda a: a * GROWTH + x * SHARE, x))


def chained(check: Check, case: Case, got: np.ndarray, ct: np.ndarray, claim: str) -> None:
    """Hold an array to the derivative of the chain, times `ct`: a geometric series.

    It is a sum of terms of one sign and three roundings a step, so 3 STEPS roundings is as far off as it may be.
    """
    g, s = EXTENDED(GROWTH), EXTENDED(SHARE)
    power = g**STEPS
    want = (power + s * (power - 1) / (g - 1)) * ct
    check.points += 1
    about = answered(case, "forward" if claim == "tangent" else "reverse")
    check.near(got, want.astype(case.dtype), 3 * STEPS * case.precision.u * abs(want), claim, case, about)


@functools.cache
def chain(dtype: str) -> Case:
    """Return the chain at a point."""
    return fixed_case(CHAIN, [[0.75, -1.5]], dtype)


def long_cells(mode: str) -> list[Cell]:
    """Return the one cell of a clause about the chain."""
    return in_one(lambda dtype: [of_program(CHAIN, dtype=dtype, mode=mode, argument=dtype)])


@clause("EDGE-6", over=long_cells("reverse"), broken_by=["recursive_tape", "single_precision"])
def test_a_chain_of_ten_thousand_steps_has_its_gradient(check: Check, dtype: str) -> None:
    """A chain of 10 000 steps MUST neither crash nor exceed a depth of recursion, and its gradient MUST be right."""
    case = chain(dtype)
    _, (gradient,) = check.pull(case)
    chained(check, case, gradient, case.cotangents[0], "gradient")


@clause("EDGE-9", over=long_cells("forward"), needs=["forward"], broken_by=["scaled_tangent"])
def test_a_chain_of_ten_thousand_steps_has_its_tangent(check: Check, dtype: str) -> None:
    """Forward mode through a chain of 10 000 steps MUST raise no exception, and its tangent MUST be right."""
    case = chain(dtype)
    _, tangent = check.push(case)
    chained(check, case, tangent, case.tangents[0], "tangent")
