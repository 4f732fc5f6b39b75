"""Draws from a strategy as a list: the same ones each day."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy, integers

from clinometer.strategies.hypothesis_provider import NAME

QUIET = settings(
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


SALT = integers(0, 2**62)


def examples(strategy: SearchStrategy, count: int, seed: int = 0) -> list[Any]:
    """Return examples of a strategy, as often as they come: beside salt, none is skipped for having come before."""
    found: list[Any] = []

    @hypothesis.seed(seed)
    @settings(QUIET, max_examples=count, backend=NAME)  # as the suites draw, whatever other tests are there
    @given(strategy, SALT)
    def collect(drawn: Any, salt: int) -> None:
        found.append(drawn)

    collect()
    return found


def minimal(strategy: SearchStrategy, condition: Callable[[Any], bool] = lambda drawn: True) -> Any:
    """Return what a strategy shrinks to, among its examples that meet a condition."""
    quiet = settings(QUIET, max_examples=2000, phases=[Phase.generate, Phase.shrink])
    return hypothesis.find(strategy, condition, settings=quiet, random=random.Random(0))


def share(drawn: list[Any], condition: Callable[[Any], bool]) -> float:
    """Return the share of draws that meet a condition."""
    return sum(map(bool, map(condition, drawn))) / len(drawn)
