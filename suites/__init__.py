"""The specification: one file a chapter, one test a clause, and the pytest plugin that asks them.

Run it with `pytest --pyargs clinometer.suites --backend NAME`.
"""

from __future__ import annotations

from typing import Any


def specification() -> list[Any]:
    """Return all clauses; see `clinometer.suites.clauses.Clause`."""
    from clinometer.suites.clauses import specification as clauses  # with pytest and Hypothesis, so only when asked

    return clauses()
