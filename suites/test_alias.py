"""Aliases: arrays that are changed in place, and views that share memory."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from clinometer.backends.protocol import in_place_tape_of
from clinometer.harness.cells import DTYPES, Cell
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import Unsupported
from clinometer.harness.mutation import TAKEN, MutationSession, changed, holds, sharing
from clinometer.harness.tape import times
from clinometer.harness.transcript import Transcript
from clinometer.journal.vocabulary import CONVENTION, INFO
from clinometer.strategies.mutations import (
    BINARY,
    UNARY,
    VIEWS,
    Mutation,
    MutationCase,
    MutationProgram,
    Seen,
    change,
    ending,
    make,
    mutation_cases,
    twin,
)
from clinometer.strategies.random_mutations import mutation_programs

NEEDS = ["tape", "inplace"]
START = make("a", "multiply", "x", 0.5)  # of its result and its argument no pullback needs anything
CONSTANT = [make("z", "stop_gradient", "y"), make("o", "multiply", "z", 0.0)]  # memory to be filled
WHOLE = ["torch_off_the_record"]


def mutation_cells(**patterns: Sequence[Mutation | str]) -> list[Cell]:
    """Return a cell for each mutation program in each dtype; a name of an array at its end stands for `ending`."""
    cells = []
    for name, mutations in patterns.items():
        last = [mutation for mutation in mutations if isinstance(mutation, str)]
        mutated = MutationProgram(
            (*(m for m in mutations if not isinstance(m, str)), *ending(last)), name=name.replace("_", " ")
        )
        cells += [
            Cell(
                dtype=dtype,
                mode="tape",
                parameters=mutated.name,
                strategy=mutation_cases(mutated, dtype),
                operations=mutated.operations,
            )
            for dtype in DTYPES
        ]
    return cells


# ----- after it was used -----

LATE = mutation_cells(
    output_of_exp=[make("b", "exp", "x"), make("c", "sin", "b"), change("b", "multiply", "y"), "b", "c"],
    output_of_tanh=[make("b", "tanh", "x"), change("b", "multiply", 3.0), "b"],
    output_of_exp_overwritten=[make("b", "exp", "x"), make("c", "add", "b", "y"), change("b", "set", 0.0, key=...), "c"],
    operand_of_multiply=[START, make("b", "multiply", "a", "y"), change("a", "add", 1.0), "b"],
    operand_of_divide=[make("a", "exp", "x"), make("b", "divide", "y", "a"), change("a", "multiply", 2.0), "b"],
    argument_of_sin=[START, make("b", "sin", "a"), change("a", "subtract", "y"), "a", "b"],
    argument_of_exp_in_place=[START, make("b", "multiply", "a", "y"), change("a", "exp"), "a", "b"],
    part_of_an_operand=[START, make("b", "multiply", "a", "y"), change("a", "set", 7.0, key=(0, 1)), "b"],
    operand_by_a_view=[
        START, make("v", "getitem", "a", key=0), make("b", "multiply", "a", "y"), change("v", "multiply", 2.0), "a", "b",
    ],
    view_by_its_base=[
        START, make("v", "permute_dims", "a", axes=(1, 0)), make("b", "sin", "v"), change("a", "multiply", 2.0), "b", "v",
    ],
    operand_by_a_detached_value=[
        START, make("b", "multiply", "a", "y"), make("d", "stop_gradient", "a"), change("d", "set", 7.0, key=...), "b",
    ],
)  # fmt: skip


@clause("ALIAS-1", over=LATE, needs=NEEDS, broken_by=["torch_unversioned_update", *WHOLE])
def test_what_a_pullback_needs_does_not_change_unnoticed(check: Check, mutation_case: MutationCase) -> None:
    """Changing in place what a pullback still needs MUST raise an exception or leave every gradient right."""
    check.observe(f"changed in place after use: {mutation_case.mutated.name}", holds(check, mutation_case, refusable=True))


# ----- before it is used -----

SIMPLE: dict[str, list[Mutation | str]] = {
    **{f"{op}_a_number": [START, change("a", op, 1.5), "a"] for op in BINARY},
    **{op: [START, change("a", op), "a"] for op in UNARY},
    **{f"{op}_an_array": [START, change("a", op, "y"), "a"] for op in ("add", "subtract", "multiply")},
}
EARLY = mutation_cells(
    **SIMPLE,
    divide_by_an_array=[START, make("e", "exp", "y"), change("a", "divide", "e"), "a"],
    constant=[*CONSTANT, START, change("o", "add", "a"), change("o", "multiply", 2.0), "o"],
    constant_operand=[make("c", "stop_gradient", "y"), START, change("a", "multiply", "c"), "a"],
)


@clause("ALIAS-2", over=EARLY, needs=NEEDS, broken_by=["update_without_a_past", *WHOLE])
def test_a_change_before_use_counts(check: Check, mutation_case: MutationCase) -> None:
    """A value changed in place before it is used MUST count with its new value, and with the gradients of the change."""
    holds(check, mutation_case)


BETWEEN = mutation_cells(
    added_to=[START, make("b", "add", "a", "y"), change("a", "add", "x"), make("c", "add", "a", "y"), "a", "b", "c"],
    scaled=[START, make("b", "add", "a", "y"), change("a", "multiply", 3.0), make("c", "add", "a", "y"), "a", "b", "c"],
    squashed=[START, make("b", "subtract", "y", "a"), change("a", "tanh"), make("c", "multiply", "a", "y"), "b", "c"],
    in_part=[
        START, make("w", "getitem", "y", key=1), make("b", "add", "a", "y"), change("a", "set", "w", key=0),
        make("c", "sin", "a"), "b", "c",
    ],
    twice=[START, change("a", "add", "x"), make("b", "add", "a", "y"), change("a", "subtract", "y"), "a", "b"],
)  # fmt: skip


@clause("ALIAS-3", over=BETWEEN, needs=NEEDS, broken_by=["update_without_a_past", "rewritten_past", *WHOLE])
def test_each_use_has_the_value_of_its_time(check: Check, mutation_case: MutationCase) -> None:
    """A use before a change in place MUST have the gradient of the old value, and one after it that of the new."""
    holds(check, mutation_case)


# ----- views -----


def seen_as(op: str, **params: object) -> list[Mutation | str]:
    """Return the mutations that change a view, use it, and use its base."""
    return [START, make("v", op, "a", **params), change("v", "multiply", 2.0), change("v", "add", 0.5), "v", "a"]


SEEN = mutation_cells(
    row=seen_as("getitem", key=1),
    column=seen_as("getitem", key=(..., 0)),
    every_other_column=seen_as("getitem", key=(slice(None), slice(None, None, 2))),
    one_entry=seen_as("getitem", key=(0, 1)),
    reshaped=seen_as("reshape", shape=(3, 2)),
    transposed=seen_as("permute_dims", axes=(1, 0)),
    part_of_a_view=[START, make("v", "getitem", "a", key=1), change("v", "set", 3.0, key=slice(0, 2)), "a", "v"],
    view_of_a_view=[
        START, make("v", "permute_dims", "a", axes=(1, 0)), make("w", "getitem", "v", key=2), change("w", "add", 1.0),
        "a", "v", "w",
    ],
    base=[START, make("v", "getitem", "a", key=0), change("a", "multiply", 2.0), "v", "a"],
    two_views=[
        START, make("v", "getitem", "a", key=0), make("w", "reshape", "a", shape=(6,)),
        change("v", "exp"), change("w", "add", 1.0), "a", "v", "w",
    ],
    base_then_view=[START, make("v", "getitem", "a", key=(..., 1)), change("a", "tanh"), change("v", "multiply", 2.0), "a"],
    with_an_operand=[
        START, make("v", "getitem", "a", key=0), make("w", "getitem", "y", key=1), change("v", "add", "w"), "a", "v",
    ],
)  # fmt: skip


@clause("ALIAS-4", over=SEEN, needs=NEEDS, broken_by=["torch_view_without_a_base", *WHOLE])
def test_a_view_and_its_base_change_together(check: Check, mutation_case: MutationCase) -> None:
    """Where a view shares memory, a change of it or of its base MUST be one of both, with the gradients of both."""
    holds(check, mutation_case)


# ----- leaves -----

LEAF = mutation_cells(
    added_to=[change("x", "add", "y"), "x"],
    squared=[change("x", "multiply", "x"), "x"],
    exp=[change("x", "exp"), "x"],
    part=[change("x", "set", 1.0, key=0), make("b", "sin", "x"), "b"],
    after_use=[make("b", "sin", "x"), change("x", "multiply", 2.0), "b"],
    by_a_view=[make("v", "getitem", "x", key=0), change("v", "multiply", 2.0), "v", "x"],
)


@clause("ALIAS-5", over=LEAF, needs=NEEDS, broken_by=["torch_pliable_leaf", "update_without_a_past"])
def test_a_leaf_does_not_change_unnoticed(check: Check, mutation_case: MutationCase) -> None:
    """Changing a leaf in place MUST raise, or give it the gradient of its first value, or else of its present one."""
    check.observe(
        f"leaf changed in place: {mutation_case.mutated.name}", holds(check, mutation_case, refusable=True, leaves=True)
    )


STEP = mutation_cells(step=[make("a", "multiply", "x", "y"), make("b", "sin", "x"), "a", "b"])


@clause("ALIAS-6", over=STEP, needs=[*NEEDS, "no_grad"], broken_by=["idle_step", "stale_step"])
def test_after_a_step_under_no_grad_all_is_new(check: Check, mutation_case: MutationCase) -> None:
    """After leaves were changed in place under no-grad, as an optimizer does, the next backward MUST be right there."""
    session = MutationSession(check, mutation_case)
    for step in range(4):
        # f of what the leaves were at first, so that the transcript begins there.
        scaled = [change(name, "multiply", 0.5**step) for name in session.names]
        session.case = dataclasses.replace(
            session.case, program=twin(MutationProgram((*scaled, *mutation_case.mutated.mutations)))[0]
        )
        session.backward(session.carry_out(mutation_case.mutated.mutations))
        session.holds(*times(2.0**step, session.case.truth.gradients))
        session.zero()
        with session.no_grad():
            for name in session.names:
                session.step(name, "multiply", 0.5)
        session.leaves = [session.arrays[name] for name in session.names]


# ----- operands -----


def with_part(op: str, key: object) -> list[Mutation | str]:
    """Return the mutations that change an array by a part of y."""
    return [START, make("w", "getitem", "y", key=key), change("a", op, "w"), "a", "w"]


SMALL = mutation_cells(
    row=with_part("add", 0),
    column=with_part("subtract", (slice(None), slice(0, 1))),
    number=with_part("add", (0, 0)),
    row_times=with_part("multiply", 1),
    written=[START, make("w", "getitem", "y", key=0), change("a", "set", "w", key=...), "a", "w"],
    written_in_part=[START, make("w", "getitem", "y", key=(0, 0)), change("a", "set", "w", key=(slice(None), 1)), "a"],
)


@clause("ALIAS-7", over=SMALL, needs=NEEDS, broken_by=["lost_broadcast_sum", *WHOLE])
def test_an_operand_that_spreads_gets_the_sum(check: Check, mutation_case: MutationCase) -> None:
    """The gradient of an operand that broadcasts into a change in place MUST be summed over what it was broadcast to."""
    holds(check, mutation_case)


class Changes(Transcript):
    """Arrays that are changed in the words of a tape."""

    needs = ("tape",)


@clause("ALIAS-8", needs=NEEDS, broken_by=["torch_growing_update"])
def test_no_change_makes_an_array_larger(check: Check) -> None:
    """A change in place by an operand that does not broadcast into the array MUST raise an exception."""
    said = Changes(check, small=np.ones(3, check.real), large=np.ones((2, 3), check.real))
    small, large = said.arrays.values()
    said.lines.append(changed(said.dialect.tape, "add", "small", "large"))
    what = "an array of shape (3,) that takes one of shape (2, 3)"

    def grown() -> Any:
        found = in_place_tape_of(check.backend).update("add", small, large)
        if found is not small and check.numpy(small).shape == (3,):
            raise Unsupported(f"{what} stays as it is: the sum is a new array")
        return found

    said.raises(grown, what)


SELF = mutation_cells(
    doubled=[START, change("a", "add", "a"), "a"],
    subtracted=[START, change("a", "subtract", "a"), "a"],
    squared=[START, change("a", "multiply", "a"), "a"],
    by_its_row=[START, make("v", "getitem", "a", key=0), change("a", "add", "v"), "a"],
    shifted=[
        START, make("v", "getitem", "a", key=(..., slice(1, None))), change("a", "add", "v", key=(..., slice(0, 2))), "a", "v",
    ],
    shifted_back=[
        START, make("v", "getitem", "a", key=(..., slice(0, 2))), change("a", "add", "v", key=(..., slice(1, None))), "a", "v",
    ],
    by_its_transpose=[
        START, make("s", "getitem", "a", key=(slice(None), slice(0, 2))), make("v", "permute_dims", "s", axes=(1, 0)),
        change("s", "add", "v"), "a",
    ],
)  # fmt: skip


@clause("ALIAS-9", over=SELF, needs=NEEDS, broken_by=["self_once", *WHOLE])
def test_an_array_may_be_its_own_operand(check: Check, mutation_case: MutationCase) -> None:
    """A change by the array itself or by a view of it MUST raise an exception or have the gradients of both roles."""
    check.observe(f"changed in place by itself: {mutation_case.mutated.name}", holds(check, mutation_case, refusable=True))


EXPANDED = [START, make("w", "getitem", "a", key=0), make("e", "broadcast_to", "w", shape=(2, 3))]
WIDE = mutation_cells(
    multiplied=[*EXPANDED, change("e", "multiply", "y"), "e"],
    added_to=[*EXPANDED, change("e", "add", "y"), "e"],
    squashed=[*EXPANDED, change("e", "tanh"), "e"],
)


@clause("ALIAS-10", over=WIDE, needs=NEEDS, broken_by=["torch_written_rows"])
def test_an_expanded_array_is_not_written_over_and_over(check: Check, mutation_case: MutationCase) -> None:
    """Changing an array whose entries share one place in memory MUST raise an exception or have the right gradients."""
    check.observe(f"expanded array changed in place: {mutation_case.mutated.name}", holds(check, mutation_case, refusable=True))


# ----- loops and parts -----

ROUNDS = [change("a", "multiply", 0.5), change("a", "add", "x")] * 6
TOTALS = [make("u", "sum", "x"), make("v", "sum", "y")]
PLACES = [(i, j) for i in range(2) for j in range(3)]
LOOP = mutation_cells(
    accumulated=[START, *ROUNDS, "a"],
    squashed=[START, *[change("a", "tanh")] * 3, "a"],
    filled=[*CONSTANT, *TOTALS, *(change("o", "set", "uv"[n % 2], key=place) for n, place in enumerate(PLACES)), "o"],
    added_up=[*CONSTANT, *TOTALS, *(change("o", "add", "uv"[n % 2], key=place[0]) for n, place in enumerate(PLACES)), "o"],
)


@clause("ALIAS-11", over=LOOP, needs=NEEDS, broken_by=["last_trip_only", *WHOLE])
def test_changes_in_a_loop_add_up(check: Check, mutation_case: MutationCase) -> None:
    """An array that is changed in place again and again MUST have the gradient of all rounds."""
    holds(check, mutation_case)


def written(key: object, part: object = None) -> list[Mutation | str]:
    """Return the mutations that write y, or a part of it, into a part of an array."""
    value = [] if part is None else [make("w", "getitem", "y", key=part)]
    return [START, *value, change("a", "set", "w" if value else "y", key=key), "a"]


PARTS = mutation_cells(
    all=written(...),
    row=written(0, 1),
    column=written((..., 1), (..., 2)),
    slice=written((slice(None), slice(0, 3, 2)), (slice(None), slice(1, 3))),
    rows_by_number=written([1, 0]),
    rows_by_mask=written([False, True], slice(0, 1)),
    a_number=[START, change("a", "set", 0.5, key=(..., 1)), "a"],
    twice=[START, change("a", "set", "y", key=...), change("a", "set", "x", key=...), "a"],
    row_times=[START, change("a", "multiply", 3.0, key=1), "a"],
    rows_by_number_plus=[START, change("a", "add", "y", key=[1, 0]), "a"],
)


@clause("ALIAS-12", over=PARTS, needs=NEEDS, broken_by=["ghost_of_the_overwritten", "mute_write", *WHOLE])
def test_what_is_overwritten_gets_nothing(check: Check, mutation_case: MutationCase) -> None:
    """Entries that are overwritten MUST get a gradient of zero, and what is written in their place all of theirs."""
    holds(check, mutation_case)


# ----- whatever is drawn -----

ANY = [
    Cell(
        dtype=dtype,
        mode="tape",
        parameters="drawn",
        strategy=mutation_cases(mutation_programs(), dtype),
        operations=frozenset({*BINARY, *UNARY, *VIEWS, "sum"} - {"entry"}),
        budget_factor=6,
    )
    for dtype in DTYPES
]


@clause(
    "ALIAS-13",
    over=ANY,
    needs=NEEDS,
    broken_by=["update_without_a_past", "torch_unversioned_update", "torch_view_without_a_base", "mute_write", *WHOLE],
)
def test_any_changes_and_views_are_right(check: Check, mutation_case: MutationCase) -> None:
    """A program with views and changes in place MUST have its gradients, or raise where it changes what a pullback needs."""
    holds(check, mutation_case)


@clause("ALIAS-14", level=INFO, kind=CONVENTION, needs=NEEDS)
def test_sharing_of_memory_is_recorded(check: Check) -> None:
    """Whether views share memory with what they are taken from is recorded."""
    shares = sharing(check)
    for view in TAKEN:
        added, written = (shares(Seen(view, op, part)) for op, part in (("add", False), ("set", True)))
        both = "shared" if added else "its own"
        check.observe(f"memory of a view by {view}", both if added == written else "shared when it is set, not when added to")
