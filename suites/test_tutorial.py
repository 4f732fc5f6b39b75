"""The tutorial: what a first day with a tensor library teaches, each with the result that it must give."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.harness.cells import Cell, in_one, of_program, programs, with_operations
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.concurrency import Call, Calls, single_points
from clinometer.harness.tape import TapeSession, without_a_cotangent
from clinometer.harness.transcript import OUT, Transcript, applied
from clinometer.journal.vocabulary import SHOULD
from clinometer.reference.case import Case
from clinometer.reference.program.data import Program
from clinometer.reference.program.tracing import single, trace
from clinometer.strategies import fixed_case, program_cases


@clause("TUTORIAL-1", over=with_operations("arange", "reshape"), broken_by=["one_based_range"])
def test_a_first_array(check: Check) -> None:
    """arange(12) MUST have shape (12,) and length 12, and as (3, 4) hold its numbers row by row."""
    said = Transcript(check)
    x = said.call("arange", 12, name="x")
    with check.backend_call("arange(12)"):
        shape, length = tuple(x.shape), len(x)
    text = f"arange(12) has shape {shape} and length {length}"
    said.require((shape, length) == ((12,), 12), text, "(tuple(x.shape), len(x)) == ((12,), 12)")
    said.float64(np.arange(12), "arange(12)", name="x")
    said.call("reshape", "x", (3, 4))
    said.float64([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], "arange(12).reshape(3, 4)")


@clause(
    "TUTORIAL-2", over=with_operations("zeros", "ones", "eye", "ones_like", "normal", "asarray"), broken_by=["flat_creation"]
)
def test_arrays_of_every_kind(check: Check) -> None:
    """zeros(3, 4), ones(3, 4), eye(5), ones_like, normal numbers of (2, 4) and nested lists MUST be what they say."""
    said, lists = Transcript(check), [[2, 1, 4, 3], [1, 2, 3, 4]]
    made = {
        "zeros": ((3, 4), np.zeros((3, 4))),
        "ones": ((3, 4), np.ones((3, 4))),
        "eye": (5, np.eye(5)),
        "asarray": (lists, lists),
        "ones_like": ("zeros_of_3_4", np.ones((3, 4))),
    }
    said.call("zeros", (3, 4), name="zeros_of_3_4")
    for op, (argument, want) in made.items():
        said.call(op, argument)
        said.float64(want, f"{op}({argument})")
    said.call("normal", (2, 4), 0)
    random, read = said.numbers(), said.read()
    said.require(random.shape == (2, 4), f"normal((2, 4)) has shape {random.shape}", f"tuple({read}.shape) == (2, 4)")
    said.require(random.dtype.kind == "f", f"normal((2, 4)) is {random.dtype}", f"type({read}.ravel().tolist()[0]) is float")
    eight = bool(np.isfinite(random).all()) and len(np.unique(random)) == 8
    fact = f"len({{x for x in {read}.ravel().tolist() if abs(x) < float('inf')}}) == 8"
    said.require(eight, "eight normal numbers are not eight numbers", fact)


@clause("TUTORIAL-3", broken_by=["swapped_operands"])
def test_first_arithmetic(check: Check) -> None:
    """[1, 2, 3, 4] with [2, 3, 4, 5] MUST give [3, 5, 7, 9], [-1, -1, -1, -1], [2, 6, 12, 20] and [.5, .6667, .75, .8]."""
    x, y = (np.array(a, check.real) for a in ([1, 2, 3, 4], [2, 3, 4, 5]))
    wants = {"+": [3, 5, 7, 9], "-": [-1, -1, -1, -1], "*": [2, 6, 12, 20]}
    for symbol, want in wants.items():
        applied(check, symbol, "x", "y", x=x, y=y).same(want, f"x {symbol} y")
    quotients = np.array([1 / 2, 2 / 3, 3 / 4, 4 / 5], check.real)
    # Two roundings, by way of the reciprocal.
    applied(check, "/", "x", "y", x=x, y=y).same(quotients, "x / y", tolerance=np.finfo(check.real).eps)


@clause("TUTORIAL-4", over=with_operations("sum"), broken_by=["off_axis"])
def test_summing_over_an_axis(check: Check) -> None:
    """The sum of arange(12) as (3, 4) over axis 0 MUST be [12, 15, 18, 21], as numpy's."""
    x = np.arange(12, dtype=check.real).reshape(3, 4)
    said = Transcript(check, x=x)
    said.call("sum", "x", axis=0)
    said.same([12, 15, 18, 21], "sum over axis 0")
    said.same(x.sum(axis=0), "numpy's sum over axis 0")


@clause("TUTORIAL-5", broken_by=["first_row_only"])
def test_first_broadcasting(check: Check) -> None:
    """[[1, 2, 3], [4, 5, 6]] + [1, 1, 1] MUST be [[2, 3, 4], [5, 6, 7]]."""
    x, y = (np.array(a, check.real) for a in ([[1, 2, 3], [4, 5, 6]], [1, 1, 1]))
    applied(check, "+", "x", "y", x=x, y=y).same([[2, 3, 4], [5, 6, 7]], "a matrix plus a row")


@clause("TUTORIAL-6", over=with_operations("getitem"), broken_by=["shifted_index"])
def test_first_indexing(check: Check) -> None:
    """The columns [0, 1] of [[1, 2, 3], [4, 5, 6]] MUST be [[1, 2], [4, 5]]."""
    said = Transcript(check, x=np.array([[1, 2, 3], [4, 5, 6]], check.real))
    said.call("getitem", "x", key=(slice(None), [0, 1]))
    said.same([[1, 2], [4, 5]], "x[:, [0, 1]]")


DOT = trace(lambda ad, x: ad.vecdot(x, x))
SUM = trace(lambda ad, x: ad.sum(x))
SQUARES = trace(lambda ad, x: x * x)
FOUR = [np.arange(4.0)]


def on_tape(program: Program) -> list[Cell]:
    """Return the cell of a clause about one program at arange(4.)."""
    operations = program.operations()
    cells = lambda dtype: [Cell(dtype=dtype, mode="tape", argument=fixed_case(program, FOUR, dtype), operations=operations)]  # noqa: E731  # a name for what it is
    return in_one(cells, "float32", "float64")


@clause("TUTORIAL-7", over=on_tape(DOT), needs=["tape"], broken_by=["immortal_graph", "zeros_before_backward"])
def test_a_first_backward(check: Check, case: Case) -> None:
    """For y = dot(x, x) at arange(4.): no gradient before, y MUST be 14, the gradient 2x, a second backward an error."""
    session = TapeSession(check, case)
    session.require(session.gradient() is None, "there is a gradient before the first backward", f"{session.unread()} is None")
    y = session.run()
    session.same(np.array(14, case.dtype), "dot(x, x)")
    session.backward(y, ct=False)
    session.has(np.array([0, 2, 4, 6], case.dtype), "gradient of dot(x, x)")
    session.say_backward(ct="None")
    check.raises(lambda: session.tape.backward(y), "a second backward without retain", session.lines)


@clause("TUTORIAL-8", over=on_tape(SUM), needs=["tape"], broken_by=["overwriting_backward", "deaf_zero"])
def test_accumulation_and_zeroing(check: Check, case: Case) -> None:
    """For y = sum(x): without zeroing the gradient MUST accumulate to [2, 2, 2, 2]; after zeroing it is [1, 1, 1, 1]."""
    session = TapeSession(check, case)
    for want in (1, 2):
        session.backward(session.run(), ct=False)
        session.has(np.full(4, want, case.dtype), "gradient of sum(x)")
    session.zero()
    session.backward(session.run(), ct=False)
    session.has(np.ones(4, case.dtype), "gradient after zeroing")


@clause("TUTORIAL-9", over=on_tape(SQUARES), level=SHOULD, needs=["tape"], broken_by=["lenient_backward"])
def test_backward_of_an_array(check: Check, case: Case) -> None:
    """For y = x * x, backward of the sum MUST give [0, 2, 4, 6], and backward of y itself without a cotangent SHOULD raise an
    exception; what it does is recorded."""
    session = TapeSession(check, case)
    session.run()
    session.backward(session.call("sum", OUT, name="total"), ct=False, name="total")
    session.has(np.array([0, 2, 4, 6], case.dtype), "gradient of sum(x * x)")
    without_a_cotangent(session)


@clause("TUTORIAL-10", over=on_tape(SQUARES), needs=["tape", "stop_gradient"], broken_by=["leaky_detach", "greedy_detach"])
def test_a_first_detach(check: Check, case: Case) -> None:
    """For u = detach(x * x) and z = u * x the gradient MUST be [0, 1, 4, 9]; then y = x * x still gives [0, 2, 4, 6]."""
    session = TapeSession(check, case)
    session.run()
    session.call("stop_gradient", OUT, name="u")
    session.call("multiply", "u", "x", name="z")
    session.backward(session.call("sum", "z", name="total"), ct=False, name="total")
    session.has(np.array([0, 1, 4, 9], case.dtype), "gradient of detach(x * x) * x")
    session.zero()
    session.backward(session.call("sum", OUT, name="total"), ct=False, name="total")
    session.has(np.array([0, 2, 4, 6], case.dtype), "gradient of x * x, after the detach")


LINEAR = trace(lambda ad, a: ad.cond(ad.sum(a) > 0, lambda: a * 1.0, lambda: 100 * a))
SPREAD: dict[str, Any] = {"profiles": ("normal", "fractions"), "scale": 4.0}


@st.composite
def either_sign(draw, dtype):
    """Draw a case and its mirror image, on the other branch; shrinks to two points. The cotangent is ones."""
    case = draw(program_cases(LINEAR, dtype, **SPREAD))
    ones = tuple(np.ones_like(ct) for ct in case.cotangents)
    return [Case(LINEAR, xs, case.tangents, ones, dtype) for xs in (case.inputs, tuple(-x for x in case.inputs))]


LINEAR_CELLS = [
    of_program(LINEAR, dtype=dtype, mode="reverse", strategy=either_sign(dtype)) for dtype in ("float32", "float64")
]


@clause("TUTORIAL-11", over=LINEAR_CELLS, broken_by=["wrong_branch", "frozen_branch"])
def test_a_gradient_through_if(check: Check, cases) -> None:
    """For f(a) = a if sum(a) > 0 else 100 * a the gradient MUST be f(a) / a, on either branch."""
    points, calls = single_points(cases), Calls(check)
    f = calls.define(points[0])
    for one in points:
        call = Call(calls, one, f)
        call.holds()
        x, y, (gradient,) = one.inputs[0][0], check.numpy(call.value), call.gradients()
        shapes = f"{y.shape} and {gradient.shape}"
        check.require(
            y.shape == gradient.shape == x.shape, f"value and gradient of shapes {shapes} where {x.shape} is right", one
        )
        # f is linear on each branch, so where the division is exact the gradient is the quotient but for its rounding.
        exact = np.isin(y, 100 * x) | np.isin(y, x)
        ratio = np.where((x != 0) & exact, y / np.where(x == 0, 1, x), gradient).astype(gradient.dtype)
        with calls:
            check.near(gradient, ratio, 2 * one.precision.u * abs(gradient), "gradient beside f(a) / a", one, call.side(0))


NORM = trace(lambda ad, x: ad.cond(ad.vector_norm(x) > 10.0, lambda: x * 1.0, lambda: x * x))


@st.composite
def near_and_far(draw, dtype):
    """Draw a case inside the ball of radius 10 and one outside; shrinks to two points."""
    near = draw(program_cases(NORM, dtype, profiles=("fractions",), shape=(3,), scale=0.5))
    far = tuple(np.where(x < 0, x - 16, x + 16).astype(dtype) for x in near.inputs)
    return [near, Case(NORM, far, near.tangents, near.cotangents, dtype)]


NORM_CELLS = [of_program(NORM, dtype=dtype, mode="reverse", strategy=near_and_far(dtype)) for dtype in ("float32", "float64")]


@clause("TUTORIAL-12", over=NORM_CELLS, broken_by=["wrong_branch", "frozen_branch"])
def test_a_gradient_through_a_test_on_the_norm(check: Check, cases) -> None:
    """For f(x) = x if norm(x) > 10 else x * x the gradient MUST be 1 outside and 2x inside, both branches met."""
    slopes: list[Callable[[Any], Any]] = [lambda x: 2 * x, np.ones_like]
    calls = Calls(check)
    f = calls.define(cases[0])
    for case, slope in zip(cases, slopes, strict=True):
        for one in single_points(case):
            call = Call(calls, one, f)
            call.holds()
            want, tolerance = slope(one.inputs[0][0]) * one.cotangents[0][0], 2 * one.truth.gradients[0].tolerance[0]
            with calls:
                check.near(call.gradients()[0], want, tolerance, "gradient of x or x * x", one, call.side(0))


@clause("TUTORIAL-13", over=with_operations("sin", mode="curve"), broken_by=["wrong_far_out"])
def test_the_slope_of_sin_is_cos(check: Check) -> None:
    """The gradient of sin on linspace(-2 pi, 2 pi, 100) MUST be cos; the report plots both."""
    x = np.linspace(-2 * np.pi, 2 * np.pi, 100).astype(check.real)
    case = fixed_case(single("sin", {}), [x], check.real)
    case = Case(case.program, case.inputs, case.tangents, (np.ones((1, 100), check.real),), check.real)
    y, (gradient,) = check.pull(case)
    check.curve("sin", case, y[0], gradient[0])
    check.agrees(gradient, case.truth.gradients[0], case, "reverse")
    error = float(abs(gradient[0] - np.cos(x.astype(float))).max())
    check.require(error <= 8 * case.precision.u, f"the gradient of sin is off from cos by {error:.3g}", case)


PRODUCT = programs(lambda ad, x: ad.sum(ad.sin(x) * ad.exp(x * 0.5)), mode="reverse")


@clause("TUTORIAL-14", over=PRODUCT, broken_by=["scaled_rule"])
def test_a_first_composition(check: Check, case: Case) -> None:
    """The gradient of sum(sin(x) * exp(x / 2)) MUST follow the product rule and the chain rule."""
    check(case, "reverse")
