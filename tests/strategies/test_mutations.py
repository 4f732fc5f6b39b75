"""Stories of changes in place: their twins mean what numpy does, and they shrink to a line or two."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from drawn import examples, minimal, share

from clinometer.reference.catalogue import CATALOGUE, MATHEMATICS
from clinometer.reference.program.interpreter import run
from clinometer.reference.program.printing import plain
from clinometer.strategies.mutations import Move, Scene, Story, change, make, present, scenes, shape_of, twin
from clinometer.strategies.random_mutations import MOST, stories

NUMPY = ("getitem", "reshape", "permute_dims")  # what shares memory in numpy; one entry does not
AS_NUMPY = lambda seen: seen.view in NUMPY  # noqa: E731  # a name for what it says
AUGMENTED = {"add": operator.iadd, "subtract": operator.isub, "multiply": operator.imul, "divide": operator.itruediv}
HALF = make("a", "multiply", "x", 0.5)
ROW = make("v", "getitem", "a", key=0)


def told(story: Story, x: np.ndarray, y: np.ndarray, most: list[float] | None = None) -> Any:
    """Tell a story to numpy, which changes arrays in place; `most` takes the largest numbers."""
    arrays: dict[str, Any] = {"x": x, "y": y}
    for move in story.moves:
        args = [arrays[a] if isinstance(a, str) else a for a in move.args]
        if not move.change:
            arrays[move.out] = CATALOGUE[move.op].value(*args, **move.params)
        elif move.op == "set":
            arrays[move.out][move.key] = args[0]
        elif not args:
            getattr(np, move.op)(arrays[move.out], out=arrays[move.out])
        elif move.key is None:
            arrays[move.out] = AUGMENTED[move.op](arrays[move.out], args[0])
        else:
            arrays[move.out][move.key] = AUGMENTED[move.op](arrays[move.out][move.key], args[0])
        if most is not None:
            most.append(float(np.max(abs(arrays[move.out]), initial=0.0)))
    return arrays["out"]


def changes_a_number(story: Story) -> bool:
    """Whether an array of no axes is changed: numpy gives a number for it, which nothing changes."""
    shapes: dict[Any, Any] = dict.fromkeys("xy", story.shape)
    for move in story.moves:
        if not move.change:
            shapes[move.out] = shape_of(move, [shapes.get(a, ()) for a in move.args])
    return any(move.change and shapes[move.out] == () for move in story.moves)


@pytest.mark.parametrize("seed", range(3))
def test_a_twin_means_what_numpy_does(seed: int) -> None:
    """The twin for numpy's sharing has the value that numpy gets by changing arrays in place."""
    rng = np.random.default_rng(seed)
    for story in examples(stories(), 100, seed):
        if changes_a_number(story):
            continue
        x, y = rng.uniform(-2, 2, (2, *story.shape))
        want = run(twin(story, AS_NUMPY)[0], MATHEMATICS, x.copy(), y.copy())[0]
        assert np.allclose(told(story, x, y), want, rtol=1e-9), story


def test_stories_are_diverse() -> None:
    """Among drawn stories are views, several changes, changes of parts, and some that may raise and some that may not."""
    drawn = examples(stories(), 300)
    changes = [[m for m in story.moves if m.change] for story in drawn]
    assert share(drawn, lambda s: bool(s.operations & set(NUMPY))) > 0.3
    assert share(changes, lambda moves: len(moves) > 1) > 0.3
    assert share(changes, lambda moves: any(m.key is not None for m in moves)) > 0.3
    assert 0.2 < share(drawn, lambda s: twin(s)[1]) < 0.8


def test_nothing_grows_too_large() -> None:
    """No array of a drawn story holds a number beyond the bound, but for sums at its end."""
    rng = np.random.default_rng(0)
    for story in examples(stories(), 200):
        if not changes_a_number(story):
            most: list[float] = []
            body = Story((*(m for m in story.moves if len(m.out) == 1), make("out", "sin", "a")), story.shape)
            told(body, *rng.uniform(-2, 2, (2, *story.shape)), most)
            assert max(most) <= MOST


def test_a_story_shrinks_to_one_change() -> None:
    """The smallest story makes an array, changes it once, and sums it up."""
    moves = minimal(stories()).moves
    assert [move.op for move in moves if not move.change and move.out != "a"] == ["sin", "sum"]
    assert [move.change for move in moves] == [False, True, False, False]


def test_sharing_decides_what_a_change_means() -> None:
    """Where a view shares memory, its change is one of its base; where it is a copy, the base stays."""
    story = Story((HALF, ROW, change("v", "add", 1.0), make("out", "sum", "a")))
    assert plain(twin(story, AS_NUMPY)[0]).splitlines() == [
        "v1 = multiply(x, 0.5)",
        "v2 = getitem(v1, key=0)",
        "v3 = add(v2, 1.0)",
        "v4 = getitem(v1, key=0)",
        "v5 = at_set(v1, v3, key=0)",
        "v6 = sum(v5)",
        "return v6",
    ]
    x = np.ones((2, 3))
    assert run(twin(story, AS_NUMPY)[0], MATHEMATICS, x, x)[0] == 6.0
    assert run(twin(story, lambda seen: False)[0], MATHEMATICS, x, x)[0] == 3.0


@pytest.mark.parametrize(
    ("moves", "excused"),
    [
        ([HALF, change("a", "add", "y")], False),
        ([HALF, change("a", "exp")], False),
        ([HALF, change("a", "sin")], True),
        ([HALF, change("a", "multiply", "y")], True),
        ([HALF, make("b", "add", "a", "y"), change("a", "add", 1.0)], False),
        ([HALF, make("b", "multiply", "a", "y"), change("a", "add", 1.0)], True),
        ([HALF, make("b", "multiply", "a", "y"), change("b", "add", 1.0)], False),
        ([HALF, make("b", "exp", "a"), change("b", "add", 1.0)], True),
        ([HALF, ROW, make("b", "sin", "v"), change("a", "add", 1.0)], True),
        ([HALF, make("b", "sin", "a"), ROW, change("v", "add", 1.0)], True),
        ([HALF, change("a", "add", "a")], True),
        ([change("x", "add", 1.0), HALF], True),
    ],
)
def test_an_exception_is_right_where_a_value_is_needed(moves: list[Move], excused: bool) -> None:
    """A library may refuse a change of what a pullback needs, of a leaf and by itself; any other it must carry out."""
    assert twin(Story((*moves, make("out", "sum", "a"))))[1] is excused


def test_the_present_value_has_a_gradient_of_its_own() -> None:
    """After x *= x the gradient of the present x is the cotangent; that of the first x is twice x times it."""
    story = Story((change("x", "multiply", "x"), make("out", "sum", "x")))
    (scene,) = examples(scenes(story, "float64"), 1)
    assert isinstance(scene, Scene)
    case = scene.present(AS_NUMPY)
    first, _, now, _ = (g.value for g in case.truth.gradients)
    ct = case.cotangents[0].reshape(-1, 1, 1)
    assert np.array_equal(first, 2 * case.inputs[0] * ct)
    assert np.array_equal(now, np.broadcast_to(ct, now.shape))
    assert plain(present(story)).count("dx") == 1
