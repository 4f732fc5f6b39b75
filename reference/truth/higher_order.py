"""Higher order: duals of duals, and what a derivative of a derivative must be.

Of order n, all but one derivative are taken along the tangents v of the case, and the last along every entry of the
inputs at once: D^n <ct, f> [v, ..., v, e_i]. Of order two that is the product of a Hessian with v; of order one it
would be the gradient. One pass of forward mode gives it, with n levels of duals: below, each along v; on top, the basis.

The tolerance is made as of first order. Its scale is the majorant, which below the top level is a dual number itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.reference.arithmetic.dual import Dual
from clinometer.reference.arithmetic.replicas import LEAD, PointsDisagree, ReplicaArray
from clinometer.reference.arithmetic.rounding import RoundingNoise
from clinometer.reference.catalogue import MATHEMATICS
from clinometer.reference.program.interpreter import run
from clinometer.reference.truth.expected import Expected, expect, settled
from clinometer.reference.truth.problem import Problem, basis, replicate


def higher(problem: Problem, order: int) -> list[Expected]:
    """Return D^order <ct, f> [v, ..., v, .] for each input, v and ct being the case's tangents and cotangents."""
    try:
        found = [expect(replicas, scale, problem.precision) for replicas, scale in _whole(problem, order)]
        if not any(e.adrift(problem.precision) for e in found):
            return found
        at_rest = [expect(replicas, scale, problem.precision) for replicas, scale in _whole(problem, order, moved=False)]
        return [settled(e, still) for e, still in zip(found, at_rest, strict=True)]
    except PointsDisagree:
        points = [higher(problem.at(i), order) for i in range(problem.points)]
        return [
            Expected(np.concatenate([e.value for e in each]), np.concatenate([e.tolerance for e in each]))
            for each in zip(*points, strict=True)
        ]


@np.errstate(all="ignore")  # as in a pass of first order
def _whole(problem: Problem, order: int, moved: bool = True) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return replicas and majorant of the derivative in each input, of shape (replicas or 1, points, *input)."""
    noise = RoundingNoise(problem.precision)
    duals = []
    for x, dx, entries in zip(problem.inputs, problem.tangents, basis(problem, noise), strict=True):
        along = ReplicaArray(dx.astype(problem.precision.working)[None, :, None], noise)
        dual: Any = replicate(x, problem.precision, noise, moved=moved)
        for level in range(1, order):
            dual = Dual(dual, along, abs(along), level)
        duals.append(Dual(dual, entries, entries, order))
    outputs = run(problem.program, MATHEMATICS, *duals)
    below = ["dx"] * (order - 1)
    replicas = _against(problem, [_part(y, ["dx", *below]) for y in outputs], problem.cotangents)
    scale = _against(problem, [_part(y, ["m", *below]) for y in outputs], [abs(ct) for ct in problem.cotangents])
    return list(zip(_split(replicas, problem), _split(scale, problem), strict=True))


def _split(data: np.ndarray, problem: Problem) -> list[np.ndarray]:
    """Cut (replicas, points, entries of all inputs) into one array an input, of its shape."""
    ends = np.cumsum([x[0].size for x in problem.inputs])
    return [data[:, :, end - x[0].size : end].reshape(len(data), *x.shape) for end, x in zip(ends, problem.inputs, strict=True)]


def _part(y: Any, names: list[str]) -> np.ndarray | None:
    """Return a component of a component, from the top level down; None where a level carries nothing."""
    for level, name in zip(range(len(names), 0, -1), names, strict=True):
        if not (isinstance(y, Dual) and y.level == level):
            return None
        y = getattr(y, name)
    return y.data


def _against(problem: Problem, parts: list[np.ndarray | None], cotangents: Any) -> np.ndarray:
    """Sum derivatives of the outputs, (replicas, points, entries, *out), against cotangents: (replicas, points, entries)."""
    total = np.zeros((1, problem.points, sum(x[0].size for x in problem.inputs)), problem.precision.working)
    for part, ct in zip(parts, cotangents, strict=True):
        if part is not None:
            ct = ct.astype(part.dtype)[None, :, None]
            total = total + (part * ct).sum(tuple(range(LEAD, ct.ndim)))
    return total
