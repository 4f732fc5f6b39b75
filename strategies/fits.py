"""Forms whose first argument is a value at hand, where the form itself would draw another shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.at_hand import AtHand, Unfit
from clinometer.strategies.forms import Drawn, signed

SIDES = st.sampled_from((2, 3, 1))


def _matmul(draw: AtHand, row: Operation) -> Drawn:
    *lead, k = _axes(draw, 1)
    m = draw(SIDES)
    return (draw.shape, draw(st.sampled_from(((k, m), (k,), *([(*lead[:-1], k, m)] if len(lead) > 1 else []))))), {}


def _dot(draw: AtHand, row: Operation) -> Drawn:
    k = _axes(draw, 1)[-1]
    return (draw.shape, draw(st.sampled_from(((k,), (k, draw(SIDES)))))), {}


def _inner(draw: AtHand, row: Operation) -> Drawn:
    k = _axes(draw, 1)[-1]
    return (draw.shape, draw(st.sampled_from(((k,), (draw(SIDES), k))))), {}


def _outer(draw: AtHand, row: Operation) -> Drawn:
    _axes(draw, 1, 1)
    return (draw.shape, (draw(SIDES),)), {}


def _kron(draw: AtHand, row: Operation) -> Drawn:
    _axes(draw, 1, 2)
    return (draw.shape, draw(st.sampled_from(((2,), (1, 2), (2, 1))))), {}


def _trace(draw: AtHand, row: Operation) -> Drawn:
    _axes(draw, 2)
    return (draw.shape,), {"offset": 0}


def _squeeze(draw: AtHand, row: Operation) -> Drawn:
    ones = [i for i, n in enumerate(draw.shape) if n == 1]
    if not ones:
        raise Unfit
    return (draw.shape,), {"axis": draw(st.sampled_from(ones))}


def _signal(draw: AtHand, row: Operation) -> Drawn:
    return (_axes(draw, 1, 2),), {"n": None, "axis": signed(draw, len(draw.shape))}


def _filters(draw: AtHand, row: Operation) -> Drawn:
    _, channels, n = _axes(draw, 3)
    return (draw.shape, (draw(SIDES), channels, draw(st.integers(1, min(n, 3))))), {
        "stride": 1,
        "padding": draw(st.sampled_from((0, 1))),
    }


def _pool(draw: AtHand, row: Operation) -> Drawn:
    n = _axes(draw, 3)[-1]
    return (draw.shape,), {"kernel_size": (draw(st.integers(1, min(n, 3))),), "stride": (1,), "padding": (0,)}


def _axes(draw: AtHand, least: int, most: int = 3) -> tuple[int, ...]:
    """Return the shape at hand, if it has so many axes."""
    if not least <= len(draw.shape) <= most:
        raise Unfit
    return draw.shape


FITS: dict[str, Callable[[Any, Operation], Drawn]] = {
    "matmul": _matmul,
    "dot": _dot,
    "inner": _inner,
    "outer": _outer,
    "kron": _kron,
    "trace": _trace,
    "squeeze": _squeeze,
    "signal": _signal,
    "conv1d": _filters,
    "pool": _pool,
}
