"""A case: a problem together with what must come out of it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from clinometer.reference.program.printing import plain
from clinometer.reference.text import numbers
from clinometer.reference.truth import higher_order
from clinometer.reference.truth.expected import Expected
from clinometer.reference.truth.first_order import Truth
from clinometer.reference.truth.problem import Problem


class Case(Problem):
    """A program, concrete inputs, and the truth about them; parameters as of a `Problem`."""

    @cached_property
    def truth(self) -> Truth:
        """What must come out: computed once, when first asked for."""
        return Truth(self)

    @cached_property
    def second(self) -> list[Expected]:
        """What the Hessian of <cotangents, f> times the tangents must be, for each input."""
        return self.higher(2)

    def higher(self, order: int) -> list[Expected]:
        """Return what the gradient of <cotangents, f>, derived `order` - 1 times more along the tangents, must be."""
        return higher_order.higher(self, order)

    @cached_property
    def said(self) -> dict[Any, Any]:
        """What the second witness has said of entries: clauses share cases, and it is asked once."""
        return {}

    def release(self) -> None:
        """Keep the numbers of a truth that was asked for, and let go of what they were made of."""
        if "truth" in self.__dict__:
            self.truth.release()

    def __repr__(self) -> str:
        inputs = [f"{name} = {numbers(x)}" for name, x in zip(self.program.inputs, self.inputs, strict=True)]
        return "\n".join([f"Case in {self.dtype}, {self.points} points:", *inputs, plain(self.program)])
