"""Forms of convolution, pooling and spectra."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.forms.first_operand import FirstOperand
from clinometer.strategies.forms.form import Drawn, Form, axes_of, signed
from clinometer.strategies.shapes import among, shapes

FILTER = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
POOL = {"kernel_size": (2,), "stride": (2,), "padding": (0,)}
SIGNAL = {"n": None, "axis": -1}
SIDES = among(2, 3, 1)


def _filters(draw: Any, axes: int) -> Drawn:
    groups, each, out = draw(among((1, 1, 1), (1, 2, 1), (1, 1, 2), (2, 1, 1), (1, 2, 3), (2, 1, 2)))
    size = tuple(draw(among(*((2, 1, 3) if axes == 1 else (2, 1)))) for _ in range(axes))
    stride, padding, dilation = ([draw(among(*o)) for _ in size] for o in ((1, 2), (0, 1), (1, 2)))
    space = tuple(d * (k - 1) + draw(st.integers(1, 3)) for d, k in zip(dilation, size, strict=True))
    how = {"stride": stride, "padding": padding, "dilation": dilation}
    # One number for all axes, or one for each.
    said = {name: n[0] if len(set(n)) == 1 else tuple(n) for name, n in how.items()}
    return ((draw(st.integers(1, 2)), groups * each, *space), (groups * out, each, *size)), {**said, "groups": groups}


def conv1d(draw: Any, row: Operation) -> Drawn:
    return _filters(draw, 1)


def conv1d_given(draw: FirstOperand, row: Operation) -> Drawn:
    _, channels, n = axes_of(draw, 3)
    return (draw.shape, (draw(SIDES), channels, draw(st.integers(1, min(n, 3))))), {
        "stride": 1,
        "padding": draw(st.sampled_from((0, 1))),
    }


def conv2d(draw: Any, row: Operation) -> Drawn:
    return _filters(draw, 2)


def pool(draw: Any, row: Operation) -> Drawn:
    (shape,), params = pool_dilated(draw, row)
    return (shape,), {name: n for name, n in params.items() if name != "dilation"}


def pool_given(draw: FirstOperand, row: Operation) -> Drawn:
    n = axes_of(draw, 3)[-1]
    return (draw.shape,), {"kernel_size": (draw(st.integers(1, min(n, 3))),), "stride": (1,), "padding": (0,)}


def pool_dilated(draw: Any, row: Operation) -> Drawn:
    axes = draw(st.integers(1, 2))
    size = tuple(draw(among(*((2, 1, 3) if axes == 1 else (2, 1)))) for _ in range(axes))
    stride, dilation = (tuple(draw(among(1, 2)) for _ in size) for _ in range(2))
    padding = tuple(draw(st.integers(0, k // 2)) for k in size)
    space = tuple(d * (k - 1) + draw(st.integers(1, 3)) for d, k in zip(dilation, size, strict=True))
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *space)
    return (shape,), {"kernel_size": size, "stride": stride, "padding": padding, "dilation": dilation}


def signal(draw: Any, row: Operation) -> Drawn:
    lead = draw(shapes(max_dims=2, min_side=1, max_size=4))
    at = signed(draw, len(lead) + 1)
    place = at if at >= 0 else at + len(lead) + 1
    n = draw(among(4, 3, 2, 5, 1, 6))
    return ((*lead[:place], n, *lead[place:]),), {"n": draw(among(None, n + 1, max(n - 1, 1))), "axis": at}


def signal_given(draw: FirstOperand, row: Operation) -> Drawn:
    return (axes_of(draw, 1, 2),), {"n": None, "axis": signed(draw, len(draw.shape))}


def complex_signal(draw: Any, row: Operation) -> Drawn:
    (shape,), params = signal(draw, row)
    return ((*shape, 2),), params


def spectrum(draw: Any, row: Operation) -> Drawn:
    (shape,), params = complex_signal(draw, row)
    bins = shape[params["axis"] - (params["axis"] < 0)]
    lengths = [None, 2 * bins - 2, 2 * bins - 1, 2 * bins, 2 * bins - 3]
    return (shape,), params | {"n": draw(among(*(lengths if bins > 1 else (1, 2, 3))))}


FORMS = {
    "conv1d": Form(conv1d, given=conv1d_given, degenerate=lambda n: [(((n, 2, 4), (3, 2, 2)), FILTER)]),
    "conv2d": Form(conv2d, in_programs=False, degenerate=lambda n: [(((n, 2, 4, 3), (3, 2, 2, 2)), FILTER)]),
    "pool": Form(pool, given=pool_given, degenerate=lambda n: [(((n, 2, 4),), POOL)]),
    "pool_dilated": Form(pool_dilated, in_programs=False, degenerate=lambda n: [(((n, 2, 4),), {**POOL, "dilation": (1,)})]),
    "signal": Form(signal, given=signal_given, degenerate=lambda n: [(((n, 4),), SIGNAL)]),
    "complex_signal": Form(complex_signal, in_programs=False, degenerate=lambda n: [(((n, 4, 2),), SIGNAL)]),
    "spectrum": Form(spectrum, in_programs=False, degenerate=lambda n: [(((n, 3, 2),), SIGNAL)]),
}
