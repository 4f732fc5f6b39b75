"""Random programs, drawn with their values at hand.

A program grows step by step. Each step is drawn among those that are valid at the values that it meets, so nothing is
rejected; operands that a step lacks become inputs. Which kinds of steps follow upon each other is drawn evenly, not
left to how many operations a kind has.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from clinometer.reference.arithmetic.rounding import PRECISIONS
from clinometer.reference.case import Case
from clinometer.reference.catalogue import Domain
from clinometer.reference.program.data import Program
from clinometer.reference.program.interpreter import run
from clinometer.strategies.arrays import cotangents, distinct_values
from clinometer.strategies.programs.builder import Draft, Named
from clinometer.strategies.programs.probe import ProbedControlFlow, Unclear
from clinometer.strategies.programs.steps import KINDS, steps

MAX_STEPS = 40
LENGTHS = (*(1, 2, 3, 4, 5, 6) * 5, *(7, 8) * 2, 12, 16, MAX_STEPS)  # before the steps are left out that nothing needs
MORE = (0, 0, 0, 0, 0, 0, 1, 2)  # values that a program returns beside its last
PROFILE = st.sampled_from(("integers", "fractions", "normal"))
SEED = st.integers(0, 2**32 - 1)
SHAPE = st.sampled_from(
    ((2,), (), (3,), (2, 3), (1,), (3, 2), (2, 1), (4,), (1, 3), (2, 2), (2, 1, 3), (3, 3), (2, 3, 2), (5,))
)


@st.composite
def random_programs(
    draw: Any, dtype: str, *, kinds: Sequence[str] = KINDS, most: int = MAX_STEPS, points: int = 1, several: bool = False
) -> Case:
    """Draw a program, and inputs for it; shrinks to one step, of a small shape and simple numbers.

    Parameters
    ----------
    dtype : str
        Of the inputs.
    kinds : sequence of str
        Of `KINDS`: what the steps are.
    most : int
        The largest number of steps. The steps within a block do not count.
    points : int
        The number of points. Points after the first take another path through the program, if there is one nearby.
    several : bool
        Whether the program has several outputs. Without it, further values are flattened and concatenated to the one output.

    Raises
    ------
    InvalidArgument
        A complex dtype, a kind that there is not, or less than one step or point.
    """
    _check(dtype, kinds, most, points)
    drawn = steps(tuple(kinds))
    profile, shape = draw(PROFILE), draw(SHAPE)
    draft = Draft(draw, dtype, draw(SEED), profile)
    draft.input(distinct_values(draft.rng, profile, (shape,), Domain(), dtype)[0])
    last = draft.pool[-1]
    for _ in range(draw(_length(most))):
        last = draft.random.choice(drawn).add(draft, draft.operand())
    others = _others(draft, last, (1, 1, 2) if several else MORE)
    if several:
        return case(draft, draft.program(*(other.name for other in others), last.name), points)
    if "shape" in kinds:
        last = _joined(draft, last, others)
    return case(draft, draft.program(last.name), points)


def _check(dtype: str, kinds: Sequence[str], most: int, points: int) -> None:
    real = [name for name, precision in PRECISIONS.items() if not precision.complex]
    if dtype not in real:
        raise InvalidArgument(f"{dtype=}: want one of {', '.join(real)}")
    if not kinds or set(kinds) - set(KINDS):
        raise InvalidArgument(f"{kinds=}: want some of {', '.join(KINDS)}")
    if most < 1 or points < 1:
        raise InvalidArgument(f"{most=} and {points=}: want one step and one point at least")


@functools.cache
def _length(most: int) -> st.SearchStrategy[int]:
    return st.sampled_from([n for n in LENGTHS if n <= most])


def _others(draft: Draft, last: Named, numbers: Sequence[int]) -> list[Named]:
    """Choose what a program returns beside its last value: so many, if there are."""
    made = {name for step in draft.steps for name in step.out} - {last.name}
    found = [named for named in draft.pool if named.name in made]
    return draft.random.sample(found, min(draft.random.choice(numbers), len(found)))


def _joined(draft: Draft, last: Named, others: Sequence[Named]) -> Named:
    """Return values flattened and put behind each other."""
    for other in others:
        before = draft.mark()
        try:
            last = draft.apply("concat", _flat(draft, last).name, _flat(draft, other).name, axis=0)
        except Unclear:  # too many entries
            draft.back_to(before)
    return last


def _flat(draft: Draft, x: Named) -> Named:
    return x if len(x.shape) == 1 else draft.apply("reshape", x.name, shape=(x.value.x.size,))


def case(draft: Draft, program: Program, points: int = 1) -> Case:
    """Return the case of a program at the inputs of its draft, with cotangents and tangents."""
    here = [x for _, x in draft.inputs]
    batch = [here, *_elsewhere(draft, program, here, points - 1)]
    inputs = tuple(np.stack(xs) for xs in zip(*batch, strict=True))
    shapes = {named.name: named.shape for named in draft.pool}
    return Case(
        program=program,
        inputs=inputs,
        tangents=tuple(cotangents(draft.rng, x.shape, draft.dtype) for x in inputs),
        cotangents=tuple(cotangents(draft.rng, (len(batch), *shapes[str(o)]), draft.dtype) for o in program.outputs),
        dtype=draft.dtype,
    )


# Where else to look for a point at which a program is valid: far away first, where it may take another path.
MOVES: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda x: x,
    lambda x: -x,
    lambda x: x / 4,
    lambda x: x + 1,
    lambda x: x - 0.5,
    lambda x: x * 0.75,
    lambda x: x + 2.0**-6,
)


def _elsewhere(draft: Draft, program: Program, here: list[np.ndarray], number: int) -> list[list[np.ndarray]]:
    """Return inputs of a program at other points, where it is valid too: such first as take another path."""
    found: list[tuple[bool, list[np.ndarray]]] = []
    path: list[bool] | None = None  # that of the first move, which is none
    for move in MOVES if number else ():
        xs, flow = [move(x).astype(draft.dtype) for x in here], ProbedControlFlow(draft.probe)
        try:
            run(program, draft.probe, *map(draft.probe.value, xs), flow=flow)
        except Unclear:
            continue
        path = flow.path if path is None else path
        found.append((flow.path == path, xs))
    return [xs for _, xs in sorted(found[1:], key=lambda each: each[0])[:number]]
