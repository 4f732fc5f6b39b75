"""How far right answers are from the truth: errors beside the scale that tolerances are K times.

    python tests/rounding.py torch                     # a minute of CPU time; the table of docs/tolerances.md
    python tests/rounding.py torch --only '^GRAD-1.(sin|exp)-'

Of each point the entry that is furthest off counts, in units of `spread + u * majorant`; a tolerance is K = 4 of them.
Cells that are known to fail are left out: those answers are wrong. Exit code 1 if any other does not hold.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click
import numpy as np
import pytest

from clinometer.backends import load
from clinometer.harness import check
from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examine import EXAMPLES, examine
from clinometer.harness.expectations import find, shipped, waive
from clinometer.harness.specification import specification
from clinometer.reference.truth.expected import Expected, K
from clinometer.reference.verdict import errors_in_tolerances, worst_disagreement
from clinometer.reference.witness import OVER

# Values, first derivatives and second ones: of each operation, and of programs.
ASKED = "^(VALUE-1|GRAD-1|FWD-1|DTYPE-(1|2|3|11|12|13)|HIGH-(1|2|3)|PROGRAM-(1|2|3|5|6|7))\\["
WHAT = ("value", "first order", "second order")
Kind = tuple[bool, str, str]  # of a program or of one operation; dtype; value, first or second order


def noting(found: dict[Kind, list[float]], program: bool, dtype: str) -> Callable[..., Any]:
    """Return the comparison of an answer with the truth, as it is, but for keeping how far off each point is."""

    def compared(got: np.ndarray, expected: Expected, mode: str, which: int) -> Any:
        if got.size:
            worst = errors_in_tolerances(got, expected).reshape(len(got), -1).max(axis=1)
            found[program, dtype, WHAT[2 if OVER in mode else mode != "value"]] += (K * worst).tolist()
        return worst_disagreement(got, expected, mode, which)

    return compared


def errors(
    questions: Sequence[tuple[Clause, Cell]], name: str, profile: str = "quick", seed: int = 0
) -> tuple[dict[Kind, list[float]], list[str]]:
    """Return the error of each point by its kind, and what does not hold and is not known to."""
    backend, known = load(name), shipped(load(name).name)
    found: dict[Kind, list[float]] = defaultdict(list)
    wrong = []
    for clause, cell in questions:
        seen: dict[Kind, list[float]] = defaultdict(list)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(check, "worst_disagreement", noting(seen, clause.chapter == "PROGRAM", cell.dtype))
            excuse = functools.partial(waive, known, clause, cell)
            result = examine(clause, cell, backend, profile=profile, seed_=seed, waive=excuse)
        if result.expected or find(known, clause, cell) is not None:
            continue
        if result.outcome not in ("pass", "unsupported"):
            wrong.append(f"{clause.id}[{cell}] {result.outcome}: {result.message}")
        for one, some in seen.items():
            found[one] += some
    return found, wrong


def table(found: Mapping[Kind, Sequence[float]]) -> Iterator[str]:
    """Yield the lines of a table: how many points, and the median, the 99th percentile and the largest of their errors."""
    yield "| asked of | dtype | what | points | median | 99 % | largest |"
    yield "|---|---|---|---|---|---|---|"
    dtypes = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")
    for program, dtype, what in sorted(found, key=lambda it: (it[0], dtypes.index(it[1]), WHAT.index(it[2]))):
        some = found[program, dtype, what]
        shares = " | ".join(f"{v:.2f}" for v in (np.median(some), np.quantile(some, 0.99), max(some)))
        yield f"| {'programs' if program else 'operations'} | {dtype} | {what} | {len(some)} | {shares} |"


def questions(only: str) -> list[tuple[Clause, Cell]]:
    """Return the clauses and cells whose names match."""
    cells = ((clause, cell) for clause in specification() for cell in clause.cells)
    return [(clause, cell) for clause, cell in cells if re.search(only, f"{clause.id}[{cell}]")]


@click.command()
@click.argument("name")
@click.option("--profile", type=click.Choice(list(EXAMPLES)), default="quick")
@click.option("--seed", default=0)
@click.option("--only", default=ASKED, help="What is asked: a regular expression.")
def main(name: str, profile: str, seed: int, only: str) -> None:
    """Ask backend NAME, and print how far its answers are from the truth."""
    found, wrong = errors(questions(only), name, profile, seed)
    print("\n".join([*table(found), *wrong]))
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
