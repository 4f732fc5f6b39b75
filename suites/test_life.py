"""The life of a graph: backward, once or again, and what it refuses."""

import dataclasses

import numpy as np

from clinometer.backends.protocol import tape_of
from clinometer.backends.raised import kind
from clinometer.harness.cells import in_one, programs
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import Nonconformance, Unsupported
from clinometer.harness.tape import TapeSession, times, without_a_cotangent
from clinometer.journal.vocabulary import CONVENTION, INFO, SHOULD
from clinometer.reference.case import Case
from clinometer.suites.programs import SQUARES, SUM_OF_SQUARES, TWO_INPUTS


@clause("LIFE-1", over=SUM_OF_SQUARES, needs=["tape"], broken_by=["immortal_graph"])
def test_a_second_backward_is_refused(check: Check, case: Case) -> None:
    """A second backward through a graph that was not retained MUST raise an exception."""
    session = TapeSession(check, case)
    y = session.run()
    session.backward(y)
    session.say_backward()
    check.raises(lambda: session.tape.backward(y, session.ct), "a second backward without retain", session.lines)


@clause("LIFE-2", over=SUM_OF_SQUARES, needs=["tape"], broken_by=["growing_retain"])
def test_a_retained_graph_gives_the_same_gradient_again(check: Check, case: Case) -> None:
    """With the graph retained a second backward MUST give the same gradient again, added to the first."""
    session = TapeSession(check, case)
    y = session.run()
    session.backward(y, retain=True)
    session.holds(*session.case.truth.gradients)
    session.backward(y)
    session.holds(*times(2, session.case.truth.gradients))


@clause(
    "LIFE-3",
    over=programs(lambda ad, x: x * x, mode="tape", shape=(2, 3)),
    level=SHOULD,
    needs=["tape"],
    broken_by=["lenient_backward"],
)
def test_backward_of_an_array_needs_a_cotangent(check: Check, case: Case) -> None:
    """Backward of an output that is not a scalar, without a cotangent, SHOULD raise an exception; what it does is recorded."""
    without_a_cotangent(TapeSession(check, case))


@clause("LIFE-4", over=SQUARES, needs=["tape"], broken_by=["averaged_cotangent"])
def test_backward_with_a_cotangent_is_the_pullback(check: Check, case: Case) -> None:
    """Backward with a cotangent MUST give the pullback of that cotangent."""
    session = TapeSession(check, case)
    session.backward(session.run())
    session.holds(*session.case.truth.gradients)


@clause("LIFE-5", over=SUM_OF_SQUARES, needs=["tape"], broken_by=["doubled_scalar"])
def test_backward_of_a_scalar_starts_from_one(check: Check, case: Case) -> None:
    """Backward of a scalar without a cotangent MUST start from one."""
    session = TapeSession(check, dataclasses.replace(case, cotangents=tuple(map(np.ones_like, case.cotangents))))
    session.backward(session.run(), ct=False)
    session.holds(*session.case.truth.gradients)


@clause("LIFE-6", over=TWO_INPUTS, needs=["tape"], broken_by=["graph_changes_numbers"])
def test_a_graph_of_the_gradient_changes_no_number(check: Check, case: Case) -> None:
    """Asking for gradients that can be differentiated again MUST change no value of them, but by rounding."""
    session = TapeSession(check, case)
    plain = session.grad(session.run(), "without")
    deep = session.grad(session.run(), "with_graph", graph=True)
    for i, (got, want, right) in enumerate(zip(deep, plain, session.case.truth.gradients, strict=True)):
        sides = session.part("with_graph", i), session.part("without", i)
        session.agrees(got, right, i, sides[0])
        session.near(got, want, 2 * right.tolerance[0], "gradient with a graph of itself", *sides)


@clause(
    "LIFE-7", over=programs(lambda ad, x: ad.sum(x * x), mode="tape", shape=(3,)), needs=["tape"], broken_by=["any_cotangent"]
)
def test_a_cotangent_of_another_shape_is_refused(check: Check, case: Case) -> None:
    """A cotangent whose shape is not the output's MUST raise an exception."""
    session = TapeSession(check, case)
    y = session.run()
    ones = np.ones((2, 2), case.dtype)
    wrong = check.native(ones)
    session.say_backward(ct=session.dialect.array.format(values=ones.tolist(), dtype=case.dtype))
    check.raises(
        lambda: session.tape.backward(y, wrong), "a cotangent of shape (2, 2) for an output of shape ()", session.lines
    )


@clause(
    "LIFE-8",
    over=in_one(lambda dtype: programs(lambda ad, x: x * 2.0, mode="tape", shape=(2,), dtypes=[dtype])),
    level=INFO,
    kind=CONVENTION,
    needs=["tape"],
)
def test_backward_without_a_leaf_is_recorded(check: Check, case: Case) -> None:
    """What backward of a value that depends on no leaf does is recorded."""
    constant = check.native(case.inputs[0][0])
    ct = check.native(case.cotangents[0][0])
    try:
        with check.backend_call("backward"):
            tape_of(check.backend).backward(constant, ct)
        answer = "does nothing"
    except (Nonconformance, Unsupported) as wrong:  # any answer is recorded
        answer = f"raises {kind(wrong.__cause__)}"
    check.observe("backward of a constant", answer)
