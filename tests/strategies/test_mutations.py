"""Mutation programs of changes in place: their twins mean what numpy does, and they shrink to a line or two."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from drawn import examples, minimal, share

from clinometer.reference.catalogue import CATALOGUE, MATHEMATICS
from clinometer.reference.program.interpreter import run
from clinometer.reference.program.printing import plain
from clinometer.strategies.mutations import (
    Mutation,
    MutationCase,
    MutationProgram,
    change,
    make,
    mutation_cases,
    present,
    shape_of,
    twin,
)
from clinometer.strategies.random_mutations import MOST, mutation_programs

NUMPY = ("getitem", "reshape", "permute_dims")  # what shares memory in numpy; one entry does not
AS_NUMPY = lambda seen: seen.view in NUMPY  # noqa: E731  # a name for what it says
AUGMENTED = {"add": operator.iadd, "subtract": operator.isub, "multiply": operator.imul, "divide": operator.itruediv}
HALF = make("a", "multiply", "x", 0.5)
ROW = make("v", "getitem", "a", key=0)


def told(mutated: MutationProgram, x: np.ndarray, y: np.ndarray, most: list[float] | None = None) -> Any:
    """Carry a mutation program out in numpy, which changes arrays in place; `most` takes the largest numbers."""
    arrays: dict[str, Any] = {"x": x, "y": y}
    for mutation in mutated.mutations:
        args = [arrays[a] if isinstance(a, str) else a for a in mutation.args]
        if not mutation.change:
            arrays[mutation.out] = CATALOGUE[mutation.op].value(*args, **mutation.params)
        elif mutation.op == "set":
            arrays[mutation.out][mutation.key] = args[0]
        elif not args:
            getattr(np, mutation.op)(arrays[mutation.out], out=arrays[mutation.out])
        elif mutation.key is None:
            arrays[mutation.out] = AUGMENTED[mutation.op](arrays[mutation.out], args[0])
        else:
            arrays[mutation.out][mutation.key] = AUGMENTED[mutation.op](arrays[mutation.out][mutation.key], args[0])
        if most is not None:
            most.append(float(np.max(abs(arrays[mutation.out]), initial=0.0)))
    return arrays["out"]


def changes_a_number(mutated: MutationProgram) -> bool:
    """Whether an array of no axes is changed: numpy gives a number for it, which nothing changes."""
    shapes: dict[Any, Any] = dict.fromkeys("xy", mutated.shape)
    for mutation in mutated.mutations:
        if not mutation.change:
            shapes[mutation.out] = shape_of(mutation, [shapes.get(a, ()) for a in mutation.args])
    return any(mutation.change and shapes[mutation.out] == () for mutation in mutated.mutations)


@pytest.mark.parametrize("seed", range(3))
def test_a_twin_means_what_numpy_does(seed: int) -> None:
    """The twin for numpy's sharing has the value that numpy gets by changing arrays in place."""
    rng = np.random.default_rng(seed)
    for mutated in examples(mutation_programs(), 100, seed):
        if changes_a_number(mutated):
            continue
        x, y = rng.uniform(-2, 2, (2, *mutated.shape))
        want = run(twin(mutated, AS_NUMPY)[0], MATHEMATICS, x.copy(), y.copy())[0]
        assert np.allclose(told(mutated, x, y), want, rtol=1e-9), mutated


def reshapes(mutated: MutationProgram) -> list[bool]:
    """Carry a mutation program out in numpy, and return of each reshaped array whether it shares memory with its base."""
    arrays: dict[str, Any] = {name: np.ones(mutated.shape) for name in "xy"}
    found = []
    for mutation in mutated.mutations:
        if not mutation.change:
            args = [arrays[a] if isinstance(a, str) else a for a in mutation.args]
            arrays[mutation.out] = CATALOGUE[mutation.op].value(*args, **mutation.params)
            if mutation.op == "reshape":
                found.append(np.shares_memory(arrays[mutation.out], args[0]))
    return found


def test_what_is_reshaped_lies_in_order() -> None:
    """Of an array in another order, or computed of one, a reshaped one is a copy: what a change of it means would be open."""
    drawn = [reshapes(mutated) for seed in range(4) for mutated in examples(mutation_programs(), 1000, seed)]
    assert sum(map(len, drawn)) > 200
    assert all(map(all, drawn))


def test_stories_are_diverse() -> None:
    """Among drawn ones are views, several changes, changes of parts, and some that may raise and some that may not."""
    drawn = examples(mutation_programs(), 300)
    changes = [[m for m in mutated.mutations if m.change] for mutated in drawn]
    assert share(drawn, lambda s: bool(s.operations & set(NUMPY))) > 0.3
    assert share(changes, lambda mutations: len(mutations) > 1) > 0.3
    assert share(changes, lambda mutations: any(m.key is not None for m in mutations)) > 0.3
    assert 0.2 < share(drawn, lambda s: twin(s)[1]) < 0.8


def test_nothing_grows_too_large() -> None:
    """No array of a drawn mutation program holds a number beyond the bound, but for sums at its end."""
    rng = np.random.default_rng(0)
    for mutated in examples(mutation_programs(), 200):
        if not changes_a_number(mutated):
            most: list[float] = []
            body = MutationProgram((*(m for m in mutated.mutations if len(m.out) == 1), make("out", "sin", "a")), mutated.shape)
            told(body, *rng.uniform(-2, 2, (2, *mutated.shape)), most)
            assert max(most) <= MOST


def test_a_story_shrinks_to_one_change() -> None:
    """The smallest mutation program makes an array, changes it once, and sums it up."""
    mutations = minimal(mutation_programs()).mutations
    assert [mutation.op for mutation in mutations if not mutation.change and mutation.out != "a"] == ["sin", "sum"]
    assert [mutation.change for mutation in mutations] == [False, True, False, False]


def test_sharing_decides_what_a_change_means() -> None:
    """Where a view shares memory, its change is one of its base; where it is a copy, the base stays."""
    mutated = MutationProgram((HALF, ROW, change("v", "add", 1.0), make("out", "sum", "a")))
    assert plain(twin(mutated, AS_NUMPY)[0]).splitlines() == [
        "v1 = multiply(x, 0.5)",
        "v2 = getitem(v1, key=0)",
        "v3 = add(v2, 1.0)",
        "v4 = getitem(v1, key=0)",
        "v5 = at_set(v1, v3, key=0)",
        "v6 = sum(v5)",
        "return v6",
    ]
    x = np.ones((2, 3))
    assert run(twin(mutated, AS_NUMPY)[0], MATHEMATICS, x, x)[0] == 6.0
    assert run(twin(mutated, lambda seen: False)[0], MATHEMATICS, x, x)[0] == 3.0


@pytest.mark.parametrize(
    ("mutations", "excused"),
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
def test_an_exception_is_right_where_a_value_is_needed(mutations: list[Mutation], excused: bool) -> None:
    """A library may refuse a change of what a pullback needs, of a leaf and by itself; any other it must carry out."""
    assert twin(MutationProgram((*mutations, make("out", "sum", "a"))))[1] is excused


def test_the_present_value_has_a_gradient_of_its_own() -> None:
    """After x *= x the gradient of the present x is the cotangent; that of the first x is twice x times it."""
    mutated = MutationProgram((change("x", "multiply", "x"), make("out", "sum", "x")))
    (mutation_case,) = examples(mutation_cases(mutated, "float64"), 1)
    assert isinstance(mutation_case, MutationCase)
    case = mutation_case.present(AS_NUMPY)
    first, _, now, _ = (g.value for g in case.truth.gradients)
    ct = case.cotangents[0].reshape(-1, 1, 1)
    assert np.array_equal(first, 2 * case.inputs[0] * ct)
    assert np.array_equal(now, np.broadcast_to(ct, now.shape))
    assert plain(present(mutated)).count("dx") == 1
