"""Shapes, axes and indices: how different the draws are, in numbers, and what they shrink to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from drawn import examples, minimal, share
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from clinometer.strategies import axes_subsets, broadcastable_shapes, index_keys, shapes
from clinometer.strategies.shapes import MAX_SIZE

DRAWS = 500
Shape = tuple[int, ...]


# ----- shapes -----

SHAPES = examples(shapes(), DRAWS)


@pytest.mark.parametrize("ndim", [0, 1, 2, 3])
def test_every_number_of_axes_occurs(ndim: int) -> None:
    """Scalars make up a twentieth of the shapes, each number of axes from 1 to 3 a tenth at least."""
    assert share(SHAPES, lambda shape: len(shape) == ndim) >= (0.1 if ndim else 0.05)


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_every_length_occurs(side: int) -> None:
    """Each length from 1 to 4 stands in at least a fifth of the shapes."""
    assert share(SHAPES, lambda shape: side in shape) >= 0.2


def test_some_shapes_are_empty_and_not_too_many() -> None:
    """One shape in twenty at least has no entries, and one in five at most: of nothing there is little to learn."""
    assert 0.05 <= share(SHAPES, lambda shape: 0 in shape) <= 0.2


def test_axes_can_be_told_apart() -> None:
    """Of the shapes of several axes, a quarter have all sides distinct and none of length 0, and a tenth have all equal."""
    several = [shape for shape in SHAPES if len(shape) > 1]
    assert share(several, lambda shape: len(set(shape)) == len(shape)) >= 0.25
    assert share(several, lambda shape: len(set(shape)) == 1 and 0 not in shape) >= 0.1


BOUNDS: list[dict[str, int]] = [
    {},
    {"min_dims": 2},
    {"max_dims": 1},
    {"min_side": 1},
    {"min_side": 2},
    {"min_dims": 3, "max_dims": 3, "min_side": 2},
    {"max_side": 1},
    {"min_side": 5, "max_side": 9},
    {"max_size": 4, "min_side": 2},
    {"max_dims": 5, "max_size": 100},
]


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_shapes_keep_their_bounds(bounds: dict[str, int]) -> None:
    """Axes, sides and size are within what was asked for, in every draw."""
    asked = {"min_dims": 0, "max_dims": 3, "min_side": 0, "max_side": 4, "max_size": MAX_SIZE} | bounds
    for shape in examples(shapes(**bounds), 200):
        assert asked["min_dims"] <= len(shape) <= asked["max_dims"]
        assert all(asked["min_side"] <= n <= asked["max_side"] for n in shape)
        assert math.prod(shape) <= asked["max_size"] or not shape


# ----- shapes that broadcast -----

PAIRS = examples(broadcastable_shapes(2), DRAWS)


def aligned(pair: tuple[Shape, Shape]) -> list[tuple[int, int]]:
    """Return the sides of two shapes that meet."""
    return list(zip(pair[0][::-1], pair[1][::-1], strict=False))


BROADCASTS: list[tuple[str, float, Callable[[tuple[Shape, Shape]], bool]]] = [
    ("different shapes", 0.5, lambda pair: pair[0] != pair[1]),
    ("equal shapes", 0.15, lambda pair: pair[0] == pair[1] != ()),
    ("one has fewer axes", 0.25, lambda pair: len(pair[0]) != len(pair[1])),
    ("a size of 1 against another", 0.25, lambda pair: any(a != b for a, b in aligned(pair))),
    ("fewer axes and a size of 1", 0.05, lambda pair: len(pair[0]) != len(pair[1]) and any(a != b for a, b in aligned(pair))),
    ("both are spread", 0.03, lambda pair: np.broadcast_shapes(*pair) not in pair),
    ("a scalar", 0.1, lambda pair: () in pair),
    ("a scalar and an array", 0.03, lambda pair: () in pair and pair[0] != pair[1]),
    ("nothing in it", 0.05, lambda pair: 0 in np.broadcast_shapes(*pair)),
    ("first spread", 0.2, lambda pair: np.broadcast_shapes(*pair) != pair[0]),
    ("second spread", 0.2, lambda pair: np.broadcast_shapes(*pair) != pair[1]),
]


@pytest.mark.parametrize(("name", "least", "condition"), BROADCASTS)
def test_pairs_broadcast_in_every_way(name: str, least: float, condition: Callable) -> None:
    """Each way in which two shapes can meet makes up its share of the draws."""
    assert share(PAIRS, condition) >= least


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("min_side", [0, 1])
def test_broadcastable_shapes_broadcast(number: int, min_side: int) -> None:
    """As many shapes as asked for, which broadcast together to at most the largest size."""
    for drawn in examples(broadcastable_shapes(number, min_side=min_side), 200):
        assert len(drawn) == number
        assert math.prod(np.broadcast_shapes(*drawn)) <= MAX_SIZE
        assert all(n >= min_side for shape in drawn for n in shape)


def test_one_of_three_is_spread_while_two_are_not() -> None:
    """Of three operands, each alone and each two together are spread at times."""
    drawn = examples(broadcastable_shapes(3, min_side=1), DRAWS)
    seen = {tuple(shape != np.broadcast_shapes(*shapes) for shape in shapes) for shapes in drawn}
    assert len(seen) >= 7


# ----- axes -----

AXES = examples(axes_subsets(3), DRAWS)
KINDS_OF_AXES: list[tuple[str, float, Callable[[Any], bool]]] = [
    ("none", 0.15, lambda axis: axis is None),
    ("one", 0.15, lambda axis: isinstance(axis, int)),
    ("one, negative", 0.05, lambda axis: isinstance(axis, int) and axis < 0),
    ("a tuple", 0.15, lambda axis: isinstance(axis, tuple)),
    ("no axis at all", 0.02, lambda axis: axis == ()),
    ("several", 0.1, lambda axis: isinstance(axis, tuple) and len(axis) > 1),
    ("all of them, by name", 0.02, lambda axis: isinstance(axis, tuple) and len(axis) == 3),
    ("a tuple with a negative one", 0.05, lambda axis: isinstance(axis, tuple) and any(a < 0 for a in axis)),
    ("out of order", 0.02, lambda axis: isinstance(axis, tuple) and [a % 3 for a in axis] != sorted(a % 3 for a in axis)),
]


@pytest.mark.parametrize(("name", "least", "condition"), KINDS_OF_AXES)
def test_axes_come_in_every_form(name: str, least: float, condition: Callable) -> None:
    """None, an integer, a tuple, an empty one, negative ones: each makes up its share."""
    assert share(AXES, condition) >= least


@pytest.mark.parametrize("ndim", [0, 1, 2, 3])
@pytest.mark.parametrize("min_axes", [0, 1])
def test_axes_are_axes(ndim: int, min_axes: int) -> None:
    """Numpy takes each of them, no axis comes twice, and no tuple has fewer than asked for."""
    for axis in examples(axes_subsets(ndim, min_axes=min_axes), 100):
        np.sum(np.ones((2,) * ndim), axis=axis)
        if isinstance(axis, tuple):
            assert len(axis) >= min_axes


# ----- keys -----

KEYED = (2, 3, 4)
KEYS = examples(index_keys(KEYED), DRAWS)


def parts(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def is_mask(key: Any) -> bool:
    return isinstance(key, list) and isinstance(key[0], list)


def lists(key: Any) -> list[list[int]]:
    return [part for part in parts(key) if isinstance(part, list) and all(type(entry) is int for entry in part)]


KINDS_OF_KEYS: list[tuple[str, float, Callable[[Any], bool]]] = [
    ("an integer", 0.2, lambda key: any(isinstance(part, int) for part in parts(key))),
    ("a negative integer", 0.1, lambda key: any(isinstance(part, int) and part < 0 for part in parts(key))),
    ("a slice", 0.2, lambda key: any(isinstance(part, slice) and part != slice(None) for part in parts(key))),
    ("a slice backwards", 0.1, lambda key: any(isinstance(part, slice) and (part.step or 1) < 0 for part in parts(key))),
    ("a list", 0.2, lambda key: bool(lists(key))),
    ("a list with duplicates", 0.05, lambda key: any(len(set(entries)) < len(entries) for entries in lists(key))),
    ("a list with negative ones", 0.05, lambda key: any(min(entries) < 0 for entries in lists(key))),
    ("a list beside an integer", 0.05, lambda key: bool(lists(key)) and any(isinstance(part, int) for part in parts(key))),
    ("a mask", 0.03, is_mask),
    ("an ellipsis", 0.1, lambda key: any(part is ... for part in parts(key))),
    ("a new axis", 0.05, lambda key: any(part is None for part in parts(key))),
    ("nothing is left", 0.03, lambda key: np.zeros(KEYED)[key].size == 0),
    ("a scalar is left", 0.02, lambda key: np.zeros(KEYED)[key].shape == ()),
]


@pytest.mark.parametrize(("name", "least", "condition"), KINDS_OF_KEYS)
def test_keys_come_in_every_form(name: str, least: float, condition: Callable) -> None:
    """Integers, slices of any direction, lists, masks, ellipses and new axes each make up their share."""
    assert share(KEYS, condition) >= least


@pytest.mark.parametrize("shape", [(), (3,), (1, 4), (2, 3, 4), (0, 2), (2, 0)])
@pytest.mark.parametrize("unique", [False, True])
def test_keys_fit_their_shape(shape: Shape, unique: bool) -> None:
    """Numpy takes each key; where entries must be unique no entry is picked twice."""
    positions = np.arange(math.prod(shape)).reshape(shape)
    for key in examples(index_keys(shape, unique=unique), 200):
        picked = np.ravel(positions[key])
        if unique:
            assert len(set(picked)) == len(picked)


# ----- shrinking -----

MINIMAL: list[tuple[str, st.SearchStrategy, Callable[[Any], bool], Any]] = [
    ("a shape", shapes(), lambda shape: True, ()),
    ("a shape of two axes", shapes(min_dims=2), lambda shape: True, (2, 2)),
    ("a shape with three axes", shapes(), lambda shape: len(shape) == 3, (2, 2, 2)),
    ("a shape without entries", shapes(), lambda shape: 0 in shape, (0,)),
    ("a shape with a side of 3", shapes(), lambda shape: 3 in shape, (3,)),
    ("shapes that broadcast", broadcastable_shapes(2), lambda pair: True, ((), ())),
    ("three shapes", broadcastable_shapes(3), lambda drawn: any(map(len, drawn)), ((2,), (2,), (2,))),
    ("shapes that differ", broadcastable_shapes(2), lambda pair: len(pair[0]) < len(pair[1]), ((), (2,))),
    ("an axis", axes_subsets(3), lambda axis: True, None),
    ("an axis that is a number", axes_subsets(3), lambda axis: isinstance(axis, int), 0),
    ("axes that are a tuple", axes_subsets(3), lambda axis: isinstance(axis, tuple), ()),
    ("axes that are two", axes_subsets(3), lambda axis: isinstance(axis, tuple) and len(axis) == 2, (0, 1)),
    ("a key", index_keys((3,)), lambda key: True, 0),
    ("a key of two axes", index_keys((2, 3)), lambda key: True, (0, 0)),
    ("a key of a scalar", index_keys(()), lambda key: True, ()),
    ("a key that is a list", index_keys((3,)), lambda key: bool(lists(key)), [0]),
    ("a list with duplicates", index_keys((3,)), lambda key: any(len(x) > len(set(x)) for x in lists(key)), [0, 0]),
    (
        "a key that is a slice",
        index_keys((3,)),
        lambda key: isinstance(key, slice) and key != slice(None),
        slice(None, None, 1),
    ),
]


@pytest.mark.parametrize(("name", "strategy", "condition", "expected"), MINIMAL, ids=[name for name, *_ in MINIMAL])
def test_draws_shrink_to_what_their_strategy_says(name: str, strategy: Any, condition: Callable, expected: Any) -> None:
    """The simplest example of each kind is the one that a reader would write."""
    assert minimal(strategy, condition) == expected


# ----- arguments that make no sense -----

BAD: list[tuple[Callable[[], st.SearchStrategy], str]] = [
    (lambda: shapes(min_dims=2, max_dims=1), r"min_dims=2 and max_dims=1: want 0 <= min_dims <= max_dims"),
    (lambda: shapes(min_dims=-1), r"min_dims=-1 and max_dims=3: want 0 <= min_dims <= max_dims"),
    (lambda: shapes(min_side=3, max_side=2), r"min_side=3 and max_side=2: want 0 <= min_side <= max_side"),
    (lambda: shapes(min_side=-1), r"min_side=-1 and max_side=4: want 0 <= min_side <= max_side"),
    (
        lambda: shapes(min_dims=3, min_side=3),
        r"min_dims=3 and min_side=3: the smallest such shape has more than max_size=24 entries",
    ),
    (lambda: broadcastable_shapes(0), r"number=0: want at least one shape"),
    (lambda: broadcastable_shapes(2, min_side=9), r"min_side=9 and max_side=4"),
    (lambda: axes_subsets(2, min_axes=3), r"min_axes=3 and ndim=2: want 0 <= min_axes <= ndim"),
    (lambda: axes_subsets(2, min_axes=-1), r"min_axes=-1 and ndim=2: want 0 <= min_axes <= ndim"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_arguments_are_refused(make: Callable[[], st.SearchStrategy], message: str) -> None:
    """The message shows the offending values and the bound; nothing is generated in silence."""
    with pytest.raises(InvalidArgument, match=message):
        examples(make(), 1)
