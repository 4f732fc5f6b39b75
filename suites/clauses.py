"""Clauses: what the specification says, and what each is asked of.

A clause is a pytest test whose docstring is its sentence. `clause` registers it, and asks it cell by cell: an
operation in a dtype, a program, or nothing in particular. What a cell needs is asked of the backend first; what it
finds is a verdict, not an assertion written by hand.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from clinometer.reference.catalogue import CATALOGUE, Operation
from clinometer.reference.program import Program, trace
from clinometer.reference.truth import Case
from clinometer.strategies import operation_cases, pinned_case, program_cases
from clinometer.strategies.arrays import PROFILES

MUST, SHOULD, INFO = "MUST", "SHOULD", "INFO"
UNIVERSAL, SET_VALUED, CONVENTION, INFORMATIONAL = "universal", "set-valued", "convention", "informational"
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
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
    operations: frozenset[str] = frozenset()  # all that the backend must have
    pinned: Callable[[], Iterable[Any]] = tuple  # cases asked in every profile, before those that are drawn
    together: bool = False  # asked once, about all cases that are drawn
    reduces: bool = False  # a case that fails is made small as the program that it is: see `strategies.reducing`
    times: int = 1  # so many cases as a profile says, times this: for what is cheap, or has much to it
    unless: str = ""  # asked only of backends that do not work in this dtype: see `in_one`

    def __str__(self) -> str:
        return "-".join(filter(None, (self.operation, self.parameters, self.mode, self.dtype))) or "once"


ONCE = (Cell(),)


@dataclass(frozen=True)
class Clause:
    """One sentence of the specification, and the test of it."""

    id: str
    level: str
    cls: str
    text: str
    body: Callable[..., None]
    cells: Sequence[Cell]
    needs: frozenset[str]
    broken_by: frozenset[str]
    chapter: str = field(default="")
    title: str = field(default="")
    judges_dtype: bool = False  # a wider dtype than is right fails it; other clauses go on with what they are given

    def asked_of(self, offered: Collection[str]) -> list[Cell]:
        """Return the cells that a backend is asked which works in these dtypes."""
        return [cell for cell in self.cells if not cell.unless or cell.unless not in offered]


SPECIFICATION: dict[str, Clause] = {}


def clause(
    id: str,
    *,
    over: Iterable[Cell] = ONCE,
    level: str = MUST,
    kind: str = UNIVERSAL,
    needs: Iterable[str] = (),
    broken_by: Iterable[str] = (),
    judges_dtype: bool = False,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a test as the clause `id`.

    Parameters
    ----------
    id : str
        Chapter and number: "GRAD-3". Numbers are never given anew.
    over : iterable of Cell
        What it is asked of.
    level, kind : str
    needs : iterable of str
        What the backend must offer: see `backends.capabilities`.
    broken_by : iterable of str
        Planted backends, of tests/planted, that must fail it.
    judges_dtype : bool
        Whether a float64 where float32 is right fails it. Elsewhere the numbers are compared after a cast, so that one
        such fault hides nothing.

    Raises
    ------
    ValueError
        An id that stands already, or a test without a docstring.
    """

    def register(body: Callable[..., None]) -> Callable[..., None]:
        text = " ".join((inspect.getdoc(body) or "").split())
        if not text:
            raise ValueError(f"clause {id} has no sentence; write it as the docstring of {body.__name__}")
        if id in SPECIFICATION and SPECIFICATION[id].body.__qualname__ != body.__qualname__:
            raise ValueError(f"clause {id} stands already, as {SPECIFICATION[id].body.__name__}; take the next number")
        title = (inspect.getmodule(body).__doc__ or id).strip().partition("\n")[0]
        chapter = id.rpartition("-")[0]
        spec = Clause(
            id, level, kind, text, body, tuple(over), frozenset(needs), frozenset(broken_by), chapter, title, judges_dtype
        )
        SPECIFICATION[id] = spec

        def test(cell: Cell, clinometer: Any) -> None:
            clinometer.ask(spec, cell)

        test.clause = spec  # type: ignore[attr-defined]  # the plugin makes a case of each cell that the backend is asked
        test.__name__, test.__doc__, test.__module__ = body.__name__, text, body.__module__
        return test

    return register


def specification() -> list[Clause]:
    """Return all clauses, in the order of the chapters' files."""
    import clinometer.suites as suites

    for module in sorted(m.name for m in pkgutil.iter_modules(suites.__path__) if m.name.startswith("test_")):
        importlib.import_module(f"clinometer.suites.{module}")
    return list(SPECIFICATION.values())


def digest(clauses: Iterable[Clause]) -> str:
    """Return a short hash of what is asked: runs with different digests asked different questions."""
    lines = sorted(f"{c.id}|{c.level}|{c.cls}|{c.text}|{'|'.join(map(str, c.cells))}" for c in clauses)
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=6).hexdigest()


# ----- what clauses are asked over -----


def operations(
    *,
    mode: str,
    where: Callable[[Operation], bool] = lambda row: row.differentiable,
    dtypes: Sequence[str] = DTYPES,
    form: Callable[..., Any] | None = None,
    pinned: Callable[[Operation], Iterable[tuple[Any, dict[str, Any]]]] = lambda row: (),
    together: bool = False,
    profiles: tuple[str, ...] = tuple(PROFILES),
) -> list[Cell]:
    """Return a cell for each operation of the catalogue that `where` selects, in each dtype.

    The corners of a row are always asked. `form` replaces how shapes are drawn, `profiles` says of which numbers, and
    `pinned` adds to the corners. `together` asks about all cases at once. Arrays without entries have clauses of their own:
    where one of them fails, it would hide all else here.
    """

    def cell(row: Operation, dtype: str) -> Cell:
        drawn = shared_cases(row.name, dtype, form, profiles)

        def always() -> list[Case]:
            corners = [pinned_case(row, shapes, params, dtype) for shapes, params in row.corners]
            more = [pinned_case(row, shapes, params, dtype) for shapes, params in pinned(row)]
            return [*(case for case in corners if not (row.differentiable and hollow(case))), *more]

        return Cell(row.name, dtype, mode, strategy=drawn, operations=frozenset({row.name}), pinned=always, together=together)

    return [cell(row, dtype) for row in CATALOGUE.values() if where(row) for dtype in dtypes if dtype in row.dtypes]


@functools.cache
def shared_cases(
    operation: str, dtype: str, form: Callable[..., Any] | None, profiles: tuple[str, ...]
) -> st.SearchStrategy[Any]:
    """Return one strategy for all clauses that ask about an operation: what it draws is then drawn once."""
    cases = operation_cases(operation, dtype, form=form, profiles=profiles)
    return cases.filter(lambda case: not hollow(case)) if CATALOGUE[operation].differentiable else cases


def hollow(case: Case) -> bool:
    """Whether an input or an output of a case has no entries."""
    return any(x.size == 0 for x in (*case.inputs, *case.cotangents))


def in_one(cells: Callable[[str], list[Cell]], first: str = "float64", second: str = "float32") -> list[Cell]:
    """Return cells in one dtype, and in a second one for backends that do not work in the first."""
    return [*cells(first), *(replace(cell, unless=first) for cell in cells(second))]


def programs(
    *functions: Callable[..., Any] | Program, mode: str, dtypes: Sequence[str] = DTYPES, names: Sequence[str] = (), **how: Any
) -> list[Cell]:
    """Return a cell for each program in each dtype; `how` goes to `program_cases`."""
    cells = []
    for i, function in enumerate(functions):
        program = function if isinstance(function, Program) else trace(function)
        name = names[i] if names else (f"program{i + 1}" if len(functions) > 1 else "")
        cells += [
            Cell("", dtype, mode, name, program_cases(program, dtype, **how), operations=frozenset(program.operations()))
            for dtype in dtypes
        ]
    return cells


def drawn(
    strategy: Callable[[str], st.SearchStrategy[Any]], *, mode: str = "value", dtypes: Sequence[str] = DTYPES
) -> list[Cell]:
    """Return a cell in each dtype for a strategy that takes one."""
    return [Cell("", dtype, mode, strategy=strategy(dtype)) for dtype in dtypes]


def given(*arguments: Any, mode: str = "value", names: Sequence[str] = (), using: Iterable[str] = ()) -> list[Cell]:
    """Return a cell for each fixed argument; `using` are the functions of `xp` that it takes."""
    operations = frozenset(using)
    return [Cell("", "", mode, names[i] if names else str(a), None, a, operations) for i, a in enumerate(arguments)]


def with_operations(*names: str, mode: str = "value") -> list[Cell]:
    """Return the one cell of a clause that needs these functions of `xp`."""
    return [Cell(mode=mode, operations=frozenset(names))]
