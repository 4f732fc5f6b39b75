"""Hypothesis' choices, but for one habit: it likes the numbers that stand in the files of whoever runs it.

For a conformance suite that is a vice. A case is to depend on the seed alone, and neither on the adapter under test nor on
the tests around it, so that all libraries are asked the same on every day.
"""

from __future__ import annotations

from typing import Any

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

NAME = "clinometer"


class Provider(HypothesisProvider):
    """Hypothesis' own, without constants of the sources around."""

    def _maybe_draw_constant(self, *args: Any, **kwargs: Any) -> None:
        return None


AVAILABLE_PROVIDERS[NAME] = f"{__name__}.Provider"
