"""Clauses: what the specification says, and what each is asked of.

A clause is a pytest test whose docstring is its sentence. `clause` asks it cell by cell: an
operation in a dtype, a program, or nothing in particular. What a cell needs is asked of the backend first; what it
finds is a verdict, not an assertion written by hand.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from clinometer.harness.cells import ONCE, Cell
from clinometer.journal.vocabulary import MUST, UNIVERSAL


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

    @property
    def name(self) -> str:
        """The name of its test's function."""
        return self.body.__name__

    def asked_of(self, offered: Collection[str]) -> list[Cell]:
        """Return the cells that a backend is asked which works in these dtypes."""
        return [cell for cell in self.cells if not cell.unless or cell.unless not in offered]


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
    """Make a test the clause `id`.

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
        A test without a docstring.
    """

    def made(body: Callable[..., None]) -> Callable[..., None]:
        text = " ".join((inspect.getdoc(body) or "").split())
        if not text:
            raise ValueError(f"clause {id} has no sentence; write it as the docstring of {body.__name__}")
        title = (inspect.getmodule(body).__doc__ or id).strip().partition("\n")[0]
        chapter = id.rpartition("-")[0]
        spec = Clause(
            id, level, kind, text, body, tuple(over), frozenset(needs), frozenset(broken_by), chapter, title, judges_dtype
        )

        def test(cell: Cell, clinometer: Any) -> None:
            clinometer.ask(spec, cell)

        test.clause = spec  # type: ignore[attr-defined]  # the plugin makes a case of each cell that the backend is asked
        test.__name__, test.__doc__, test.__module__ = body.__name__, text, body.__module__
        return test

    return made
