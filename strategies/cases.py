"""Whole cases: one drawn structure, and a batch of points that fits it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from clinometer.reference.arithmetic.linear_maps import unbroadcast
from clinometer.reference.arithmetic.rounding import PRECISIONS
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, MATHEMATICS, Domain, Operation
from clinometer.reference.program.data import Program
from clinometer.reference.program.interpreter import run
from clinometer.reference.program.printing import plain
from clinometer.reference.program.tracing import single, trace
from clinometer.reference.witness import Watched
from clinometer.strategies.arrays import DISTRIBUTIONS, MARGIN, cotangents, distinct_values, values
from clinometer.strategies.forms import FORMS
from clinometer.strategies.shapes import Shape, among, shapes

POINTS = 4  # at most, in one example: one pass of the reference serves them all
REAL_PARTS = {"complex64": "float32", "complex128": "float64"}
LONG_RANGE = 1e30  # a format that goes further has room for whatever a domain allows
SHORT_RANGE = 64.0  # of arguments and values elsewhere: squares, and derivatives of them, still fit
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def operation_cases(
    draw: Any,
    operation: str | Operation,
    dtype: str,
    *,
    profiles: Sequence[str] = tuple(DISTRIBUTIONS),
    form: Callable[..., Any] | None = None,
    points: int = POINTS,
) -> Case:
    """Draw a case of one operation; shrinks to small shapes, one point and simple numbers.

    `form` replaces the operation's own, to aim at some of its shapes and parameters. `points` is how many there are at most:
    they have numbers of one profile after the other, beginning with the one that is drawn.
    """
    _check(dtype, profiles)
    if isinstance(operation, str) and operation not in CATALOGUE:
        raise InvalidArgument(f"{operation=} is not in the catalogue")
    row = CATALOGUE[operation] if isinstance(operation, str) else operation
    chosen_shapes, params = (form or FORMS[row.form].draw)(draw, row)
    params |= {name: draw(among(*choices)) for name, choices in row.choices.items()}
    rng, kinds = _bulk(draw, profiles, points)
    inputs = _arguments(rng, kinds, row, chosen_shapes, params, dtype)
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
    rng, kinds = _bulk(draw, profiles, POINTS)
    batches = [_clear(rng, profile, program, drawn, domain, scale, dtype) for profile in kinds]
    inputs = tuple(np.stack(arrays) for arrays in zip(*batches, strict=True))
    return complete(program, inputs, rng, dtype)


def pinned_case(row: Operation, chosen: Sequence[Shape], params: Mapping[str, Any], dtype: str) -> Case:
    """Return the one case of an operation that these shapes and parameters have: a structure too rare to be left to chance."""
    rng = np.random.default_rng(0)
    params = {**{name: choices[0] for name, choices in row.choices.items()}, **params}
    inputs = _arguments(rng, ["fractions"], row, chosen, params, dtype)
    return complete(single(row.name, params), inputs, rng, dtype)


def fixed_case(program: Program, inputs: Sequence[Any], dtype: str, seed: int = 0) -> Case:
    """Return the case of one given point, with cotangents and tangents from a seed."""
    arrays = tuple(np.asarray(x, dtype)[None] for x in inputs)
    return complete(program, arrays, np.random.default_rng(seed), dtype)


def _check(dtype: str, profiles: Sequence[str]) -> None:
    if dtype not in PRECISIONS:
        raise InvalidArgument(f"{dtype=}: want one of {', '.join(PRECISIONS)}")
    if not profiles or set(profiles) - set(DISTRIBUTIONS):
        raise InvalidArgument(f"profiles={tuple(profiles)}: want some of {', '.join(DISTRIBUTIONS)}")


def _bulk(draw: Any, profiles: Sequence[str], most: int) -> tuple[np.random.Generator, list[str]]:
    """Draw what the numbers come from: a generator, and a profile for each point."""
    first = profiles.index(draw(among(*profiles)))
    points = draw(st.integers(1, most))
    return np.random.default_rng(draw(SEEDS)), [profiles[(first + i) % len(profiles)] for i in range(points)]


def _arguments(
    rng: np.random.Generator,
    kinds: Sequence[str],
    row: Operation,
    chosen: Sequence[Shape],
    params: Mapping[str, Any],
    dtype: str,
) -> tuple[np.ndarray, ...]:
    """Draw the array arguments of an operation at points of these profiles: at once, where no entry has to fit to another."""
    if row.joint is None and PRECISIONS[dtype].largest > LONG_RANGE:
        counts = Counter(kinds).items()
        parts = [_unbounded(rng, profile, row, chosen, row.domains, dtype, (count,)) for profile, count in counts]
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    batches = [_bounded(rng, profile, row, chosen, params, dtype) for profile in kinds]
    return tuple(np.stack(arrays) for arrays in zip(*batches, strict=True))


def _bounded(
    rng: np.random.Generator, profile: str, row: Operation, chosen: Sequence[Shape], params: Mapping[str, Any], dtype: str
) -> list[np.ndarray]:
    """Draw the array arguments of an operation at one point, so that nothing overflows in a format of short range."""
    found = _unbounded(rng, profile, row, chosen, row.domains, dtype)
    if PRECISIONS[dtype].largest > LONG_RANGE:
        return found
    for reach in (16.0, 4.0, 2.0, 1.0):
        if _fits(row, found, params):
            break
        found = _unbounded(rng, profile, row, chosen, [d.within(reach) for d in row.domains], dtype)
    return found


def _fits(row: Operation, arrays: list[np.ndarray], params: Mapping[str, Any]) -> bool:
    """Whether inputs, outputs and intermediate products stay below `SHORT_RANGE`.

    The second value takes factors below one as ones: a product of the others may be large on its way to a small result.
    """
    wide = [x.astype(float) for x in arrays]
    with np.errstate(all="ignore"):
        values = [row.value(*wide, **params), row.value(*(np.maximum(abs(x), 1) for x in wide), **params)]
    return not any((abs(np.asarray(y, float)) > SHORT_RANGE).any() for y in (*values, *wide))


def _unbounded(
    rng: np.random.Generator,
    profile: str,
    row: Operation,
    chosen: Sequence[Shape],
    domains: Sequence[Domain],
    dtype: str,
    lead: Shape = (),
) -> list[np.ndarray]:
    if row.distinct:
        return distinct_values(rng, profile, tuple(chosen), row.domains[0], dtype, lead)
    chosen = [lead + shape for shape in chosen]
    found = [values(rng, profile, shape, domain, dtype) for shape, domain in zip(chosen, domains, strict=True)]
    matrix = FORMS[row.form].matrix
    if matrix:
        part = matrix(rng, chosen[0])
        # The diagonal stays dominant: of the quarters beside it, none is larger than one.
        found[0] = (part + 1j * rng.integers(-4, 5, chosen[0]) / 4 if PRECISIONS[dtype].complex else part).astype(dtype)
    return _apart(rng, row.joint, domains, found, dtype) if row.joint else found


def _apart(
    rng: np.random.Generator, joint: Callable[..., Any], domains: Sequence[Domain], found: list[np.ndarray], dtype: str
) -> list[np.ndarray]:
    """Draw anew, until none is left, the entries that are near a kink which the arguments have together."""
    for _ in range(100):
        near = joint(*(x.astype(float) for x in found)) < MARGIN
        if not near.any():
            break
        for i, (x, domain) in enumerate(zip(found, domains, strict=True)):
            involved = unbroadcast(near.astype(int), x.shape) > 0
            found[i] = np.where(involved, values(rng, "normal", x.shape, domain, dtype), x)
    return found


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
        f"no point of 100 was {MARGIN} clear of every kink; widen the domain or change the program:\n{plain(program)}"
    )


def complete(program: Program, inputs: tuple[np.ndarray, ...], rng: np.random.Generator, dtype: str) -> Case:
    """Return the case of a program and its inputs, with cotangents and tangents from `rng`."""
    kind = np.complex128 if PRECISIONS[dtype].complex else np.float64
    with np.errstate(all="ignore"):
        outputs = run(program, MATHEMATICS, *(x[0].astype(kind) for x in inputs))  # for their shapes
    points = len(inputs[0]) if inputs else 1
    return Case(
        program=program,
        inputs=inputs,
        tangents=tuple(cotangents(rng, x.shape, dtype) for x in inputs),
        cotangents=tuple(cotangents(rng, (points, *np.shape(y)), kind_of(y, dtype)) for y in outputs),
        dtype=dtype,
    )


SHORT = 1 / 3000  # of a tangent, beside another; no power of two, whose sums with others are exact


def uneven(case: Case) -> Iterator[Case]:
    """Yield a case of several inputs with the tangents of all but one of them much shorter, one after the other."""
    for i in range(len(case.inputs)) if len(case.inputs) > 1 else ():
        tangents = tuple(dx if j == i else dx * dx.dtype.type(SHORT) for j, dx in enumerate(case.tangents))
        yield dataclasses.replace(case, tangents=tangents)


def kind_of(y: Any, dtype: str) -> str:
    """Return the dtype of an output: of a complex case some, such as a modulus, are real."""
    return REAL_PARTS[dtype] if dtype in REAL_PARTS and not np.iscomplexobj(y) else dtype
