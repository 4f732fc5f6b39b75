"""Higher order: derivatives of derivatives, in every nesting of the two modes."""

import numpy as np

from clinometer.backends.dialect import Vocabulary
from clinometer.backends.protocol import forward_mode
from clinometer.harness.cells import given, in_one, operations
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import Asked, Relation, inner
from clinometer.harness.scripts.writer import sources
from clinometer.harness.special_points import case_at, special_cells
from clinometer.harness.tape import TapeSession
from clinometer.harness.transcript import OUT, Transcript
from clinometer.reference.case import Case
from clinometer.reference.witness import OVER
from clinometer.strategies.arrays import cotangents

REVERSE, FORWARD = "reverse", "forward"
NESTS = ["nested"]
BOTH = ["nested", "forward"]


@clause(
    "HIGH-1",
    over=operations(mode="reverse-over-reverse"),
    needs=NESTS,
    broken_by=["frozen_slope", "bent_slope", "torch_lost_graph", "torch_frozen_slope", "promoted_second"],
    judges_dtype=True,
)
def test_the_gradient_of_a_gradient_equals_the_truth(check: Check, case: Case) -> None:
    """The Hessian times a vector, in reverse over reverse, MUST equal the truth for every differentiable operation."""
    check(case, "reverse-over-reverse")


@clause(
    "HIGH-2",
    over=in_one(lambda dtype: operations(mode="forward-over-reverse", dtypes=[dtype])),
    needs=BOTH,
    broken_by=["frozen_slope", "bent_slope"],
    judges_dtype=True,
)
def test_the_tangent_of_a_gradient_equals_the_truth(check: Check, case: Case) -> None:
    """The Hessian times a vector, in forward over reverse, MUST equal the truth for every differentiable operation."""
    check(case, "forward-over-reverse")


@clause(
    "HIGH-3",
    over=in_one(lambda dtype: operations(mode="reverse-over-forward", dtypes=[dtype])),
    needs=BOTH,
    broken_by=["constant_tangents"],
    judges_dtype=True,
)
def test_the_gradient_of_a_tangent_equals_the_truth(check: Check, case: Case) -> None:
    """The Hessian times a vector, in reverse over forward, MUST equal the truth for every differentiable operation."""
    check(case, "reverse-over-forward")


@clause(
    "HIGH-4",
    over=in_one(lambda dtype: operations(mode="reverse-over-reverse", dtypes=[dtype])),
    needs=NESTS,
    broken_by=["frozen_operand"],
)
def test_the_hessian_is_symmetric(check: Check, case: Case) -> None:
    """<u, H v> MUST equal <v, H u>, whatever the truth is."""
    rng = np.random.default_rng(case.points)
    us = tuple(cotangents(rng, dx.shape, case.dtype) for dx in case.tangents)
    turned = Case(case.program, case.inputs, us, case.cotangents, case.dtype)
    left, off_left = product(check, us, case)
    right, off_right = product(check, case.tangents, turned)
    tolerance = off_left + off_right
    check.points += case.points
    inputs, mode = list(enumerate(case.program.inputs)), "reverse-over-reverse"
    asked = {f"hv_{name}": Asked(case, mode, i) for i, name in inputs}
    asked |= {f"hu_{name}": Asked(turned, mode, i, "2") for i, name in inputs}
    about = Relation(inner((f"d{n}2", f"hv_{n}") for _, n in inputs), inner((f"d{n}", f"hu_{n}") for _, n in inputs), asked)
    check.near(left, right, tolerance, "<u, H v> beside <v, H u>", case, about)


def product(check: Check, us: tuple[np.ndarray, ...], case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Return <u, H v> at each point, v being the tangents of the case, and how far off it may be."""
    wide = case.precision.working
    total = tolerance = np.zeros(case.points, wide)
    for u, got, expected in zip(us, check.higher(case, "reverse-over-reverse"), case.second, strict=True):
        axes = tuple(range(1, u.ndim))
        total = total + (u.astype(wide) * got.astype(wide)).sum(axes)
        tolerance = tolerance + (abs(u) * expected.tolerance).sum(axes)
    return total, tolerance


# ----- perturbations -----

# Functions with a derivative inside, `d`, of a function of one variable; and what d/dx of them is at x = 3. Products of
# small integers, so exact in every format.
CONFUSABLE = {
    "x d/dy(x+y)": lambda d, x: x * d(lambda y: x + y)(x),
    "x d/dy(xy)": lambda d, x: x * d(lambda y: x * y)(x),
    "d/dy(xyy) at x": lambda d, x: d(lambda y: x * (y * y))(x),
    "d/dy(yyy) at xx": lambda d, x: d(lambda y: y * (y * y))(x * x),
    "x d/dx(xx)": lambda d, x: x * d(lambda x: x * x)(x),
    "x d/dy(x)": lambda d, x: x * d(lambda y: x)(x),
    "d/dy((x+y)(x+y)) at xx": lambda d, x: d(lambda y: (x + y) * (x + y))(x * x),
    "d/dy(x d/dz(xyz))": lambda d, x: d(lambda y: x * d(lambda z: (x * y) * z)(x))(x),
}
DERIVED = dict(zip(CONFUSABLE, (1, 6, 12, 324, 12, 0, 14, 6), strict=True))  # by x, at 3


class Nested(Transcript):
    """Derivatives of derivatives, in the words for them."""

    needs = ("nested",)


NESTINGS = [(outer, inner) for outer in (REVERSE, FORWARD) for inner in (REVERSE, FORWARD)]


@clause(
    "HIGH-5",
    over=given(
        *((name, outer, inner) for name in CONFUSABLE for outer, inner in NESTINGS),
        names=[f"{name}, {outer}{OVER}{inner}".replace(" ", "") for name in CONFUSABLE for outer, inner in NESTINGS],
        mode="nested",
    ),
    needs=BOTH,
    broken_by=["one_level", "torch_lost_graph"],
)
def test_nested_derivatives_are_not_confused(check: Check, argument: tuple[str, str, str]) -> None:
    """A derivative inside a derivative MUST see the variables around it as constants: d/dx of x d/dy(x + y) is 1."""
    name, outer, inner = argument
    said = Nested(check, one=np.array([1], check.real), three=np.array([3], check.real))
    one, three = said.arrays.values()
    derivative = {
        REVERSE: lambda f: lambda x: check.backend.vjp(f, x)[1](one)[0],
        FORWARD: lambda f: lambda x: forward_mode(check.backend).jvp(f, (x,), (one,))[1],
    }
    asked = {REVERSE: "gradient({f}, 0, one)", FORWARD: "tangent({f}, (one,))"}
    said.given |= {f"({step})": text for step, text in sources(said.dialect, f"{outer}{OVER}{inner}").items()}
    said.given["d"] = f"def d(f):\n    return {asked[inner].format(f='f')}"
    said.given["f"] = f"def f(x):\n    return {Vocabulary(CONFUSABLE).spell(name, ['d', 'x'], {})}"
    said.lines.append(f"{OUT} = {asked[outer].format(f='f')}(three)")
    with said, check.backend_call(f"d/dx of {name}"):
        said.arrays[OUT] = derivative[outer](lambda x: CONFUSABLE[name](derivative[inner], x))(three)
    check.points += 1
    said.same(np.array([DERIVED[name]], check.real), f"d/dx of {name} at 3, {outer}{OVER}{inner}")


# ----- further -----


@clause(
    "HIGH-6",
    over=in_one(
        lambda dtype: operations(
            mode="reverse-over-reverse-over-reverse",
            dtypes=[dtype],
            where=lambda row: row.differentiable and row.form == "elementwise",
        )
    ),
    needs=NESTS,
    broken_by=["frozen_at_depth_three", "bent_slope"],
)
def test_a_third_derivative_equals_the_truth(check: Check, case: Case) -> None:
    """The third derivative of an elementwise function, twice along a direction, MUST equal the truth."""
    check(case, "reverse-over-reverse-over-reverse")


TWICE = [cell for cell in special_cells("universal", mode="reverse-over-reverse") if cell.argument.special.order >= 2]


@clause("HIGH-7", over=TWICE, needs=NESTS, broken_by=["frozen_at_zero"])
def test_a_removable_singularity_has_its_one_second_derivative(check: Check, argument) -> None:
    """Where a formula breaks and the function does not, the second derivative MUST be the one that there is."""
    check(case_at(argument), "reverse-over-reverse")


@clause("HIGH-8", over=operations(mode="tape"), needs=["tape"], broken_by=["graph_changes_numbers"])
def test_a_graph_of_the_gradient_changes_no_number(check: Check, case: Case) -> None:
    """The gradient of every differentiable operation MUST be the same, within rounding, with and without a graph of it."""
    session = TapeSession(check, case)
    y = session.run()
    plain, deep = session.grad(y, "without"), session.grad(y, "with_graph", graph=True)
    for i, (name, x) in enumerate(zip(session.names, session.case.inputs, strict=True)):
        without, kept = (np.zeros_like(x[0]) if g is None else g for g in (plain[i], deep[i]))
        off = 2 * session.case.truth.gradients[i].tolerance[0]  # either may be off by one
        sides = session.part("with_graph", i), session.part("without", i)
        session.near(kept, without, off, f"gradient of {name} with a graph of it", *sides)
