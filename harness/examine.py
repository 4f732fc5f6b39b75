"""One clause, asked of one cell, on one backend: from drawn cases to a result for the journal."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.backends import Backend, capabilities, support_of
from clinometer.backends.protocol import TRANSFORMS
from clinometer.backends.raised import in_one_line, trace
from clinometer.harness import interruption
from clinometer.harness.cells import Cell
from clinometer.harness.check import Check
from clinometer.harness.clauses import Clause
from clinometer.harness.findings import Finding, Nonconformance, Unsupported
from clinometer.harness.smaller import SECONDS, Budget, Flaky, Unshrunk, for_each, made_small
from clinometer.journal.vocabulary import FAILURES
from clinometer.reference.case import Case
from clinometer.reference.program.printing import plainly

# Examples of one cell, each with up to four points; of an operation fewer, each with more points. A clause that takes no
# strategy is asked once in any profile.
EXAMPLES = {"quick": 4, "standard": 25, "deep": 250}
FEWEST = 3  # the first is the simplest of all, and finds little
KEPT = 30_000  # cases, of some 10 kB each, for the clauses that are asked about the same ones


@dataclass
class Examination:
    """The verdict on one clause, asked of one cell."""

    outcome: str  # of `journal.vocabulary.OUTCOMES`
    message: str = ""
    finding: Finding | None = None
    stability: str = ""  # "flaky ...", or empty for stable
    expectation: str = ""  # the reason of a known failure
    expected: bool = False  # whether the known failure names this outcome
    examples: int = 0
    points: int = 0
    seconds: float = 0.0
    observed: dict[str, str] = field(default_factory=dict)
    curves: list[Any] = field(default_factory=list)
    cost: Any = None


def examine(
    clause: Clause,
    cell: Cell,
    backend: Backend,
    *,
    profile: str = "standard",
    seed_: int = 0,
    waive: Callable[[str, str], str] = lambda message, blamed: "",
    before: Callable[[Any], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Examination:
    """Ask a clause of a cell and return the verdict; raises nothing but interruptions.

    Parameters
    ----------
    clause : Clause
    cell : Cell
    backend : Backend
    profile : str
        A key of `EXAMPLES`.
    seed_ : int
        The same seed draws the same cases on every backend and day.
    waive : callable
        Returns, for the message of a failure, with what was asked of an operation alone, and the operation that is to
        blame, why it is set aside, or nothing: a whole program fails wherever one of its operations is known to. The other
        examples are asked, and if they hold, the result is a failure that was expected.
    before : callable, optional
        Is told each case before it is asked, and has the smallest ones asked first: for a cell whose cases end the process.
    clock : callable
        Returns seconds: by it the time is measured that may be spent on making a failure small, see `smaller.SECONDS`.
    """
    check, start = Check(backend, waive=waive, strict=False), time.perf_counter()
    check.before = before
    with np.errstate(all="ignore"):  # a NaN is a result, not a warning
        number, budget = examples(cell, profile), Budget(SECONDS[profile], clock)
        result = _asked(clause, cell, check, number, seed_, budget)
    interruption.insist()
    if check.escape is not None and result.outcome not in FAILURES:
        result = Examination("error", str(check.escape), check.escape.finding)
    result.examples, result.points, result.seconds = check.examples, check.points, time.perf_counter() - start
    result.observed, result.curves, result.cost = check.observed, check.curves, check.cost
    if result.outcome == "pass" and check.undecided and 2 * check.undecided >= check.examples:
        text = f"out of tolerance in {check.undecided} of {check.examples} examples, and finite differences could not tell"
        result.outcome, result.message = "inconclusive", text
    if result.outcome == "pass" and check.waived:
        _fails_as_known(result, check)
    if check.miscast is not None and not check.strict and result.outcome in ("pass", "fail"):
        result.message += f"{'; ' if result.message else ''}compared after a cast: {check.miscast}"
    return result


def examples(cell: Cell, profile: str) -> int:
    """Return how many cases of a cell are drawn in a profile."""
    return max(round(EXAMPLES[profile] * cell.budget_factor), FEWEST)


def _fails_as_known(result: Examination, check: Check) -> None:
    """Make what was waived the result: a failure that was expected, told by its first example."""
    first = check.waived[0][1]
    result.outcome, result.finding, result.expected = first.outcome, first.finding, True
    result.message = f"{first} ({len(check.waived)} of {check.examples} examples fail as is known, the others hold)"
    result.expectation = "; ".join(dict.fromkeys(reason for reason, _ in check.waived))


def _lacking(clause: Clause, cell: Cell, check: Check) -> str:
    """Return what the backend does not offer of what is needed."""
    backend = check.backend
    with check.backend_call("what it offers"):
        needs = clause.needs | ({"forward"} if cell.mode == "forward" else set())
        missing = sorted(needs - capabilities(backend)) if needs else []  # which looks at some twenty members
        if missing:
            return f"{backend.name} offers no {', '.join(missing)}"
        if cell.dtype and cell.dtype not in support_of(backend).dtypes:
            return f"{backend.name} does not work in {cell.dtype}"
        for kind in (cell.dtype, cell.mode):
            narrow = sorted(op for op in cell.needed if support_of(backend).lacks(op, kind))
            if narrow:
                return f"{backend.name} has no {', '.join(narrow)} in {kind}"
        absent = sorted(op for op in cell.needed if not hasattr(backend if op in TRANSFORMS else backend.xp, op))
        return f"{backend.name} has no {', '.join(absent)}" if absent else ""


def _asked(clause: Clause, cell: Cell, check: Check, number: int, seed_: int, budget: Budget) -> Examination:
    try:
        if lacking := _lacking(clause, cell, check):
            raise Unsupported(lacking)
        if cell.strategy is None:
            _once(clause, cell, check)
        else:
            _drawn(clause, cell, check, number, seed_, budget)
    except Unsupported as reason:
        return Examination("unsupported", str(reason))
    except Nonconformance as wrong:
        return Examination(wrong.outcome, str(wrong), wrong.finding)
    except Unshrunk as unshrunk:
        return Examination(unshrunk.wrong.outcome, str(unshrunk), unshrunk.wrong.finding)
    except Flaky as flaky:
        return Examination(
            flaky.wrong.outcome, str(flaky.wrong), flaky.wrong.finding, "flaky: the same case failed and then held"
        )
    except BaseException as error:  # what the backend raises comes as Nonconformance; anything else is our own defect
        interruption.insist(error)
        return _ours(error, check)
    return Examination("pass")


def _ours(error: BaseException, check: Check) -> Examination:
    return Examination(
        "invalid", f"a defect of Clinometer: {in_one_line(error)}", Finding("our own", check.case, trace=trace(error))
    )


def _once(clause: Clause, cell: Cell, check: Check) -> None:
    check.examples = 1
    arguments = () if cell.argument is None else (cell.argument,)
    clause.body(check, *arguments)
    if clause.judges_dtype and check.miscast is not None:
        raise check.miscast


def _drawn(clause: Clause, cell: Cell, check: Check, number: int, seed_: int, budget: Budget) -> None:
    assert cell.strategy is not None  # asked before
    unsupported: list[str] = []

    def ask(case: Any) -> None:
        check.examples, undecided = check.examples + 1, check.undecided
        check.case = case if isinstance(case, Case) else None
        if check.before is not None:
            check.before(case)
        try:
            clause.body(check, case)
        except Unsupported as reason:  # of these parameters; the next example has others
            unsupported.append(str(reason))
        except Nonconformance as wrong:
            excuse = check.waive(f"{wrong}{_said(case)}", wrong.blamed) if wrong.outcome in ("fail", "error") else ""
            if not excuse:
                raise
            check.waived.append((excuse, wrong))
        check.undecided = min(check.undecided, undecided + 1)  # of examples, each of which may be asked about in several ways

    if check.before is not None:  # a cell that is asked about all its cases at once tells which of them it was as well
        for case in sorted((*cell.pinned(), *sample(cell.strategy, number, seed_)), key=_size):
            if cell.batched:
                check.before(case)
                clause.body(check, (case,))
            else:
                ask(case)
        return
    if cell.batched:
        cases = sample(cell.strategy, number, seed_)
        check.examples += len(cases)
        clause.body(check, cases)
        if clause.judges_dtype and check.miscast is not None:
            raise check.miscast
        return
    _every(cell, number, seed_, ask, budget)
    if clause.judges_dtype and check.miscast is not None:  # all numbers are right; now the smallest case of a wrong dtype
        examples, points, check.strict = check.examples, check.points, True
        _every(cell, number, seed_, ask, budget)
        check.examples, check.points = examples, points
    if unsupported and len(unsupported) >= check.examples:
        raise Unsupported(unsupported[0])


def _every(cell: Cell, number: int, seed_: int, ask: Callable[[Any], None], budget: Budget) -> None:
    """Ask about all cases of a cell; one that fails is made small."""
    assert cell.strategy is not None  # asked before
    for case in cell.pinned():
        ask(case)
        _release(case)
    for case in sample(cell.strategy, number, seed_):
        try:
            ask(case)
        except Nonconformance as wrong:
            made_small(cell, number, seed_, case, ask, wrong, budget)
        _release(case)


def _release(case: Any) -> None:
    if isinstance(case, Case):
        case.release()


def _size(case: Any) -> tuple[int, int]:
    """Return the steps and entries of a case: what is fewer is easier to read."""
    return (len(case.program.steps), sum(x[0].size for x in case.inputs)) if isinstance(case, Case) else (0, 0)


def _said(case: Any) -> str:
    """Return, for a case of one operation, what was asked of it: some of its parameters may be known to fail."""
    steps = case.program.steps if isinstance(case, Case) else ()
    return f"; asked of {plainly(steps[0].op, list(map(str, steps[0].args)), steps[0].params)}" if len(steps) == 1 else ""


def sample(strategy: st.SearchStrategy[Any], number: int, seed_: int) -> tuple[Any, ...]:
    """Return the cases that a strategy draws under a seed; clauses that share a strategy share them, truths included."""
    return _keeping(number)(strategy, number, seed_)


def _sample(strategy: st.SearchStrategy[Any], number: int, seed_: int) -> tuple[Any, ...]:
    cases: list[Any] = []
    for_each(strategy, number, seed_, cases.append)
    return tuple(cases)


@functools.cache
def _keeping(number: int) -> Callable[..., tuple[Any, ...]]:
    """Return what draws so many cases, and keeps the last of them."""
    return functools.lru_cache(max(KEPT // number, 1))(_sample)
