"""Shapes, axes and indices. Each strategy says what it shrinks to."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

Shape = tuple[int, ...]
MAX_SIZE = 24  # entries of one array: a whole Jacobian stays small, and a failure readable


# A strategy is described and validated when it is first drawn from, which costs more than a draw. So those that are made
# while a case is drawn are made once: here, and by the caches below.
@functools.lru_cache(maxsize=None, typed=True)
def among(*options: Any) -> st.SearchStrategy[Any]:
    """Draw one of some hashable options; shrinks to the first."""
    return st.sampled_from(options)


@functools.cache
@st.composite
def shapes(
    draw: Any, *, min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4, max_size: int = MAX_SIZE
) -> Shape:
    """Draw a shape of at most `max_size` entries; shrinks to few axes, then to short ones.

    Raises
    ------
    InvalidArgument
        Bounds that no shape meets.
    """
    if not 0 <= min_dims <= max_dims:
        raise InvalidArgument(f"{min_dims=} and {max_dims=}: want 0 <= min_dims <= max_dims")
    if not 0 <= min_side <= max_side:
        raise InvalidArgument(f"{min_side=} and {max_side=}: want 0 <= min_side <= max_side")
    if min_side**min_dims > max_size:
        raise InvalidArgument(f"{min_dims=} and {min_side=}: the smallest such shape has more than {max_size=} entries")
    ndim = draw(among(*range(min_dims, max_dims + 1), *range(max(min_dims, 1), max_dims + 1)))
    while min_side**ndim > max_size:
        ndim -= 1
    # One shape in ten is empty: drawn side by side, half of all shapes would be.
    empty = draw(st.integers(0, ndim - 1)) if ndim and not min_side and draw(among(*range(10))) == 9 else None
    sides: list[int] = []
    least = max(min_side, 1)
    for left in range(ndim, 0, -1):
        # Each axis leaves room for those behind it.
        longest = max(min(max_side, max_size // (math.prod(sides) * least ** (left - 1))), min_side)
        # Size 1 is worth having, and most pairs of shapes should tell their axes apart.
        sides.append(draw(among(*[n for n in (2, 3, 1, 4) if least <= n <= longest] or [longest])))
    if empty is not None:
        sides[empty] = 0
    return tuple(sides)


@functools.cache
@st.composite
def broadcastable_shapes(draw: Any, number: int, *, min_side: int = 0) -> tuple[Shape, ...]:
    """Draw shapes that broadcast together; shrinks to equal shapes.

    The result is drawn first; then of each axis, which operands have 1 there, and which operands lack leading axes.
    Shapes drawn one by one would hardly ever fit, or be equal; and so would sides drawn operand by operand, since
    Hypothesis likes to repeat what it has drawn.
    """
    if number < 1:
        raise InvalidArgument(f"{number=}: want at least one shape")
    some = [(), *(c for r in range(number) for c in itertools.combinations(range(number), r))]  # of the operands, never all
    ndim = draw(among(0, 1, 2, 3, 2, 3))  # of scalars alone there is little to learn
    shorter = draw(among(*some)) if ndim else ()
    lost = draw(st.integers(1, ndim)) if shorter else 0
    result = draw(shapes(min_dims=ndim, max_dims=ndim, min_side=min_side))
    ones = [draw(among(*some)) for _ in result]
    whole = [tuple(1 if i in squashed else n for n, squashed in zip(result, ones, strict=True)) for i in range(number)]
    return tuple(shape[lost if i in shorter else 0 :] for i, shape in enumerate(whole))


@functools.cache
@st.composite
def axes_subsets(draw: Any, ndim: int, *, min_axes: int = 0) -> int | tuple[int, ...] | None:
    """Draw an `axis` argument: None, an integer or a tuple, each axis as it is or negative; shrinks to None."""
    if ndim and not 0 <= min_axes <= ndim:
        raise InvalidArgument(f"{min_axes=} and {ndim=}: want 0 <= min_axes <= ndim")
    if ndim == 0:
        return None
    kind = draw(among("none", "one", "some"))
    if kind == "none":
        return None
    signed = st.integers(0, ndim - 1).flatmap(lambda a: among(a, a - ndim))
    if kind == "one":
        return draw(signed)
    chosen = draw(st.lists(signed, min_size=min_axes, max_size=ndim, unique_by=lambda a: a % ndim))
    return tuple(chosen)


@functools.cache
@st.composite
def index_keys(draw: Any, shape: Shape, *, unique: bool = False) -> Any:
    """Draw a key for `x[key]`; shrinks to zeros, one an axis.

    Integers, slices with any step, an ellipsis, new axes, one list of integers (with duplicates, unless `unique`), or
    a boolean mask of the whole, or a single entry.
    """
    whole = draw(st.integers(0, 15)) if shape else 0
    if whole == 13 and all(shape):
        return tuple(draw(st.integers(-n, n - 1)) for n in shape)
    if whole >= 14:
        mask = np.random.default_rng(draw(st.integers(0, 2**16))).random(shape) < 0.6
        return mask.tolist() if mask.ndim else bool(mask)
    parts: list[Any] = []
    lists = 0
    for n in shape:
        kind = draw(among("integer", "slice", "full", "list"))
        if kind == "integer" and n:
            parts.append(draw(st.integers(-n, n - 1)))
        elif kind == "list" and n and not lists:
            lists = 1
            entries = st.integers(-n, n - 1)
            by = (lambda i, n=n: i % n) if unique else None
            parts.append(draw(st.lists(entries, min_size=1, max_size=n if unique else 4, unique_by=by)))
        elif kind == "slice":
            step = draw(among(1, 2, -1, -2, 3))
            bound = st.none() | st.integers(-n - 1, n + 1)
            parts.append(slice(draw(bound), draw(bound), step))
        else:
            parts.append(slice(None))
    extra = draw(among("nothing", "ellipsis", "newaxis"))
    if extra == "ellipsis":
        # An ellipsis stands for the full slices at its place, so it may replace those at the end.
        while parts and parts[-1] == slice(None):
            parts.pop()
        parts.append(...)
    elif extra == "newaxis" and not lists:
        parts.insert(draw(st.integers(0, len(parts))), None)
    return tuple(parts) if len(parts) != 1 else parts[0]
