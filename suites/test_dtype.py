"""Dtypes: half precision, mixed operands, casts, and inputs that are no floats."""

from typing import Any

import numpy as np

from clinometer.backends import support_of
from clinometer.harness.asking import numeric
from clinometer.harness.cells import given, operations, with_operations
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import Nonconformance, Unsupported
from clinometer.harness.regression import Answer, shown, slope, steep
from clinometer.harness.transcript import PullbackTranscript
from clinometer.journal.vocabulary import INFO, INFORMATIONAL
from clinometer.reference.case import Case
from clinometer.reference.program.tracing import single
from clinometer.reference.truth.expected import Expected
from clinometer.strategies import fixed_case

HALF = ("float16", "bfloat16")


def declared(check: Check, *needed: str) -> None:
    """Go on only where the backend works in these dtypes.

    Raises
    ------
    Unsupported
        It does not.
    """
    missing = [name for name in needed if name not in support_of(check.backend).dtypes]
    if missing:
        raise Unsupported(f"{check.backend.name} does not work in {', '.join(missing)}")


@clause(
    "DTYPE-1",
    over=operations(mode="reverse", dtypes=HALF),
    broken_by=["half_scaled_rule", "promoted_gradient"],
    judges_dtype=True,
)
def test_gradients_hold_in_half_precision(check: Check, case: Case) -> None:
    """In float16 and bfloat16 the gradient MUST equal the truth within the rounding of that type, and have its dtype."""
    check(case, "reverse")


@clause("DTYPE-2", over=operations(mode="value", dtypes=HALF), broken_by=["half_shifted_value"], judges_dtype=True)
def test_values_hold_in_half_precision(check: Check, case: Case) -> None:
    """In float16 and bfloat16 the value MUST equal the truth within the rounding of that type."""
    check(case, "value")


@clause("DTYPE-3", over=operations(mode="forward", dtypes=HALF), broken_by=["half_scaled_tangent"], judges_dtype=True)
def test_tangents_hold_in_half_precision(check: Check, case: Case) -> None:
    """In float16 and bfloat16 the tangent MUST equal the truth within the rounding of that type."""
    check(case, "forward")


UNLIKE = ("normal", "wide")  # numbers that do not recur from case to case, and their rounding with them


@clause(
    "DTYPE-4",
    over=operations(mode="reverse", dtypes=HALF, batched=True, profiles=UNLIKE),
    broken_by=["half_drifting_rule"],
)
def test_over_all_cases_the_slope_is_one(check: Check, cases: tuple[Case, ...]) -> None:
    """In half precision, over all cases of an operation, gradients MUST regress on the truth with slope one."""
    answers = []
    for case in cases:
        try:
            _, gradients = check.pull(case)
        except Unsupported:  # of these parameters; others may do
            continue
        check.points += case.points
        points = [case.at(i) for i in range(case.points)]
        for which, (got, expected) in enumerate(zip(gradients, case.truth.gradients, strict=True)):
            right = [Expected(*pair) for pair in zip(expected.value, expected.tolerance, strict=True)]
            answers += [Answer(one, which, g, e) for one, g, e in zip(points, got, right, strict=True)]
    if not answers:
        raise Unsupported("no case of these is supported")
    if steep(answers):
        found, bound = slope(answers)  # type: ignore[misc]  # there is one
        text = f"over {check.points} points the slope of got on expected is {found:.5f}, not within {bound:.2g} of 1"
        raise shown(check, answers, text)


MANY = 4096  # ones, of which sums in float16 stall at 2048, and in bfloat16 at 256
LONG = {
    "sum": (single("sum", {"axis": None}), np.ones(MANY)),
    "mean": (single("mean", {"axis": None}), np.ones(MANY)),
    "gradient of a broadcast": (single("broadcast_to", {"shape": (MANY,)}), np.ones(1)),
}


@clause(
    "DTYPE-5",
    over=given(
        *[(n, d) for n in LONG for d in HALF], names=[f"{n}-{d}".replace(" ", "_") for n in LONG for d in HALF], mode="reverse"
    ),
    broken_by=["stalling_sum"],
)
def test_long_sums_do_not_stall(check: Check, argument: tuple[str, str]) -> None:
    """A sum of many entries in half precision MUST accumulate in a wider type, in values and in gradients alike."""
    name, dtype = argument
    declared(check, dtype)
    program, x = LONG[name]
    case = fixed_case(program, [x], dtype)
    check(case, "value")
    check(case, "reverse")


MIXED = {
    "float32 beside float64": ("float32", "float64"),
    "float64 beside float32": ("float64", "float32"),
}


@clause(
    "DTYPE-6",
    over=given(*MIXED.values(), names=[n.replace(" ", "_") for n in MIXED], mode="reverse", using=["multiply"]),
    broken_by=["promoted_gradient"],
    judges_dtype=True,
)
def test_a_gradient_is_cast_back_to_its_input(check: Check, mixed: tuple[str, str]) -> None:
    """Where an operation mixes floating dtypes, the gradient of each operand MUST come in the operand's own."""
    declared(check, *mixed)
    x, y = np.asarray([1.5, -2.0, 0.25], mixed[0]), np.asarray([4.0, 0.5, 8.0], mixed[1])
    said = PullbackTranscript(check, x=x, y=y)
    try:
        with check.backend_call("multiply of two dtypes"):
            check.xp.multiply(*said.arrays.values())
    except Nonconformance as refused:  # the plain product: then there is nothing to differentiate
        raise Unsupported(f"{check.backend.name} does not mix dtypes: {refused}") from refused
    gradients = said.pull(lambda xp, x, y: xp.multiply(x, y), "x", "y", ct=np.ones_like)
    for which, (got, own, other, name) in enumerate(zip(gradients, (x, y), (y, x), ("x", "y"), strict=True)):
        said.pulled(got, which, other.astype(own.dtype), f"gradient of {name}")


@clause(
    "DTYPE-7",
    over=with_operations("astype", "multiply", mode="reverse"),
    broken_by=["floats_through_integers"],
    judges_dtype=True,
)
def test_a_cast_to_integers_cuts(check: Check) -> None:
    """Nothing MUST flow through a cast to an integer type: d(x * float(int(x))) = int(x)."""
    x = np.asarray([1.5, -2.25, 3.75], check.real)

    def f(xp: Any, x: Any) -> Any:
        return xp.multiply(x, xp.astype(xp.astype(x, "int64"), check.real))

    said = PullbackTranscript(check, x=x)
    (got,) = said.pull(f, "x", ct=lambda value: np.ones_like(x))
    said.pulled(got, 0, np.trunc(x), "gradient of x * float(int(x))")


@clause("DTYPE-8", over=with_operations("astype", "square", mode="reverse"), broken_by=["cutting_cast"], judges_dtype=True)
def test_a_cast_between_floats_carries(check: Check) -> None:
    """A cast between floating types MUST carry the cotangent back, in the dtype of its input."""
    declared(check, "float32", "float64")
    x = np.asarray([1.5, -2.25, 3.75], np.float32)
    said = PullbackTranscript(check, x=x)
    (got,) = said.pull(lambda xp, x: xp.square(xp.astype(x, "float64")), "x", ct=lambda value: np.ones(3))
    said.same(np.square(x.astype(float)), "value of the square")
    said.pulled(got, 0, 2 * x, "gradient through the cast")


INTEGERS = {"integers": np.array([1, 2, 3]), "booleans": np.array([True, False, True])}


@clause(
    "DTYPE-9",
    over=given(*INTEGERS.values(), names=list(INTEGERS), mode="reverse", using=["multiply"]),
    broken_by=["numbers_for_integers"],
)
def test_an_input_that_is_no_float_gets_no_wrong_number(check: Check, n: np.ndarray) -> None:
    """For an integer or boolean input the pullback MUST raise, give none or zeros, or the numbers of a float: never others."""
    w, what = np.asarray([0.5, -2.0, 4.0], check.real), f"gradient of {n.dtype} input"
    try:
        said = PullbackTranscript(check, n=n, w=w)
        (got,) = said.pull(lambda xp, n, w: xp.multiply(n, w), "n", constants=["w"], ct=lambda value: np.ones(3, check.real))
        with check.backend_call("conversion to numpy"):
            nothing = got is None or no_number(np.asarray(check.backend.to_numpy(got)))
    except Nonconformance as error:  # an exception of the library's, which is right
        check.observe(what, "raises: " + str(error).partition(": ")[2][:60])
        return
    if nothing:
        check.observe(what, "none")
        return
    found = check.numpy(got, what)
    check.observe(what, f"{found.dtype} {np.round(found * 1.0, 6).tolist()}")
    harmless = not found.any() or np.array_equal(found, w)
    text = f"gradient of a {n.dtype} input: {found}, where none, zeros or {w.tolist()} is right"
    said.require(harmless, text, f"{said.read('gradients[0]')}.tolist() in ({[0.0] * len(n)}, {w.tolist()})")


def no_number(x: np.ndarray) -> bool:
    """Whether an array holds nothing at all, as jax's float0 does: its way to say that there is no gradient."""
    return x.dtype.kind == "V" and not numeric(x)


@clause("DTYPE-10", over=with_operations("multiply", mode="value"), level=INFO, kind=INFORMATIONAL)
def test_promotion_is_recorded(check: Check) -> None:
    """The dtype of a product of two dtypes is recorded."""
    known = [d for d in ("float16", "bfloat16", "float32", "float64") if d in support_of(check.backend).dtypes]
    for i, a in enumerate(known):
        for b in known[i + 1 :]:
            try:
                with check.backend_call():
                    x, y = (check.backend.asarray(np.ones(2, dtype)) for dtype in (a, b))
                    answer = str(check.numpy(check.xp.multiply(x, y)).dtype)
            except Nonconformance as error:  # a library may refuse to mix; that is an answer too
                answer = error.answer if error.__cause__ else str(error)
            check.observe(f"{a} * {b}", answer)


COMPLEX = ("complex64", "complex128")


@clause("DTYPE-11", over=operations(mode="reverse", dtypes=COMPLEX), broken_by=["unconjugated_rule"], judges_dtype=True)
def test_complex_gradients_hold(check: Check, case: Case) -> None:
    """Complex gradients MUST equal the truth, in the one convention that the library has (see DTYPE-14)."""
    check(case, "reverse")


@clause("DTYPE-12", over=operations(mode="value", dtypes=COMPLEX), broken_by=["conjugating_exp"], judges_dtype=True)
def test_complex_values_hold(check: Check, case: Case) -> None:
    """Complex values MUST equal the truth within the rounding of their parts."""
    check(case, "value")


@clause("DTYPE-13", over=operations(mode="forward", dtypes=COMPLEX), broken_by=["scaled_tangent"], judges_dtype=True)
def test_complex_tangents_hold(check: Check, case: Case) -> None:
    """Complex tangents MUST equal the truth: no convention enters forward mode."""
    check(case, "forward")


@clause("DTYPE-14", over=with_operations("multiply", mode="reverse"), level=INFO, kind=INFORMATIONAL)
def test_the_complex_convention_is_recorded(check: Check) -> None:
    """Whether a complex pullback is the adjoint (conjugated) or the transpose is recorded."""
    if not set(COMPLEX) & set(support_of(check.backend).dtypes):
        raise Unsupported(f"{check.backend.name} does not work in {' or '.join(COMPLEX)}")
    answer = "transpose: the pullback of z -> i z multiplies by i" if check.transposes else "adjoint: it multiplies by -i"
    check.observe("complex pullback", answer)
