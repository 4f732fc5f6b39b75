"""The specification: one file a chapter, one test a clause, and the pytest plugin that asks them.

Run it with `pytest --pyargs clinometer.suites --backend NAME`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clinometer.suites.gradients import GradientError, GradientReport, check_gradients

__all__ = ["GradientError", "GradientReport", "check_gradients", "specification"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from clinometer.suites import gradients  # with the reference, so only when asked

    return getattr(gradients, name)


def specification() -> list[Any]:
    """Return all clauses; see `clinometer.suites.clauses.Clause`."""
    from clinometer.suites.clauses import specification as clauses  # with pytest and Hypothesis, so only when asked

    return clauses()
