"""Failures made small: within a budget, since a library that compiles takes its time for each of some hundred cases."""

from typing import Any

import faulty
import pytest
from asking import CLAUSES
from planted.programs import PROGRAMS

from clinometer.harness.examine import Examination, examine
from clinometer.harness.smaller import SECONDS

POINTS = 16  # at most, of one case: what has begun is brought to its end


class Clock:
    """Stands still, but while a backend works; remembers when it was asked about arrays of how many entries."""

    def __init__(self) -> None:
        self.now, self.asked = 0.0, list[tuple[float, int]]()

    def __call__(self) -> float:
        return self.now


def slow(wrong: type[Any], seconds: float, clock: Clock) -> Any:
    """Return a planted backend that takes so many seconds for each pullback."""

    class Slow(wrong):
        def vjp(self, f: Any, *primals: Any) -> Any:
            clock.asked.append((clock.now, primals[0].size))
            clock.now += seconds
            return super().vjp(f, *primals)

    return Slow()


class Crowded(faulty.Steep):
    """Gradients are wrong where there are more than two entries."""

    def vjp(self, f: Any, *primals: Any) -> Any:
        return super().vjp(f, *primals) if primals[0].size > 2 else super(faulty.Steep, self).vjp(f, *primals)


def gradient_of_sin(seconds: float, profile: str = "quick", wrong: type[Any] = Crowded) -> tuple[Examination, Clock]:
    """Ask a slow backend for the gradient of the sine, and return the verdict and the clock."""
    cell, clock = next(c for c in CLAUSES["GRAD-1"].cells if c.operation == "sin"), Clock()
    return examine(CLAUSES["GRAD-1"], cell, slow(wrong, seconds, clock), profile=profile, clock=clock), clock


def size(result: Examination) -> int:
    """Return how large the case is that a verdict shows."""
    assert result.finding is not None
    assert result.finding.case is not None
    return sum(x.size for x in result.finding.case.inputs)


@pytest.mark.parametrize("profile", SECONDS)
def test_shrinking_stops_when_its_budget_is_spent(profile: str) -> None:
    """A backend that takes a fifth of the budget for each pullback is asked until it is spent, and the message says so."""
    pullback = SECONDS[profile] / 5
    result, clock = gradient_of_sin(pullback, profile)
    assert result.outcome == "fail"
    assert result.message.endswith(f"; not made smaller: {SECONDS[profile]:g} s were spent")
    failed = next(now for now, entries in clock.asked if entries > 2)
    assert clock.now - failed <= SECONDS[profile] + 2 * POINTS * pullback


def test_a_failure_that_is_small_in_time_says_nothing_of_time() -> None:
    """A quick backend's failure is as small as it gets, and its message is of nothing else."""
    result, _ = gradient_of_sin(0.0)
    assert (result.outcome, size(result)) == ("fail", 3)
    assert "spent" not in result.message


def test_what_is_shown_is_the_smallest_case_by_the_end_of_the_budget() -> None:
    """The more cases a backend is asked within the budget, the smaller is the one that is shown."""
    none, some, all_ = (size(gradient_of_sin(seconds)[0]) for seconds in (9.0, 0.06, 0.0))
    assert none > some >= all_


def test_a_whole_program_is_taken_apart_within_the_budget() -> None:
    """Of a random program that fails the smallest is shown that was found in time, and the message says so."""
    cell = next(c for c in CLAUSES["PROGRAM-2"].cells if c.parameters == "straight" and c.dtype == "float64")
    steps = []
    for seconds in (0.0, 0.2, 9.0):
        clock = Clock()
        backend = slow(PROGRAMS["wrong_order_in_a_diamond"], seconds, clock)
        result = examine(CLAUSES["PROGRAM-2"], cell, backend, profile="quick", clock=clock)
        assert result.finding is not None
        assert result.finding.case is not None
        assert ("not made smaller: 5 s were spent" in result.message) == (seconds > 0)
        steps.append(len(result.finding.case.program.steps))
    assert steps[0] < steps[1] < steps[2]


def test_a_failure_that_comes_and_goes_is_flaky_within_the_budget() -> None:
    """A case that fails and then holds is flaky, where there was time to find that out."""

    class Moody(Crowded):
        calls = 0

        def vjp(self, f: Any, *primals: Any) -> Any:
            Moody.calls += primals[0].size > 2
            return super().vjp(f, *primals) if Moody.calls == 1 else super(faulty.Steep, self).vjp(f, *primals)

    result, _ = gradient_of_sin(0.001, wrong=Moody)
    assert (result.outcome, result.stability.partition(":")[0]) == ("fail", "flaky")
