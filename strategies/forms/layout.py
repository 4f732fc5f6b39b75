"""Forms that change the shape or the order of entries."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.forms.first_operand import FirstOperand, Unfit, broadcastable, first
from clinometer.strategies.forms.form import Drawn, Form, signed, size
from clinometer.strategies.shapes import among, axes_subsets, shapes


def reshape(draw: Any, row: Operation) -> Drawn:
    shape = first(draw)
    options = [(size(shape),), (1, *shape), shape[::-1], (*shape, 1)]
    if shape and 0 not in shape:
        options.append((-1, shape[-1]))
    if len(shape) > 1:
        options.append((shape[0] * shape[1], *shape[2:]))
    return (shape,), {"shape": draw(among(*options))}


def permute_dims(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1)
    return (shape,), {"axes": tuple(draw(st.permutations(range(len(shape)))))}


def matrix(draw: Any, row: Operation) -> Drawn:
    return (first(draw, min_dims=2),), {}


def diagonal(draw: Any, row: Operation) -> Drawn:
    return (first(draw, min_dims=2),), {"offset": draw(st.integers(-2, 2))}


def diag(draw: Any, row: Operation) -> Drawn:
    return (first(draw, min_dims=1, max_dims=1, min_side=1),), {"k": draw(st.integers(-2, 2))}


def split(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    at = signed(draw, len(shape))
    n = shape[at]
    sections = st.sampled_from([k for k in range(1, n + 1) if n % k == 0])
    places = st.lists(st.integers(0, n), min_size=1, max_size=3).map(sorted)
    return (shape,), {"at": draw(sections | places), "axis": at}


def triangle(draw: Any, row: Operation) -> Drawn:
    return (first(draw, min_dims=2),), {"k": draw(st.integers(-2, 2))}


def moveaxis(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1)
    return (shape,), {"source": signed(draw, len(shape)), "destination": signed(draw, len(shape))}


def expand_dims(draw: Any, row: Operation) -> Drawn:
    shape = first(draw)
    return (shape,), {"axis": signed(draw, len(shape) + 1)}


def squeeze(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, max_dims=2)
    at = draw(st.integers(0, len(shape)))
    axis: Any = at - (len(shape) + 1 if draw(st.booleans()) else 0)
    shape = (*shape[:at], 1, *shape[at:])
    if draw(st.booleans()):  # a second axis of size 1, behind all others
        shape, axis = (*shape, 1), (at, draw(among(-1, len(shape))))
    return (shape,), {"axis": axis}


def squeeze_given(draw: FirstOperand, row: Operation) -> Drawn:
    ones = [i for i, n in enumerate(draw.shape) if n == 1]
    if not ones:
        raise Unfit
    return (draw.shape,), {"axis": draw(st.sampled_from(ones))}


def flip(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1)
    return (shape,), {"axis": draw(axes_subsets(len(shape), min_axes=1))}


def roll(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    shifts = st.integers(-3, 3)
    kind = draw(among("one", "several", "flat"))
    if kind == "several":
        axes = draw(st.lists(st.integers(-len(shape), len(shape) - 1), min_size=1, max_size=3))
        return (shape,), {"shift": tuple(draw(shifts) for _ in axes), "axis": tuple(axes)}
    return (shape,), {"shift": draw(shifts), "axis": signed(draw, len(shape)) if kind == "one" else None}


def concat(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1)
    at = draw(st.integers(0, len(shape) - 1))
    other = (*shape[:at], draw(st.integers(0, 3)), *shape[at + 1 :])
    return (shape, other), {"axis": at - (len(shape) if draw(st.booleans()) else 0)}


def stack(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, max_dims=2)
    return (shape, shape), {"axis": signed(draw, len(shape) + 1)}


def pad(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, max_dims=2)
    mode = "constant" if 0 in shape else draw(among("constant", "edge", "reflect", "wrap"))
    # Reflected or wrapped around more than once, entries come again in an order that numpy alone has.
    most = {"constant": lambda n: 2, "edge": lambda n: 2, "reflect": lambda n: min(2, n - 1), "wrap": lambda n: min(2, n)}[mode]
    widths = tuple((draw(st.integers(0, most(n))), draw(st.integers(0, most(n)))) for n in shape)
    filling = {"constant_values": draw(among(0.0, 1.5))} if mode == "constant" else {"mode": mode}
    return (shape,), {"pad_width": widths, **filling}


def tile(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, max_dims=2)
    count = draw(st.integers(1, 3))
    return (shape,), {"repetitions": tuple(draw(st.integers(1, 3)) for _ in range(count))}


def repeat(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, max_dims=2)
    at = draw(among(*range(-len(shape), len(shape)), None))
    n = size(shape) if at is None else shape[at]
    each = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    return (shape,), {"repeats": draw(st.integers(1, 3) | each) if n else draw(st.integers(1, 3)), "axis": at}


def broadcast_to(draw: Any, row: Operation) -> Drawn:
    shape, other = broadcastable(draw, 2)
    whole = (1,) * (max(len(shape), len(other)) - len(shape)) + shape
    other = (1,) * (len(whole) - len(other)) + other
    return (shape,), {"shape": tuple(b if a == 1 else a for a, b in zip(whole, other, strict=True))}


def sequence(draw: Any, row: Operation) -> Drawn:
    return (first(draw, min_dims=1, max_dims=1, min_side=1), draw(shapes(min_side=1))), {}


FORMS = {
    "reshape": Form(reshape, degenerate=lambda n: [(((n, 3),), {"shape": (3, n)}), (((n,),), {"shape": (n, 1)})]),
    "permute_dims": Form(permute_dims, degenerate=lambda n: [(((2, n, 3),), {"axes": (2, 0, 1)})]),
    "matrix": Form(matrix, degenerate=lambda n: [(((2, n),), {}), (((n, 2, 3),), {})]),
    "diagonal": Form(diagonal, degenerate=lambda n: [(((n, 3),), {"offset": 0}), (((2, 3, n),), {"offset": 0})]),
    "diag": Form(diag, degenerate=lambda n: [(((n,),), {"k": 0})]),
    "split": Form(split, degenerate=lambda n: [(((2, n),), {"at": 1, "axis": 0})]),
    "triangle": Form(triangle, degenerate=lambda n: [(((n, 3),), {"k": 0}), (((2, 3, n),), {"k": -1})]),
    "moveaxis": Form(moveaxis, degenerate=lambda n: [(((2, n, 3),), {"source": 0, "destination": -1})]),
    "expand_dims": Form(expand_dims, degenerate=lambda n: [(((n,),), {"axis": 0}), (((2, n),), {"axis": -1})]),
    "squeeze": Form(squeeze, given=squeeze_given, degenerate=lambda n: [(((1, n, 2),), {"axis": 0})]),
    "flip": Form(flip, degenerate=lambda n: [(((n, 3),), {"axis": 0}), (((n, 3),), {"axis": 1})]),
    "roll": Form(roll, degenerate=lambda n: [(((n, 3),), {"shift": 1, "axis": 0}), (((n, 3),), {"shift": -2, "axis": 1})]),
    "concat": Form(concat, degenerate=lambda n: [(((n, 3), (2, 3)), {"axis": 0}), (((2, n), (1, n)), {"axis": 0})]),
    "stack": Form(stack, degenerate=lambda n: [(((n,), (n,)), {"axis": 0}), (((n, 2), (n, 2)), {"axis": -1})]),
    "pad": Form(pad, degenerate=lambda n: [(((n, 2),), {"pad_width": ((1, 0), (0, 2))})]),
    "tile": Form(tile, degenerate=lambda n: [(((n,),), {"repetitions": (2,)}), (((2, n),), {"repetitions": (2, 1, 3)})]),
    "repeat": Form(
        repeat, degenerate=lambda n: [(((n, 3),), {"repeats": 2, "axis": 0}), (((2, n),), {"repeats": 3, "axis": 0})]
    ),
    "broadcast_to": Form(broadcast_to, degenerate=lambda n: [(((n,),), {"shape": (2, n)}), (((1, n),), {"shape": (3, n)})]),
    "sequence": Form(sequence, in_programs=False),
}
