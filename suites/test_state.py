"""State: no call of a library is felt by another."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.backends.raised import kind
from clinometer.harness.cells import DTYPES, Cell, programs
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.concurrency import (
    Call,
    Calls,
    Drawn,
    anew,
    at_once,
    differing,
    printed,
    repeatable,
    repeated,
    single_points,
)
from clinometer.harness.findings import Finding, Nonconformance, Relation
from clinometer.harness.tape import TapeSession
from clinometer.journal.vocabulary import CONVENTION, INFO
from clinometer.reference.case import Case
from clinometer.reference.program.tracing import trace
from clinometer.strategies import program_cases

PROGRAMS = {
    "elementwise": trace(lambda ad, x, y: ad.sin(x) * y + ad.exp(x * 0.25)),
    "reduction": trace(lambda ad, x, y: ad.sum(ad.tanh(x) * y) * ad.sum(x)),
    "one path": trace(lambda ad, x: ad.sin(x * x)),
}
REGION = ["tape", "no_grad"]
SHAPES = [(2, 3), (3, 2), (6,), (1, 3), ()]


def pairs(*names: tuple[str, str], shapes: Any = (2, 3)) -> list[Cell]:
    """Return a cell for each pair of programs in each dtype; `shapes` draws a shape for each, or is one."""

    def cell(first: str, second: str, dtype: str) -> Cell:
        one, other = PROGRAMS[first], PROGRAMS[second]
        drawn = st.tuples(program_cases(one, dtype, shape=shapes), program_cases(other, dtype, shape=shapes))
        title = first if first == second else f"{first}, {second}"
        return Cell(
            dtype=dtype,
            mode="reverse",
            parameters=title,
            strategy=drawn,
            operations=one.operations() | other.operations(),
        )

    return [cell(*pair, dtype) for pair in names for dtype in DTYPES]


SAME = [(name, name) for name in PROGRAMS]
TWO = [("elementwise", "reduction"), ("one path", "elementwise"), ("elementwise", "elementwise")]


# ----- one function, called again -----


@clause("STATE-1", over=pairs(*SAME), broken_by=["stale_call", "last_graph"])
def test_a_call_at_another_point_is_as_right_as_the_first(check: Check, drawn: Drawn) -> None:
    """One function MUST be differentiated rightly at every point, in whichever order calls and pullbacks come."""
    points, calls = single_points(drawn), Calls(check)
    f = calls.define(points[0])
    for one in points:
        Call(calls, one, f).holds()
    opened = [Call(calls, one, f) for one in points]
    for call in reversed(opened):
        call.holds()


@clause("STATE-2", over=pairs(*SAME, shapes=st.sampled_from(SHAPES)), broken_by=["first_shape"])
def test_a_call_with_another_shape_is_as_right_as_the_first(check: Check, drawn: Drawn) -> None:
    """One function MUST be differentiated rightly for inputs of another shape, and then of the first one again."""
    points, calls = single_points(drawn), Calls(check)
    f = calls.define(points[0])
    for one in (*points, points[0]):
        Call(calls, one, f).holds()


# ----- several functions, open at once -----


@clause("STATE-3", over=pairs(*TWO), broken_by=["last_graph"])
def test_open_calls_do_not_mix(check: Check, drawn: Drawn) -> None:
    """Pullbacks of functions that were called one after the other MUST each be of their own, in any order."""
    calls = Calls(check)
    opened = [Call(calls, one) for one in single_points(drawn)]
    for call in (*reversed(opened), *opened):
        call.holds()


@clause("STATE-4", over=pairs(*TWO), broken_by=["recycled_buffer", "last_graph"])
def test_what_was_given_out_stays(check: Check, drawn: Drawn) -> None:
    """A gradient that was given out MUST keep its bits, and its pullback repeat them, whatever is called afterwards, since
    on a CPU the same sums in the same order are the same numbers."""
    calls = Calls(check)
    first, *others = [Call(calls, one) for one in single_points(drawn)]
    given = first.pull()
    names = first.case.program.inputs
    before = first.kept(given)
    for call in others:
        call.holds()
    with calls:
        for i, (name, g, old) in enumerate(zip(names, given, before, strict=True)):
            claim, about = f"gradient of {name}, after other calls", first.side(i, before=True)
            check.same(np.array(check.numpy(g)), old, claim, first.case, about=about)
        for i, (name, new, old) in enumerate(zip(names, first.gradients(), before, strict=True)):
            claim, about = f"gradient of {name}, asked again after other calls", first.side(i, before=True)
            check.same(new, old, claim, first.case, about=about)


BOTH = trace(lambda ad, x, y: (ad.sin(x) * y, ad.exp(x * 0.25) * y * y))


@clause("STATE-5", over=programs(BOTH, mode="tape"), needs=["tape"], broken_by=["freeing_neighbours", "overwriting_backward"])
def test_two_graphs_over_the_same_leaves_add(check: Check, case: Case) -> None:
    """Two graphs over the same leaves MUST go backward in either order, and the leaves get the sum."""
    for order in ((0, 1), (1, 0)):
        session = TapeSession(check, case)
        outs = session.run()
        for k in order:
            session.backward(outs[k], which=k)
        session.holds(*session.case.truth.gradients)


# ----- threads and processes -----


@clause("STATE-6", over=pairs(*TWO), broken_by=["shared_leaves"])
def test_threads_do_not_meet(check: Check, drawn: Drawn) -> None:
    """Two threads that differentiate at the same time MUST each get the gradients of their own function."""
    points = single_points(drawn)
    pair = (points[0], points[-1])
    calls, answers = at_once(check, pair)
    for k, (one, (value, *gradients)) in enumerate(zip(pair, answers, strict=True)):
        check.points += 1
        with calls:
            check.agrees(value[None], one.truth.values[0], one, "value", about=Relation(calls.read(f"found[{k}][0]")))
            for which, (got, want) in enumerate(zip(gradients, one.truth.gradients, strict=True)):
                about = Relation(calls.read(f"found[{k}][{which + 1}]"))
                check.agrees(got[None], want, one, "reverse", which, about=about)


@clause("STATE-7", broken_by=["hash_seeded"])
def test_another_process_gives_the_same_bits(check: Check) -> None:
    """The same question in another process, with hashes of another seed, MUST be answered with the same bits, since
    on a CPU the same sums in the same order are the same numbers."""
    with check.backend_call("in this process"):
        here = repeated(check.backend)
    with check.backend_call("in another process"):
        there = anew(check.backend)
    check.points += len(here)
    wrong = sorted(differing(here, there))
    if wrong:
        text = f"another process gives other bits: {', '.join(wrong)}"
        case = repeatable(check)[wrong[0]]
        found = printed(check, case).told(Finding(text, case, elsewhere=True))
        raise Nonconformance("fail", text, found)


# ----- interruptions -----


class Interruption(Exception):
    """Ends a function that is being differentiated."""


def interrupted(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that raises when all is computed."""

    def g(*xs: Any) -> Any:
        f(*xs)
        raise Interruption

    return g


@clause("STATE-8", over=pairs(*SAME), broken_by=["busy"])
def test_an_exception_leaves_nothing_behind(check: Check, drawn: Drawn) -> None:
    """An exception raised by a differentiated function MUST reach the caller, and MUST NOT be felt by the next call."""
    first, *others = single_points(drawn)
    calls = Calls(check)
    f = calls.define(first)
    before = Call(calls, first, f)
    inputs = [check.native(np.array(x[0])) for x in first.inputs]
    xs = ", ".join(first.program.inputs)
    calls.given["Interruption"] = "class Interruption(Exception):\n    pass"
    calls.given["interrupted"] = f"def interrupted({xs}):\n    {f}({xs})\n    raise Interruption"
    asked = calls.asked("interrupted", first)
    calls.lines += ["raised = None", "try:", f"    {asked}", "except Exception as error:", "    raised = type(error)"]
    text = "an exception in a differentiated function is lost"
    with check.backend_call("vjp of a function that raises"):
        try:
            check.backend.vjp(interrupted(calls.functions[f]), *inputs)
            raised = None
        except Exception as error:  # any is a result
            raised, text = type(error), f"the exception comes out as {kind(error)}"
    calls.require(raised is Interruption, text, "raised is Interruption")
    for one in (*others, first):
        Call(calls, one, f).holds()
    before.holds()


@clause("STATE-9", over=pairs(*SAME), needs=REGION, broken_by=["offended_by_no_grad"])
def test_a_call_under_no_grad_leaves_nothing_behind(check: Check, drawn: Drawn) -> None:
    """After a gradient was asked for under no-grad, whatever came of that, the next one outside MUST be right."""
    first, *others = single_points(drawn)
    calls, session = Calls(check), TapeSession(check, first)
    f = calls.define(first)
    before = Call(calls, first, f)
    done = len(calls.lines)
    with session.no_grad(), contextlib.suppress(Exception):
        Call(calls, first, f).pull()
    suppressed = ["try:", *(f"    {line}" for line in calls.lines[done:]), "except Exception as error:", "    print(error)"]
    calls.lines[done:] = [session.words["no_grad"], *(f"    {line}" for line in suppressed)]
    for one in (*others, first):
        Call(calls, one, f).holds()
    before.holds()


@clause("STATE-10", over=programs(PROGRAMS["one path"], mode="tape"), level=INFO, kind=CONVENTION, needs=REGION)
def test_a_backward_from_under_no_grad_is_recorded(check: Check, case: Case) -> None:
    """What comes of a backward from a value that was computed under no-grad is recorded."""
    session = TapeSession(check, case)
    try:
        with session.no_grad():
            y = session.run()
        session.backward(y)
        found = session.gradient()
    except Nonconformance as wrong:  # any answer is recorded
        answer = wrong.answer
    else:
        answer = "no gradient" if found is None else "a gradient" if np.any(found) else "zeros"
    check.observe("backward of a value computed under no_grad", answer)


@clause("STATE-11", over=pairs(*TWO), needs=["nested"], broken_by=["inner_ends_outer"])
def test_a_gradient_within_a_function_is_not_felt_around_it(check: Check, drawn: Drawn) -> None:
    """A function that takes another gradient on its way MUST have its own gradient, and the other MUST be right too."""
    points, calls = single_points(drawn), Calls(check)
    outer, inner = points[0], points[-1]
    f, g, seen = calls.define(outer), calls.define(inner), []

    def interrupting(*xs: Any) -> Any:
        seen.append(Call(calls, inner, g, said=False))
        seen[-1].holds()
        return calls.functions[f](*xs)

    xs = ", ".join(outer.program.inputs)
    calls.functions["interrupting"] = interrupting
    calls.given["interrupting"] = (
        f"def interrupting({xs}):\n    global out2, pullback2, gradients2\n    out2, pullback2 = {calls.asked(g, inner)}\n"
        f"    gradients2 = pullback2(ct{calls.place(inner)})\n    return {f}({xs})"
    )
    Call(calls, outer, "interrupting").holds()
    seen[0].said = True
    seen[0].holds()
