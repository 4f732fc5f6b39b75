"""What a solver leaves in the values that it computes, and what is not to be blamed on the gradient of what it solves.

A solver stops when it is good enough, or chooses its steps. Its values are those of the function that its author means, and
a small error, which has waves or jumps. Around the derivative that the author means, the slope of the values is off by as
much as these are steep.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from clinometer.gradcheck.line import STRICT, UserLine
from clinometer.reference.verdict import SAFETY

AROUND = tuple(2.0**-k for k in (0, 1, 2, 3, 4, 5, 7, 9, 12, 15, 18))  # how far around the point waves are looked for
NODES = 32  # of Chebyshev's, at which they are
FAINT = 1e-4  # of a derivative's size: steeper waves are meant
NEAR = tuple(2.0**-k for k in (2, 4, 6))  # how far around the point jumps are looked for: branches of formulas are further away
TURN = (64.0, 8.0, 1.0, *NEAR)  # the same of what a linear function is asked for: its scale is nobody's branch
HALF = 32  # values on each side
SUSPECTS = 4  # places at which there may be one, within each of these
FINEST = 2.0**-32  # how closely each is looked at
LOW = 1e-3  # of what f moves by while its arguments move by their own size: higher jumps are meant


class Left(NamedTuple):
    """What a solver leaves."""

    height: float  # by how much the values of f are off
    part: float  # what part of its size the derivative may be off by, where f is smooth between jumps


def left(line: UserLine, size: float) -> Left:
    """Return how high the jumps and waves of a line are that no author means, and how steep.

    Parameters
    ----------
    line : Line
    size : float
        Of the derivative along it.
    """
    torn = [jump for jump in jumps(line) if jump.height <= LOW * size]
    high = [wave for wave in waves(line) if wave.steep <= FAINT * size]
    found = [Left(j.height, STRICT * j.height / j.away / size) for j in torn] + [Left(w.height, w.steep / size) for w in high]
    return Left(*(max(it) for it in zip(*found))) if found else Left(0.0, 0.0)


def tolerance(line: UserLine, size: float) -> float:
    """Return how far a solver, or rounding to fewer digits, moves the values of a line that is straight but for it.

    Parameters
    ----------
    line : Line
        An entry of a linear function, while its argument turns.
    size : float
        Of all entries.
    """
    found = []
    for reach in TURN:
        scale = max(1.0, reach)  # what a linear function returns, and its rounding, grow with its argument
        seen = [jump.seen / scale for jump in jumps(dataclasses.replace(line, noise=line.noise * scale), (reach,))]
        found += [it for it in seen if it <= LOW * size]
    return SAFETY * min(found, default=0.0)


class Wave(NamedTuple):
    """That part of a function which no smooth one has."""

    height: float
    steep: float


def waves(line: UserLine) -> Iterator[Wave]:
    """Yield what f has of waves within each of several reaches, if there are any.

    Chebyshev's coefficients of a smooth function fall until rounding hides them; those of pieces or waves stay where they are.
    """
    angles = np.pi * (np.arange(NODES) + 0.5) / NODES
    transform = np.cos(np.outer(np.arange(NODES), angles)) * 2 / NODES
    wider = itertools.takewhile(lambda a: a > max(AROUND), (line.wide * 2.0**-k for k in itertools.count()))
    for reach in (*wider, *AROUND):
        coefficients = abs(transform @ np.array([line(reach * t) for t in np.cos(angles)]))
        middle, last = coefficients[NODES // 2 : -NODES // 4].max(), coefficients[-NODES // 4 :].max()
        if last > max(middle / 10, SAFETY * (line.noise + line.rough)):  # not so where a value is not-a-number
            high = coefficients[NODES // 2 :]
            yield Wave(float(high.max()), STRICT * float((np.arange(NODES // 2, NODES) * high).max()) / reach)


class Jump(NamedTuple):
    """Where a function is torn."""

    height: float
    away: float  # from the point
    seen: float  # how far from smooth the function is, as far as the jump was looked for


def jumps(line: UserLine, reaches: Sequence[float] = NEAR) -> Iterator[Jump]:
    """Yield a jump of f within each of several reaches, if there is one: the highest that is found.

    When the step is halved, the sixth difference of a smooth function becomes a 64th of what it was, and that at a kink a
    half; at a jump it stays the same. So a jump however low is told from both, and followed to its place.
    """
    floor = SAFETY * (line.noise + line.rough)
    for reach in reaches:
        step = reach / HALF
        coarse, fine = _sixth(line, 0.0, 2 * step, HALF // 2), _sixth(line, 0.0, step, HALF)
        beside = np.clip(np.arange(len(fine)) // 2 - 1, 0, len(coarse) - 1)  # where the centre of a fine one is in the coarse
        suspects = [i for i in np.argsort(-fine) if fine[i] > max(floor, coarse[beside[i]] / 8)]
        for i in [i for k, i in enumerate(suspects) if all(abs(i - other) > 6 for other in suspects[:k])][:SUSPECTS]:
            height, at = _followed(line, (i + 3 - HALF) * step, step / 2, floor)
            if height:
                yield Jump(height, max(abs(at), FINEST), float(fine.max()))
                break


def _sixth(line: UserLine, at: float, step: float, half: int) -> np.ndarray:
    """Return the sixth differences on both sides of a place, in units of that at a jump of one."""
    return abs(np.diff([line(at + k * step) for k in range(-half, half + 1)], 6)) / 10


def _followed(line: UserLine, at: float, step: float, floor: float) -> tuple[float, float]:
    """Return how high a jump is, and where; of what is none the height is 0."""
    heights: list[float] = []
    while step > FINEST:
        sixth = _sixth(line, at, step, 7)
        place = int(np.argmax(sixth))
        heights.append(float(sixth[place]))
        if not heights[-1] > max([floor, *(h / 4 for h in heights[-4:-3])]):  # not so where a value is not-a-number
            return 0.0, at
        at, step = at + (place + 3 - 7) * step, step / 2
    return heights[-1], at
