"""A case that fails, made small: for as long as a cell's budget lasts."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure

from clinometer.harness.cells import Cell
from clinometer.harness.findings import Nonconformance
from clinometer.strategies.hypothesis_provider import NAME
from clinometer.strategies.programs.shrinking import reduced

Ask = Callable[[Any], None]  # raises Nonconformance where a case fails

# Wall time, by profile. Shrinking asks some hundred cases, each within milliseconds: a library that compiles each of them
# would take minutes for one failure.
SECONDS = {"quick": 5.0, "standard": 20.0, "deep": 120.0}


class Flaky(Exception):
    """The same case failed, and then held."""

    def __init__(self, wrong: Nonconformance):
        self.wrong = wrong


class Unshrunk(Exception):
    """The budget was spent; `wrong` is the smallest failure by then."""

    def __init__(self, wrong: Nonconformance, seconds: float):
        super().__init__(f"{wrong}; not made smaller: {seconds:g} s were spent")
        self.wrong = wrong


class Spent(BaseException):
    """The budget is spent. No `Exception`, which Hypothesis would take for a failure of the example, and go on."""


class Budget:
    """The time in which the failure of a cell is made small, from when it is first spent.

    Parameters
    ----------
    seconds : float
    clock : callable
        Returns seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic):
        self.seconds, self.clock = seconds, clock
        self.end: float | None = None

    def spend(self) -> None:
        """Begin, or go on; raises `Spent` if nothing is left."""
        now = self.clock()
        if self.end is None:
            self.end = now + self.seconds
        if now >= self.end:
            raise Spent


def made_small(cell: Cell, number: int, seed_: int, case: Any, ask: Ask, wrong: Nonconformance, budget: Budget) -> None:
    """Raise what the smallest case fails of, given one that fails.

    Parameters
    ----------
    cell, number, seed_
        Which cases were drawn.
    case
        The one that fails, of them.
    ask : callable
    wrong : Nonconformance
        What it fails of.
    budget : Budget

    Raises
    ------
    Nonconformance
        Of the smallest case.
    Unshrunk
        Of the smallest by the end of the budget.
    Flaky
        The case holds now.
    """
    smallest = wrong

    def within_budget(smaller: Any) -> None:
        nonlocal smallest
        budget.spend()
        try:
            ask(smaller)
        except Nonconformance as found:
            if (found.outcome, found.blamed) == (wrong.outcome, wrong.blamed):
                smallest = found  # nothing is asked about that is larger than what has failed already
            raise

    def fails(smaller: Any) -> bool:
        try:
            within_budget(smaller)
        except Nonconformance as found:
            return found is smallest
        return False

    assert cell.strategy is not None  # a cell without one has no cases
    try:
        if cell.shrink_as_program and fails(case):
            reduced(case, fails)
            raise smallest
        with contextlib.suppress(FlakyFailure):
            for_each(cell.strategy, number, seed_, within_budget)  # meets the same case on its way, and shrinks it
    except Spent:
        raise Unshrunk(smallest, budget.seconds) from smallest
    raise Flaky(wrong) from wrong


def for_each(strategy: st.SearchStrategy[Any], number: int, seed_: int, ask: Ask) -> None:
    """Ask about each case that Hypothesis draws; one that fails is shrunk."""

    def example(case: Any) -> None:  # of few words: Hypothesis reads its source at every call
        ask(case)

    seed(seed_)(_settings(number)(given(strategy)(example)))()


@functools.cache
def _settings(number: int) -> settings:
    return settings(
        max_examples=number,
        deadline=None,
        backend=NAME,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),  # a slow draw is the reference at work, not a fault of the strategy
    )
