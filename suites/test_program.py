"""Whole programs: operations, detached values, branches and loops composed at random.

Programs that fail are shrunk, and the first of their steps that is wrong by itself is named; where each is right, the
fault lies in how they meet.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.harness.cells import Cell
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import both_modes, compared, felt
from clinometer.harness.localize import blaming
from clinometer.harness.tape import TapeSession
from clinometer.harness.transforms import by_jit, by_vmap, traced_by
from clinometer.reference.arithmetic.rounding import EXTENDED
from clinometer.reference.case import Case
from clinometer.reference.truth.expected import Expected
from clinometer.strategies.programs.random import random_programs
from clinometer.strategies.programs.rewriting import REWRITINGS, Rewriting, Rewritten, detached, rewritten
from clinometer.strategies.programs.steps import KINDS as ALL_KINDS
from clinometer.strategies.programs.steps import OPERATIONS

DTYPES = ("float32", "float64", "bfloat16")
KINDS: dict[str, dict[str, Any]] = {  # what programs are made of
    "straight": {"kinds": (*OPERATIONS, "detach")},
    "control": {"most": 12},  # every kind, those with blocks too
}
MANY = 20  # times as many programs as a profile has examples: there are more of them than of an operation's cases


@functools.cache
def drawn(dtype: str, kind: str, points: int = 1) -> st.SearchStrategy[Case]:
    """Return one strategy for all clauses that ask about these programs: what it draws is then drawn once."""
    return random_programs(dtype, points=points, **KINDS[kind])


def whole(mode: str, *, dtypes: tuple[str, ...] = DTYPES, points: int = 1, budget_factor: int = MANY) -> list[Cell]:
    """Return a cell of random programs for each kind and dtype."""
    return [
        Cell(
            dtype=dtype,
            mode=mode,
            parameters=kind,
            strategy=drawn(dtype, kind, points),
            budget_factor=budget_factor,
            shrink_as_program=True,
        )
        for kind in KINDS
        for dtype in dtypes
    ]


@clause("PROGRAM-1", over=whole("value"), broken_by=["coarse_value"])
def test_the_value_of_a_program_is_that_of_its_steps(check: Check, case: Case) -> None:
    """The value of a program MUST be what its steps give, one after the other."""
    with blaming(check, case, "value"):
        check(case, "value")


@clause("PROGRAM-2", over=whole("reverse"), broken_by=["third_use_lost", "wrong_order_in_a_diamond", "late_binding"])
def test_the_gradient_of_a_program_is_right(check: Check, case: Case) -> None:
    """The gradient of a program MUST be right in reverse mode, whatever it is composed of."""
    with blaming(check, case, "reverse"):
        check(case, "reverse")


@clause("PROGRAM-3", over=whole("forward"), needs=["forward"], broken_by=["scaled_tangent", "confused_perturbations"])
def test_the_tangent_of_a_program_is_right(check: Check, case: Case) -> None:
    """The tangent of a program MUST be right in forward mode, whatever it is composed of."""
    with blaming(check, case, "forward"):
        check(case, "forward")


@clause("PROGRAM-4", over=whole("forward"), needs=["forward"], broken_by=["scaled_tangent"])
def test_both_modes_give_one_number(check: Check, case: Case) -> None:
    """Of a program, <u, Jv> by forward mode and <J'u, v> by reverse mode MUST be the same number."""
    with blaming(check, case, "forward", "reverse"):
        _hold_both(check, case)


def _hold_both(check: Check, case: Case) -> None:
    check.points += case.points
    _, gradients = check.pull(case)
    _, dy = check.push(case)
    left, left_doubt = _product(case.cotangents, [dy], case.truth.tangents)
    right, right_doubt = _product(case.tangents, gradients, case.truth.gradients)
    check.near(left, right, left_doubt + right_doubt, "<u, Jv> beside <J'u, v>", case, both_modes(case))


def _product(along: Any, found: list[np.ndarray], right: list[Expected]) -> tuple[np.ndarray, np.ndarray]:
    """Return inner products at each point, and how far they may be off by the tolerances of what is right."""
    total, doubt = np.zeros(len(found[0]), EXTENDED), np.zeros(len(found[0]), EXTENDED)
    for u, x, expected in zip(along, found, right, strict=True):
        axes = tuple(range(1, u.ndim))
        total += (u.astype(EXTENDED) * x.astype(EXTENDED)).sum(axes)
        doubt += (abs(u).astype(EXTENDED) * expected.tolerance.astype(EXTENDED)).sum(axes)
    return total, doubt


def _curved(id: str, mode: str, planted: str) -> Callable[..., None]:
    """Register the clause about one composition of the two modes."""

    def body(check: Check, case: Case) -> None:
        with blaming(check, case, mode):
            check(case, mode)

    body.__name__ = f"test_a_hessian_vector_product_by_{mode.replace('-', '_')}_is_right"
    body.__doc__ = f"The product of a program's Hessian with a vector MUST be right by {mode.replace('-', ' ')} mode."
    cells = whole(mode, dtypes=("float32", "float64"), budget_factor=MANY // 2)
    needs = ["nested"] if mode == "reverse-over-reverse" else ["nested", "forward"]
    return clause(id, over=cells, needs=needs, broken_by=[planted], judges_dtype="forward" in mode)(body)


test_reverse_over_reverse = _curved("PROGRAM-5", "reverse-over-reverse", "frozen_operand")
test_forward_over_reverse = _curved("PROGRAM-6", "forward-over-reverse", "bent_slope")
test_reverse_over_forward = _curved("PROGRAM-7", "reverse-over-forward", "constant_tangents")


@clause("PROGRAM-8", over=whole("reverse", points=2, budget_factor=MANY // 2), broken_by=["stale_call", "frozen_branch"])
def test_a_second_call_is_as_right_as_the_first(check: Check, case: Case) -> None:
    """A program called at one point and then at another, where it may take another path, MUST be right at both."""
    with felt(case), blaming(check, case, "reverse"):
        check(case, "reverse")


@functools.cache
def other_way(dtype: str, kind: str, rewriting: Rewriting) -> st.SearchStrategy[Rewritten]:
    """Return a strategy of programs that are to be rewritten."""
    return rewritten(drawn(dtype, kind), rewriting)


def rewritings(*ways: Rewriting) -> list[Cell]:
    """Return a cell of programs written in two ways for each rewriting, kind and dtype."""
    return [
        Cell(
            dtype=dtype,
            mode="reverse",
            parameters=f"{kind}, {way.__name__}",
            strategy=other_way(dtype, kind, way),
            budget_factor=MANY // 4,
            shrink_as_program=True,
        )
        for way in ways
        for kind in KINDS
        for dtype in ("float32", "float64")
    ]


@clause("PROGRAM-9", over=rewritings(detached), needs=["stop_gradient"], broken_by=["leaky_detach"])
def test_a_detached_value_changes_the_gradient_alone(check: Check, before: Rewritten) -> None:
    """A program with one more value detached MUST have the same value, within rounding, and the gradient of what is left."""
    after = before.after
    with blaming(check, after, "reverse"):
        check(after, "reverse")
    tolerance = before.truth.values[0].tolerance + after.truth.values[0].tolerance
    about = compared(after, before, "value")
    check.near(check.value(after), check.value(before), tolerance, "value with a detached value", after, about)


@clause("PROGRAM-10", over=rewritings(*REWRITINGS.values()), broken_by=["wrong_order_in_a_diamond"])
def test_a_program_written_in_another_way_has_the_same_gradient(check: Check, before: Rewritten) -> None:
    """A program written in another way (a value computed twice, steps in another order, a part made a function, a function
    made a part) MUST have the same gradient."""
    after = before.after
    check.points += after.points
    with blaming(check, after, "reverse"):
        _, gradients = check.pull(after)
        for which, (got, one, other) in enumerate(zip(gradients, before.truth.gradients, after.truth.gradients, strict=True)):
            check.agrees(got, Expected(one.value, one.tolerance + other.tolerance), after, "reverse", which)


VARIED = whole("reverse", dtypes=("float32", "float64"), points=2, budget_factor=MANY // 4)


@clause(
    "PROGRAM-11",
    over=[cell for cell in VARIED if cell.parameters == "straight"],
    needs=["vmap"],
    broken_by=["summed_vmap"],
)
def test_a_gradient_is_mapped_over_a_batch(check: Check, case: Case) -> None:
    """The gradient of a program without control flow, mapped over a batch of points, MUST be that at each point."""
    with blaming(check, case, "reverse"):
        by_vmap(check, case, "reverse")


@clause("PROGRAM-12", over=VARIED, needs=["cond", "while_loop", "scan"], broken_by=["dropped_last_trip", "deaf_capture"])
def test_control_flow_in_the_librarys_own_words_changes_nothing(check: Check, case: Case) -> None:
    """The gradient of a program MUST be the same where the library's own cond, while_loop and scan take the place of
    Python's control flow."""
    with blaming(check, case, "reverse"), traced_by(check, case):
        check(case, "reverse")


@clause(
    "PROGRAM-13",
    over=VARIED,
    needs=["jit", "cond", "while_loop", "scan"],
    broken_by=["stale_jit", "branch_frozen_in_trace"],
)
def test_a_program_traced_at_one_point_is_right_at_another(check: Check, case: Case) -> None:
    """The gradient of a program that is traced or compiled at one point MUST be right at another, whichever path it takes."""
    with blaming(check, case, "reverse"):
        by_jit(check, [case], "reverse")


# Of what is within a gradient the tape, which is one graph, would have to be told.
RECORDED = {"straight": KINDS["straight"], "control": {"most": 12, "kinds": tuple(k for k in ALL_KINDS if k != "derivative")}}
SEVERAL = [
    Cell(
        dtype=dtype,
        mode="tape",
        parameters=kind,
        strategy=random_programs(dtype, several=True, **RECORDED[kind]),
        budget_factor=MANY // 2,
        shrink_as_program=True,
    )
    for kind in RECORDED
    for dtype in ("float32", "float64")
]


@clause("PROGRAM-14", over=SEVERAL, needs=["tape"], broken_by=["overwriting_backward", "leftover_cotangents"])
def test_backward_from_each_of_several_outputs_adds_up(check: Check, case: Case) -> None:
    """Of a program with several outputs, going backward from one after the other with the graph retained MUST leave on each
    input the gradient of all."""
    with blaming(check, case, "reverse"):
        session = TapeSession(check, case)
        ys = session.run()
        session.backward_each(ys if isinstance(ys, tuple) else (ys,))
        for which, right in enumerate(session.case.truth.gradients):
            if right.value.any() or session.gradient(which) is not None:  # nothing may have none
                session.holds_one(which, right)
