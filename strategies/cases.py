"""Whole cases: one drawn structure, and a batch of points that fits it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from clinometer.reference.catalogue import CATALOGUE, Domain, Operation
from clinometer.reference.program import Program, run, single, trace
from clinometer.reference.rounding import PRECISIONS
from clinometer.reference.truth import Case
from clinometer.reference.witness import Watched
from clinometer.strategies.arrays import MARGIN, PROFILES, cotangents, distinct_values, values
from clinometer.strategies.forms import FORMS
from clinometer.strategies.shapes import Shape, shapes

POINTS = 4  # at most, in one example: one pass of the reference serves them all
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def operation_cases(
    draw: Any,
    operation: str | Operation,
    dtype: str,
    *,
    profiles: Sequence[str] = tuple(PROFILES),
    form: Callable[..., Any] | None = None,
) -> Case:
    """Draw a case of one operation; shrinks to small shapes, one point and simple numbers.

    `form` replaces the operation's own, to aim at some of its shapes and parameters.
    """
    _check(dtype, profiles)
    if isinstance(operation, str) and operation not in CATALOGUE:
        raise InvalidArgument(f"{operation=} is not in the catalogue")
    row = CATALOGUE[operation] if isinstance(operation, str) else operation
    chosen_shapes, params = (form or FORMS[row.form])(draw, row)
    params |= {name: draw(st.sampled_from(choices)) for name, choices in row.choices.items()}
    rng, profile, points = _bulk(draw, profiles)
    batches = [_arguments(rng, profile, row, chosen_shapes, dtype) for _ in range(points)]
    inputs = tuple(np.stack(arrays) for arrays in zip(*batches, strict=True))
    return complete(single(row.name, params), inputs, rng, dtype)


@st.composite
def program_cases(
    draw: Any,
    function: Callable[..., Any] | Program,
    dtype: str,
    *,
    shape: st.SearchStrategy[Shape] | Shape | None = None,
    domain: Domain = Domain(),  # noqa: B008  # frozen
    scale: float = 1.0,
    profiles: Sequence[str] = ("integers", "fractions", "normal"),
) -> Case:
    """Draw a case of a given program, all of whose inputs have one shape; shrinks as `operation_cases` does.

    Points at which a step comes near a kink, or a branch near its border, are drawn anew from the same seed.
    `scale` widens the values, for programs that branch on their size.
    """
    _check(dtype, profiles)
    program = function if isinstance(function, Program) else trace(function)
    if scale != 1 and np.isfinite([domain.low, domain.high]).any():
        raise InvalidArgument(f"{scale=} would carry values out of the domain {domain}")
    if shape is None:
        shape = shapes(min_side=1)
    drawn = draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    rng, profile, points = _bulk(draw, profiles)
    batches = [_clear(rng, profile, program, drawn, domain, scale, dtype) for _ in range(points)]
    inputs = tuple(np.stack(arrays) for arrays in zip(*batches, strict=True))
    return complete(program, inputs, rng, dtype)


def pinned_case(row: Operation, chosen: Sequence[Shape], params: Mapping[str, Any], dtype: str) -> Case:
    """Return the one case of an operation that these shapes and parameters have: a structure too rare to be left to chance."""
    rng = np.random.default_rng(0)
    params = {**{name: choices[0] for name, choices in row.choices.items()}, **params}
    inputs = tuple(x[None] for x in _arguments(rng, "fractions", row, chosen, dtype))
    return complete(single(row.name, params), inputs, rng, dtype)


def fixed_case(program: Program, inputs: Sequence[Any], dtype: str, seed: int = 0) -> Case:
    """Return the case of one given point, with cotangents and tangents from a seed."""
    arrays = tuple(np.asarray(x, dtype)[None] for x in inputs)
    return complete(program, arrays, np.random.default_rng(seed), dtype)


def _check(dtype: str, profiles: Sequence[str]) -> None:
    if dtype not in PRECISIONS:
        raise InvalidArgument(f"{dtype=}: want one of {', '.join(PRECISIONS)}")
    if not profiles or set(profiles) - set(PROFILES):
        raise InvalidArgument(f"profiles={tuple(profiles)}: want some of {', '.join(PROFILES)}")


def _bulk(draw: Any, profiles: Sequence[str]) -> tuple[np.random.Generator, str, int]:
    profile = draw(st.sampled_from(tuple(profiles)))
    points = draw(st.integers(1, POINTS))
    return np.random.default_rng(draw(SEEDS)), profile, points


def _arguments(rng: np.random.Generator, profile: str, row: Operation, chosen: Sequence[Shape], dtype: str) -> list[np.ndarray]:
    """Draw the array arguments of an operation at one point."""
    if row.distinct:
        return distinct_values(rng, profile, tuple(chosen), row.domains[0], dtype)
    found = [values(rng, profile, shape, domain, dtype) for shape, domain in zip(chosen, row.domains, strict=True)]
    if row.form in ("regular", "positive_definite", "solve"):
        found[0] = _matrix(rng, chosen[0], row.form, dtype)
    return found


def _matrix(rng: np.random.Generator, shape: Shape, form: str, dtype: str) -> np.ndarray:
    """Draw matrices that are far from singular: a quarter-integer part beside a dominant diagonal, rows shuffled."""
    n = shape[-1]
    part = rng.integers(-4, 5, shape) / 4
    if form == "positive_definite":
        part = (part + np.swapaxes(part, -1, -2)) / 2
        return (part + (n + 1) * np.eye(n)).astype(dtype)
    x = part + (n + 1) * np.eye(n) * rng.choice([-1, 1], (n, 1))
    return x[..., rng.permutation(n), :].astype(dtype)


def _clear(
    rng: np.random.Generator, profile: str, program: Program, shape: Shape, domain: Domain, scale: float, dtype: str
) -> list[np.ndarray]:
    """Draw the inputs of a program at one point, clear of kinks all along it."""
    # Where the greatest entry decides, or an order, ties are kinks.
    distinct = any(CATALOGUE[op].distinct and CATALOGUE[op].differentiable for op in program.operations())
    number = len(program.inputs)
    for _ in range(100):
        if distinct:
            xs = distinct_values(rng, profile, (shape,) * number, domain, dtype)
        else:
            xs = [values(rng, profile, shape, domain, dtype) for _ in range(number)]
        xs = [(x * scale).astype(dtype) for x in xs]
        watched = Watched()
        run(program, watched, *(x.astype(float) for x in xs))
        if all(d >= MARGIN for d in watched.distances):
            return xs
    raise InvalidArgument(
        f"no point of 100 was {MARGIN} clear of every kink; widen the domain or change the program:\n{program}"
    )


def complete(program: Program, inputs: tuple[np.ndarray, ...], rng: np.random.Generator, dtype: str) -> Case:
    """Return the case of a program and its inputs, with cotangents and tangents from `rng`."""
    outputs = run(program, Watched(), *(x[0].astype(float) for x in inputs))
    points = len(inputs[0]) if inputs else 1
    return Case(
        program=program,
        inputs=inputs,
        tangents=tuple(cotangents(rng, x.shape, dtype) for x in inputs),
        cotangents=tuple(cotangents(rng, (points, *np.shape(y)), dtype) for y in outputs),
        dtype=dtype,
    )
