"""Accumulation: gradients add up on leaves until they are zeroed."""

import numpy as np

from clinometer.harness.cells import programs
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.tape import TapeSession, times
from clinometer.journal.vocabulary import SHOULD
from clinometer.reference.case import Case
from clinometer.suites.programs import SQUARES, TWO_INPUTS

DIAMONDS = {
    "diamond": lambda ad, x: ad.sin(x) * ad.exp(x * 0.25),
    "twice": lambda ad, x: x * x + x,
    "chain of diamonds": lambda ad, x: (lambda a: (lambda b: b * a + b)(a * a))(x * 0.5 + 1.0),
}


@clause("ACC-1", over=SQUARES, level=SHOULD, needs=["tape"], broken_by=["zeros_before_backward"])
def test_there_is_no_gradient_before_the_first_backward(check: Check, case: Case) -> None:
    """Before the first backward a leaf SHOULD have no gradient (None), so that a forgotten backward shows."""
    session = TapeSession(check, case)
    session.run()
    found = session.gradient()
    check.observe("gradient before backward", "none" if found is None else "an array")
    session.require(found is None, "there is a gradient before the first backward", f"{session.unread()} is None")


@clause("ACC-2", over=TWO_INPUTS, needs=["tape"], broken_by=["overwriting_backward", "torch_forgetful_backward"])
def test_two_backwards_add(check: Check, case: Case) -> None:
    """Without zeroing in between, a second backward MUST add to the gradients of all leaves."""
    session = TapeSession(check, case)
    for n in (1, 2, 3):
        session.backward(session.run())
        session.holds(*times(n, session.case.truth.gradients))


@clause("ACC-3", over=TWO_INPUTS, needs=["tape"], broken_by=["deaf_zero"])
def test_after_zeroing_the_sum_begins_anew(check: Check, case: Case) -> None:
    """After zeroing, the next backward MUST leave its own gradient alone."""
    session = TapeSession(check, case)
    session.backward(session.run())
    session.zero()
    session.backward(session.run())
    session.holds(*session.case.truth.gradients)


@clause("ACC-4", over=SQUARES, needs=["tape"], broken_by=["deaf_zero"])
def test_zeroing_leaves_zeros_or_nothing(check: Check, case: Case) -> None:
    """Right after zeroing a leaf MUST have zeros or no gradient; which one is recorded."""
    session = TapeSession(check, case)
    session.backward(session.run())
    session.zero()
    found = session.gradient()
    check.observe("gradient after zeroing", "none" if found is None else "zeros")
    if found is not None:
        session.has(np.zeros_like(session.case.inputs[0][0]), "gradient after zeroing")


@clause(
    "ACC-5", over=programs(*DIAMONDS.values(), names=list(DIAMONDS), mode="tape"), needs=["tape"], broken_by=["last_use_wins"]
)
def test_paths_that_meet_again_add(check: Check, case: Case) -> None:
    """A leaf that is used several times MUST get the sum over all paths."""
    session = TapeSession(check, case)
    session.backward(session.run())
    session.holds(*session.case.truth.gradients)


@clause("ACC-6", over=TWO_INPUTS, needs=["tape"], broken_by=["meddling_grad"])
def test_asking_for_a_gradient_leaves_the_leaves_alone(check: Check, case: Case) -> None:
    """A call that returns gradients MUST equal the truth and MUST NOT touch what has accumulated on the leaves."""
    session = TapeSession(check, case)
    session.backward(session.run())
    before = [session.gradient(i) for i in range(2)]
    y = session.run()
    session.lines.append(f"before = [{session.kept(0)}, {session.kept(1)}]")
    found = session.grad(y, "found")
    for i, (got, expected) in enumerate(zip(found, session.case.truth.gradients, strict=True)):
        session.agrees(got, expected, i, session.part("found", i))
        after = session.gradient(i)
        session.require(after is not None, "the accumulated gradient is gone", f"{session.unread(i)} is not None")
        claim = "accumulated gradient, after a request"
        session.near(after, before[i], 0.0, claim, session.read(session.unread(i)), f"before[{i}]")
