"""Gradients: reverse mode of every differentiable operation."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from clinometer.harness.cells import Cell, in_one, operations, programs
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.concurrency import Call, Calls
from clinometer.harness.consistency import assert_doubled
from clinometer.harness.findings import BESIDE, Asked, Relation, answered, felt, twice
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, Operation
from clinometer.reference.program.data import Program, Step
from clinometer.reference.program.tracing import single
from clinometer.strategies.arrays import MARGIN
from clinometer.strategies.cases import complete
from clinometer.strategies.forms import FORMS

ALL = operations(mode="reverse")
IN_ONE = in_one(lambda dtype: operations(mode="reverse", dtypes=[dtype]))  # where one dtype tells as much as all
BINARY = operations(mode="reverse", where=lambda row: row.differentiable and row.arity > 1)


@clause(
    "GRAD-1",
    over=ALL,
    broken_by=[
        "scaled_rule",
        "torch_scaled_rule",
        "flipped_entry",
        "transposed_matmul",
        "averaged_cotangent",
        "single_precision",
    ],
)
def test_the_gradient_equals_the_truth(check: Check, case: Case) -> None:
    """The gradient of every differentiable operation MUST equal the truth, for signed, non-uniform cotangents."""
    check(case, "reverse")


@clause("GRAD-2", over=ALL, broken_by=["promoted_gradient", "squeezed_gradient"], judges_dtype=True)
def test_a_gradient_has_the_shape_and_dtype_of_its_input(check: Check, case: Case) -> None:
    """A gradient MUST have the shape and the dtype of its input, and the value beside it those of the plain value."""
    check.points += case.points
    check.pull(case)  # which holds all that it is given to its shape and its dtype


@clause("GRAD-3", over=ALL, broken_by=["rounding_recorder"])
def test_the_value_under_differentiation_is_the_plain_value(check: Check, case: Case) -> None:
    """The value that comes with a gradient MUST be the plain value, within rounding."""
    y, _ = check.pull(case)
    check.agrees(y, case.truth.values[0], case, "value", about=answered(case, f"{BESIDE}reverse"))


@clause("GRAD-4", over=ALL, broken_by=["deaf_cotangent"])
def test_a_zero_cotangent_gives_zeros(check: Check, case: Case) -> None:
    """A cotangent of zeros MUST give gradients of exact zeros, since zero times any number is zero."""
    nothing = replace(case, cotangents=tuple(map(np.zeros_like, case.cotangents)))
    _, gradients = check.pull(nothing)
    for which, (name, got) in enumerate(zip(case.program.inputs, gradients, strict=True)):
        about = answered(nothing, "reverse", which)
        check.same(got, np.zeros_like(got), f"gradient of {name} for a zero cotangent", nothing, about=about)


@clause("GRAD-5", over=ALL, broken_by=["clipped_cotangent", "deaf_cotangent"])
def test_the_pullback_is_linear(check: Check, case: Case) -> None:
    """The pullback MUST be linear: minus twice the cotangent gives minus twice the gradient, within the rounding of both."""
    _, once = check.pull(case)
    negated = replace(case, cotangents=tuple(-2 * ct for ct in case.cotangents))
    _, scaled = check.pull(negated)
    for which, (a, b, expected) in enumerate(zip(once, scaled, case.truth.gradients, strict=True)):
        claim = f"gradient of {case.program.inputs[which]} for -2 times the cotangent"
        assert_doubled(check, b, a, expected.tolerance, claim, case, twice(case, negated, "reverse", which))


@clause(
    "GRAD-6",
    over=in_one(lambda dtype: operations(mode="reverse", dtypes=[dtype]), "float32", "float64"),
    broken_by=["tired_pullback"],
)
def test_pulling_twice_gives_the_same_bits(check: Check, case: Case) -> None:
    """A pullback that is called twice with one cotangent MUST give the same bits, since on a CPU the same sums in the same
    order are the same numbers."""
    one, calls = case.at(0), Calls(check)
    call = Call(calls, one)
    first, second = call.kept(call.pull()), call.gradients()
    with calls:
        for i, (name, a, b) in enumerate(zip(one.program.inputs, first, second, strict=True)):
            check.same(b, a, f"gradient of {name}, pulled a second time", one, about=call.side(i, before=True))


@clause("GRAD-7", over=IN_ONE, broken_by=["spoiling_pullback", "spoiling_input"])
def test_inputs_and_cotangents_are_left_as_they_were(check: Check, case: Case) -> None:
    """Differentiating MUST change neither the inputs nor the cotangent."""
    one, calls = case.at(0), Calls(check)
    call = Call(calls, one)
    call.pull()
    names, place = (*one.program.inputs, "ct"), calls.place(one)
    with calls:
        for name, x, native in zip(names, (*one.inputs, one.cotangents[0]), (*call.inputs, call.ct), strict=True):
            about = Relation(calls.read(f"{name}{place}"))
            check.same(check.numpy(native), x[0, ...], f"{name}, after differentiation", one, about=about)


@clause("GRAD-8", over=BINARY, broken_by=["entangled_inputs"])
def test_each_input_alone_has_the_gradient_that_it_has_among_all(check: Check, case: Case) -> None:
    """The gradient of one input, the others being constants, MUST equal the truth."""
    one = case.at(0)
    for which, expected in enumerate(one.truth.gradients):
        xs = [check.native(x[0]) for x in one.inputs]

        def alone(x, which=which, xs=xs):
            return check.function(one)(*xs[:which], x, *xs[which + 1 :])

        about = Relation("got", asked={"got": Asked(one, "reverse", which, alone=True)})
        with check.backend_call(about=about):
            _, pullback = check.backend.vjp(alone, xs[which])
            (got,) = pullback(check.backend.asarray(one.cotangents[0][0]))
            got = check.numpy(got, f"gradient of {one.program.inputs[which]}")
        check.agrees(got[None], expected, one, "reverse", which, about=about)


@clause("GRAD-9", over=programs(lambda ad, x, y: ad.sin(x), mode="reverse"), broken_by=["gradient_of_nothing"])
def test_an_unused_input_has_a_gradient_of_zeros(check: Check, case: Case) -> None:
    """The gradient of an input that the function ignores MUST be exact zeros, since nothing is added up."""
    _, gradients = check.pull(case)
    about = answered(case, "reverse", 1)
    check.same(gradients[1], np.zeros_like(case.inputs[1]), "gradient of an unused input", case, about=about)


@clause("GRAD-10", over=IN_ONE, broken_by=["stale_call"])
def test_a_second_call_is_as_right_as_the_first(check: Check, case: Case) -> None:
    """A second call, at another point, MUST be as right as the first."""
    rng = np.random.default_rng(case.points)
    elsewhere = complete(case.program, tuple(x[::-1] for x in case.inputs), rng, case.dtype)
    with felt(case, elsewhere):
        for _ in range(2):
            check(case, "reverse")
            check(elsewhere, "reverse")


def curve_case(row: Operation, dtype: str) -> Case:
    """Return an elementwise operation of one argument over an interval, clear of its kinks."""
    domain = row.domains[0]
    low, high = (-2 * np.pi, 2 * np.pi) if row.name in ("sin", "cos") else (max(domain.low, -4.0), min(domain.high, 4.0))
    low, high = (low, low + 6) if low > high else (low, high)
    x = np.linspace(low, high, 100).astype(dtype)
    x = x[domain.distance(x) >= MARGIN / 2]
    params = {name: choices[0] for name, choices in row.choices.items()}
    program = single(row.name, params)
    case = complete(program, (x[None],), np.random.default_rng(0), dtype)
    return Case(program, case.inputs, case.tangents, (np.ones_like(x)[None],), dtype)


def curves(dtype: str) -> list[Cell]:
    """Return a cell for each elementwise function of one argument."""
    return [
        Cell(operation=row.name, dtype=dtype, mode="curve", argument=(row, dtype))
        for row in CATALOGUE.values()
        if row.form == "elementwise" and row.arity == 1 and row.differentiable and dtype in row.dtypes
    ]


@clause("GRAD-11", over=in_one(curves), broken_by=["wrong_far_out"])
def test_the_gradient_is_right_along_an_interval(check: Check, argument: tuple[Operation, str]) -> None:
    """Along an interval of its domain the gradient of an elementwise function MUST equal the truth at every point."""
    row, dtype = argument
    case = curve_case(row, dtype)
    y, (gradient,) = check.pull(case)
    check.curve(row.name, case, y[0], gradient[0])
    check.agrees(gradient, case.truth.gradients[0], case, "reverse")


class View(NamedTuple):
    """How an array becomes a view of another: what it is taken of, by which operation, and how many axes that needs."""

    base: Callable[[np.ndarray], np.ndarray]
    op: str
    params: Callable[[tuple[int, ...]], dict[str, Any]]
    axes: int


# Each along the last axis, since the first is that of the points.
VIEWS = (
    View(lambda x: np.swapaxes(x, -1, -2), "matrix_transpose", lambda shape: {}, 2),
    View(lambda x: np.repeat(x, 2, -1), "getitem", lambda shape: {"key": (..., slice(None, None, 2))}, 1),
    View(lambda x: np.flip(x, -1), "flip", lambda shape: {"axis": -1}, 1),
    View(lambda x: x[..., :1], "broadcast_to", lambda shape: {"shape": shape}, 1),  # with stride 0
)


def repeatable(row: Operation) -> bool:
    """Whether an argument may have equal entries along an axis: neither ties nor singular matrices are kinks of the row."""
    return row.distinct is None and row.joint is None and FORMS[row.form].matrix is None


def viewed(case: Case, view: View) -> Case:
    """Return the case in which each input that has the axes is a view, of what is the input now."""
    (step,), names = case.program.steps, case.program.inputs
    which = [i for i, x in enumerate(case.inputs) if x.ndim > view.axes]
    made = [Step((f"view_of_{names[i]}",), view.op, (names[i],), view.params(case.inputs[i].shape[1:])) for i in which]
    args = tuple(f"view_of_{name}" if i in which else name for i, name in enumerate(names))
    program = Program(names, (*made, replace(step, args=(*args, *step.args[len(args) :]))), case.program.outputs)
    inputs, tangents = (
        tuple(np.ascontiguousarray(view.base(x)) if i in which else x for i, x in enumerate(arrays))
        for arrays in (case.inputs, case.tangents)
    )
    return Case(program, inputs, tangents, case.cotangents, case.dtype)


@clause("GRAD-12", over=IN_ONE, broken_by=["contiguous_only"])
def test_a_view_has_the_gradient_of_its_copy(check: Check, case: Case) -> None:
    """The gradient MUST equal the truth also where the inputs are views: transposed, strided, reversed or broadcast."""
    offered = [v for v in VIEWS if check.has(v.op) and (v.op != "broadcast_to" or repeatable(case.row))]
    fitting = [v for v in offered if any(x.ndim > v.axes for x in case.inputs)]
    first = zlib.crc32(b"".join(x.tobytes() for x in case.inputs)) % max(len(fitting), 1)  # which the case itself chooses
    for i, view in zip(range(case.points), (*fitting[first:], *fitting[:first]), strict=False):
        check(viewed(case.at(i), view), "reverse")
