"""Detach: a value cut from the graph keeps its number and loses its derivative."""

import numpy as np

from clinometer.backends.protocol import tape_of
from clinometer.harness.cells import programs
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import Nonconformance, Relation, answered
from clinometer.harness.tape import TapeSession
from clinometer.journal.vocabulary import CONVENTION, INFO
from clinometer.reference.case import Case
from clinometer.reference.program.tracing import trace
from clinometer.suites.programs import CUTS, CUTS_IN_FLOW


@clause(
    "DETACH-1",
    over=programs(lambda ad, x: ad.stop_gradient(x), mode="value", profiles=("normal", "wide")),  # numbers of many bits
    needs=CUTS,
    broken_by=["rounding_detach"],
)
def test_a_detached_value_keeps_every_bit(check: Check, case: Case) -> None:
    """A detached value MUST be bit-identical to what was detached, since nothing is computed."""
    check.same(check.value(case), case.inputs[0], "detached value", case, about=answered(case, "value"))
    check.points += case.points


PARTLY = {
    "x*detach(x)": lambda ad, x: x * ad.stop_gradient(x),
    "detach(x*x)*x": lambda ad, x: ad.stop_gradient(x * x) * x,
    "sin(x)+detach(exp(x))": lambda ad, x: ad.sin(x) + ad.stop_gradient(ad.exp(x)),
    "x-detach(x)": lambda ad, x: x - ad.stop_gradient(x),
    "detach in the middle": lambda ad, x: ad.sin(ad.stop_gradient(ad.cos(x)) * x) * x,
}


@clause(
    "DETACH-2",
    over=programs(*PARTLY.values(), names=list(PARTLY), mode="reverse"),
    needs=CUTS,
    broken_by=["leaky_detach", "greedy_detach", "torch_leaky_detach"],
)
def test_other_paths_stay_open(check: Check, case: Case) -> None:
    """A detached factor MUST contribute nothing, and every other path all of it: in x * detach(x) the gradient is x."""
    check(case, "reverse")


@clause(
    "DETACH-3",
    over=programs(*PARTLY.values(), names=list(PARTLY), mode="forward"),
    needs=[*CUTS, "forward"],
    broken_by=["leaky_detach"],
)
def test_no_tangent_passes_a_detach(check: Check, case: Case) -> None:
    """In forward mode a detached value MUST carry no tangent."""
    check(case, "forward")


WHOLLY = {
    "detach(x)": lambda ad, x: ad.stop_gradient(x),
    "sin(detach(x))": lambda ad, x: ad.sin(ad.stop_gradient(x)) + 0.0 * x,
}


@clause("DETACH-4", over=programs(*WHOLLY.values(), names=list(WHOLLY), mode="reverse"), needs=CUTS, broken_by=["leaky_detach"])
def test_nothing_flows_through_a_detached_value(check: Check, case: Case) -> None:
    """The gradient of a function whose every path is detached MUST be zeros."""
    _, (got,) = check.pull(case)
    about = answered(case, "reverse")
    check.same(got, np.zeros_like(case.inputs[0]), "gradient through detach alone", case, about=about)
    check.points += case.points


@clause(
    "DETACH-5",
    over=programs(*CUTS_IN_FLOW.values(), names=list(CUTS_IN_FLOW), mode="reverse"),
    needs=CUTS,
    broken_by=["leaky_detach", "greedy_detach"],
)
def test_a_detach_cuts_inside_loops_and_branches(check: Check, case: Case) -> None:
    """A detach inside a loop or a branch MUST cut there and nowhere else."""
    check(case, "reverse")


@clause(
    "DETACH-6",
    over=programs(lambda ad, x: x * ad.stop_gradient(x), mode="tape"),
    needs=[*CUTS, "tape"],
    broken_by=["leaky_detach"],
)
def test_the_second_derivative_through_a_detach_is_zero(check: Check, case: Case) -> None:
    """The gradient of x * detach(x) is detach(x), so its own gradient MUST be zero, or there MUST be none."""
    session = TapeSession(check, case)
    y = session.run()
    (first,) = session.grads(y, "first", graph=True)
    session.agrees(check.numpy(first, "the gradient"), session.case.truth.gradients[0], 0, session.part("first", 0))
    try:
        (second,) = session.grads(first, "second", of="first[0]")
    except Nonconformance as error:  # the gradient depends on no leaf, and some libraries refuse to differentiate it
        check.observe("second derivative through detach", error.answer)
        return
    check.observe("second derivative through detach", "none" if second is None else "zeros")
    if second is not None:
        got, side = check.numpy(second), session.part("second", 0)
        check.same(got, np.zeros_like(got), "second derivative of x * detach(x)", session.case, session.lines, Relation(side))


@clause(
    "DETACH-7", over=programs(lambda ad, x: x * x, mode="tape"), needs=["tape", "no_grad"], broken_by=["recording_in_no_grad"]
)
def test_nothing_is_recorded_under_no_grad(check: Check, case: Case) -> None:
    """What is computed under no-grad MUST be a constant, and recording MUST go on after it."""
    session = TapeSession(check, case)
    with session.no_grad():
        session.call("multiply", "x", "x", name="constant")
    session.backward(session.call("multiply", "constant", "x"))
    one = session.case
    session.case = Case(SQUARE_THEN_PRODUCT, one.inputs, one.tangents, one.cotangents, one.dtype)
    session.holds(*session.case.truth.gradients)


SQUARE_THEN_PRODUCT = trace(lambda ad, x: ad.stop_gradient(x * x) * x)


class Interruption(Exception):
    """Leaves a no-grad region the hard way."""


@clause("DETACH-8", over=programs(lambda ad, x: x * x, mode="tape"), needs=["tape", "no_grad"], broken_by=["sticky_no_grad"])
def test_an_exception_ends_a_no_grad_region(check: Check, case: Case) -> None:
    """After a no-grad region that was left by an exception, recording MUST go on."""
    session = TapeSession(check, case)
    try:
        with session.no_grad():
            raise Interruption
    except Interruption:
        pass
    session.backward(session.run())
    session.holds(*session.case.truth.gradients)


@clause("DETACH-9", level=INFO, kind=CONVENTION, needs=[*CUTS, "tape"])
def test_sharing_of_storage_is_recorded(check: Check) -> None:
    """Whether a detached array shares storage with what it was cut from is recorded."""
    with check.backend_call():
        leaf = tape_of(check.backend).leaf(check.backend.asarray(np.zeros(3, check.real)))
        cut = check.backend.to_numpy(check.xp.stop_gradient(leaf))
        shared = np.shares_memory(cut, check.backend.to_numpy(leaf))
    check.observe("storage of a detached array", "shared" if shared else "its own")
