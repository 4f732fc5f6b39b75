"""Derivatives of derivatives: a backend's two modes, taken of functions that take them in turn.

A step forward replaces a function by its tangent along the directions v. A step in reverse replaces it by its gradients,
one function an input. So no function ever gives more than one array, and a backend needs nothing beyond `vjp` and `jvp`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from clinometer.backends import Backend
from clinometer.reference.arithmetic.rounding import EXTENDED
from clinometer.reference.witness import OVER

Array = Any


class Part(NamedTuple):
    """A function of all inputs, the cotangent that goes with its output, and the input whose gradient it is part of."""

    f: Callable[..., Array]
    ct: Array
    which: int = -1


def higher(
    backend: Backend, f: Callable[..., Array], xs: Sequence[Array], vs: Sequence[Array], ct: Array, mode: str
) -> list[Array]:
    """Return D^n <ct, f> [v, ..., v, .] for each input.

    Parameters
    ----------
    backend : Backend
    f : callable
        Of the inputs, to one array.
    xs, vs : sequence of array
        Inputs and directions.
    ct : array
        Cotangent of f's output.
    mode : str
        The steps, outermost first: "forward-over-reverse". At least one is in reverse.
    """
    xs, vs = tuple(xs), tuple(vs)  # of one type, as some libraries ask of primals and tangents
    parts = [Part(f, ct)]
    for step in reversed(mode.split(OVER)):
        parts = [new for part in parts for new in STEPS[step](backend, part, vs)]
    terms: list[list[np.ndarray]] = [[] for _ in xs]
    for part in parts:
        terms[part.which].append(np.asarray(backend.to_numpy(part.f(*xs))))
    return [backend.asarray(_sum(each)) for each in terms]


def _forward(backend: Any, part: Part, vs: Sequence[Array]) -> list[Part]:
    return [part._replace(f=lambda *xs: backend.jvp(part.f, xs, vs)[1])]


def _reverse(backend: Any, part: Part, vs: Sequence[Array]) -> list[Part]:
    def gradient(which: int) -> Callable[..., Array]:
        return lambda *xs: backend.vjp(part.f, *xs)[1](part.ct)[which]

    return [Part(gradient(i), v, i) for i, v in enumerate(vs)]


STEPS = {"forward": _forward, "reverse": _reverse}


def _sum(terms: Sequence[np.ndarray]) -> np.ndarray:
    """Add arrays of one shape up, rounding once."""
    if len(terms) == 1:
        return terms[0]
    stacked = np.stack(terms)
    summed: np.ndarray = stacked.astype(np.result_type(stacked.dtype, EXTENDED)).sum(0)
    return summed.astype(stacked.dtype)
