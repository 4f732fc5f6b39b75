"""Cells: what a clause is asked of, an operation in a dtype, a program, or nothing in particular."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, Operation
from clinometer.reference.program.data import Program
from clinometer.reference.program.tracing import trace
from clinometer.strategies import operation_cases, pinned_case, program_cases
from clinometer.strategies.arrays import DISTRIBUTIONS
from clinometer.strategies.cases import POINTS
from clinometer.strategies.forms import FORMS

DTYPES = ("float32", "float64")
OF_A_BATCH = 3  # as many cases, where all are judged together: with fewer, a slope of 1.01 was missed in bfloat16
AIMED = 8  # points at most, where a clause aims at shapes of its own


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a clause is asked of: one row of the report's matrix, folded out.

    `strategy` draws the cases; without one the clause is asked once, with `argument` if it takes one.
    """

    operation: str = ""
    dtype: str = ""
    mode: str = ""
    parameters: str = ""
    strategy: st.SearchStrategy[Any] | None = None
    argument: Any = None
    operations: frozenset[str] = frozenset()  # all that the backend must have, if not `operation` alone
    pinned: Callable[[], Iterable[Any]] = tuple  # cases asked in every profile, before those that are drawn
    batched: bool = False  # asked once, about all cases that are drawn
    shrink_as_program: bool = False  # a case that fails is made small as the program that it is
    budget_factor: float = 1  # so many cases as a profile says, times this: more of what is cheap, or has much to it
    unless: str = ""  # asked only of backends that do not work in this dtype: see `in_one`

    @property
    def needed(self) -> frozenset[str]:
        """The operations that the backend must have."""
        return self.operations or frozenset(filter(None, (self.operation,)))

    def __str__(self) -> str:
        return "-".join(filter(None, (self.operation, self.parameters, self.mode, self.dtype))) or "once"


ONCE = (Cell(),)


def of_program(program: Program, **fields: Any) -> Cell:
    """Return a cell that needs the operations of a program."""
    return Cell(operations=program.operations(), **fields)


def operations(
    *,
    mode: str,
    where: Callable[[Operation], bool] = lambda row: row.differentiable,
    dtypes: Sequence[str] = DTYPES,
    form: Callable[..., Any] | None = None,
    pinned: Callable[[Operation], Iterable[tuple[Any, dict[str, Any]]]] = lambda row: (),
    batched: bool = False,
    profiles: tuple[str, ...] = tuple(DISTRIBUTIONS),
) -> list[Cell]:
    """Return a cell for each operation of the catalogue that `where` selects, in each dtype.

    The corners of a row are always asked. `form` replaces how shapes are drawn, `profiles` says of which numbers, and
    `pinned` adds to the corners. `batched` asks about all cases at once. Arrays without entries have clauses of their own:
    where one of them fails, it would hide all else here.
    """

    def cell(row: Operation, dtype: str) -> Cell:
        points = FORMS[row.form].points if form is None else AIMED
        drawn = shared_cases(row.name, dtype, form, profiles, points)

        def always() -> list[Case]:
            more = [pinned_case(row, shapes, params, dtype) for shapes, params in pinned(row)]
            return [*shared_corners(row.name, dtype), *more]

        factor = POINTS / points * (OF_A_BATCH if batched else 1)
        how: dict[str, Any] = {"strategy": drawn, "pinned": always, "batched": batched, "budget_factor": factor}
        return Cell(operation=row.name, dtype=dtype, mode=mode, **how)

    return [cell(row, dtype) for row in CATALOGUE.values() if where(row) for dtype in dtypes if dtype in row.dtypes]


@functools.cache
def shared_cases(
    operation: str, dtype: str, form: Callable[..., Any] | None, profiles: tuple[str, ...], points: int
) -> st.SearchStrategy[Any]:
    """Return one strategy for all clauses that ask about an operation: what it draws is then drawn once."""
    cases = operation_cases(operation, dtype, form=form, profiles=profiles, points=points)
    return cases.filter(lambda case: not hollow(case)) if CATALOGUE[operation].differentiable else cases


@functools.cache
def shared_corners(operation: str, dtype: str) -> list[Case]:
    """Return the cases of the corners of a row, for all clauses, as `shared_cases` does."""
    row = CATALOGUE[operation]
    corners = [pinned_case(row, shapes, params, dtype) for shapes, params in row.corners]
    return [case for case in corners if not (row.differentiable and hollow(case))]


def hollow(case: Case) -> bool:
    """Whether an input or an output of a case has no entries."""
    return any(x.size == 0 for x in (*case.inputs, *case.cotangents))


def in_one(cells: Callable[[str], list[Cell]], first: str = "float64", second: str = "float32") -> list[Cell]:
    """Return cells in one dtype, and in a second one for backends that do not work in the first."""
    return [*cells(first), *(replace(cell, unless=first) for cell in cells(second))]


def programs(
    *functions: Callable[..., Any] | Program,
    mode: str,
    dtypes: Sequence[str] = DTYPES,
    names: Sequence[str] = (),
    budget_factor: float = 1,
    **how: Any,
) -> list[Cell]:
    """Return a cell for each program in each dtype; `how` goes to `program_cases`."""
    cells = []
    for i, function in enumerate(functions):
        program = function if isinstance(function, Program) else trace(function)
        name = names[i] if names else (f"program{i + 1}" if len(functions) > 1 else "")
        more = {"mode": mode, "parameters": name, "budget_factor": budget_factor}
        cells += [of_program(program, dtype=dtype, strategy=program_cases(program, dtype, **how), **more) for dtype in dtypes]
    return cells


def drawn(
    strategy: Callable[[str], st.SearchStrategy[Any]], *, mode: str = "value", dtypes: Sequence[str] = DTYPES
) -> list[Cell]:
    """Return a cell in each dtype for a strategy that takes one."""
    return [Cell(dtype=dtype, mode=mode, strategy=strategy(dtype)) for dtype in dtypes]


def given(*arguments: Any, mode: str = "value", names: Sequence[str] = (), using: Iterable[str] = ()) -> list[Cell]:
    """Return a cell for each fixed argument; `using` are the functions of `xp` that it takes."""
    operations = frozenset(using)
    return [
        Cell(mode=mode, parameters=names[i] if names else str(a), argument=a, operations=operations)
        for i, a in enumerate(arguments)
    ]


def with_operations(*names: str, mode: str = "value") -> list[Cell]:
    """Return the one cell of a clause that needs these functions of `xp`."""
    return [Cell(mode=mode, operations=frozenset(names))]
