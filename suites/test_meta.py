"""Laws: what derivatives of related functions have to do with each other, whatever the truth is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.harness.cells import DTYPES, Cell, of_program, programs
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.consistency import assert_same_within, without
from clinometer.harness.findings import Asked, Relation, answered, twice
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, Domain, Operation
from clinometer.reference.program.data import Program
from clinometer.reference.program.tracing import trace
from clinometer.reference.truth.expected import Expected
from clinometer.strategies import fixed_case, pinned_case, program_cases, shapes
from clinometer.strategies.cases import complete

Function = Callable[[Any, Any], Any]
SAFE = Domain(0.25, 2.0)
SHAPES = shapes(min_dims=1, min_side=1)


def related(functions: Mapping[str, tuple[Function, Function]], joined: Callable[[Function, Function], Function]) -> list[Cell]:
    """Return a cell for each pair of functions, in each dtype: cases of the two joined, with the programs of both."""
    found = []
    for name, (f, g) in functions.items():
        program, parts = trace(joined(f, g)), (trace(f), trace(g))
        for dtype in DTYPES:
            cases = st.tuples(program_cases(program, dtype, shape=SHAPES, domain=SAFE), *map(st.just, parts))
            found.append(of_program(program, dtype=dtype, mode="reverse", parameters=name.replace(" ", ""), strategy=cases))
    return found


def of(case: Case, program: Program, inputs: tuple[np.ndarray, ...], cotangent: np.ndarray) -> Case:
    """Return the case of another program, with inputs and a cotangent of its own."""
    return dataclasses.replace(case, program=program, inputs=inputs, cotangents=(cotangent,))


# ----- functions of functions -----

CHAINS: dict[str, tuple[Function, Function]] = {
    "exp(sin)": (lambda ad, x: ad.sin(x), lambda ad, y: ad.exp(y)),
    "sum of squares": (lambda ad, x: x * x, lambda ad, y: ad.sum(y)),
    "logarithm of a softmax": (lambda ad, x: ad.softmax(x, axis=-1), lambda ad, y: ad.log(y)),
    "tanh of running sums": (lambda ad, x: ad.cumulative_sum(x, axis=0), lambda ad, y: ad.tanh(y)),
    "three steps of three": (lambda ad, x: ad.sin(x) * x + 1.0, lambda ad, y: ad.sqrt(ad.exp(y * 0.5) + y)),
}


def chained(f: Function, g: Function) -> Function:
    """Return g(f(x))."""
    return lambda ad, x: g(ad, f(ad, x))


@clause("META-1", over=related(CHAINS, chained), broken_by=["last_trip_only"])
def test_the_chain_rule(check: Check, pair: tuple[Case, Program, Program]) -> None:
    """The gradient of g(f(x)) MUST be the pullback of f applied to the pullback of g."""
    case, f, g = pair
    check.points += case.points
    _, (whole,) = without(check, case)
    inner = complete(f, case.inputs, np.random.default_rng(0), case.dtype)
    outer = of(case, g, (check.value(inner),), case.cotangents[0])
    _, (between,) = check.pull(outer)
    _, (apart,) = check.pull(of(case, f, case.inputs, between))
    asked = {
        "whole": Asked(case, "reverse"),
        "value": Asked(inner, "value", mark="1"),
        "between": Asked(outer, "reverse", mark="2", given=dict.fromkeys(outer.program.inputs, "value")),
        "apart": Asked(of(case, f, case.inputs, between), "reverse", mark="1", given={"ct": "between"}),
    }
    about = Relation("apart", "whole", asked)
    assert_same_within(check, apart, whole, case.truth.gradients[0].tolerance, "gradient in two steps", case, about)


SUMS: dict[str, tuple[Function, Function]] = {
    "sin + exp": (lambda ad, x: ad.sin(x), lambda ad, x: ad.exp(x)),
    "x*x + sqrt": (lambda ad, x: x * x, lambda ad, x: ad.sqrt(x)),
    "sum + largest": (lambda ad, x: ad.sum(x * x), lambda ad, x: ad.logsumexp(x, axis=None)),
    "x - x": (lambda ad, x: x, lambda ad, x: -x),
}


@clause("META-2", over=related(SUMS, lambda f, g: lambda ad, x: f(ad, x) + g(ad, x)), broken_by=["last_use_wins"])
def test_the_sum_rule(check: Check, pair: tuple[Case, Program, Program]) -> None:
    """The gradient of f + g MUST be the sum of the gradients of f and g."""
    case, f, g = pair
    check.points += case.points
    _, (whole,) = without(check, case)
    parts = [of(case, program, case.inputs, case.cotangents[0]) for program in (f, g)]
    first, second = (check.pull(part)[1][0] for part in parts)
    # Of the two terms each has its own rounding, also where they cancel.
    tolerance = sum(part.truth.gradients[0].tolerance for part in parts) + case.truth.gradients[0].tolerance
    asked = {"first": Asked(parts[0], "reverse", mark="1"), "second": Asked(parts[1], "reverse", mark="2")}
    about = Relation("first + second", "whole", {"whole": Asked(case, "reverse"), **asked})
    check.near((first + second).astype(first.dtype), whole, tolerance, "sum of the gradients", case, about)


@clause(
    "META-3",
    over=related({**CHAINS, **SUMS}, lambda f, g: lambda ad, x: -2.0 * f(ad, x)),
    broken_by=["rightist", "clipped_flow"],
)
def test_a_factor_comes_through(check: Check, pair: tuple[Case, Program, Program]) -> None:
    """The gradient of -2 f MUST be minus twice the gradient of f, within the rounding of both."""
    case, f, _ = pair
    check.points += case.points
    _, (scaled,) = without(check, case)
    part = of(case, f, case.inputs, case.cotangents[0])
    _, (once,) = check.pull(part)
    tolerance = part.truth.gradients[0].tolerance + case.truth.gradients[0].tolerance / 2
    about = twice(of(case, f, case.inputs, case.cotangents[0]), case, "reverse")
    check.near(scaled, -2 * once, 2 * tolerance, "gradient of -2 f", case, about)


# ----- symmetries -----

PERMUTED = np.array([3, 0, 4, 1, 5, 2])  # a cycle: not its own inverse


def symmetric() -> list[Cell]:
    """Return a cell for each operation that treats all entries alike, in each dtype."""
    rows = [
        row
        for row in CATALOGUE.values()
        if row.differentiable and "float64" in row.dtypes and (row.form == "elementwise" or row.symmetry)
    ]
    return [
        Cell(operation=row.name, dtype=d, mode="reverse", parameters="permuted", argument=(row, d))
        for row in rows
        for d in DTYPES
    ]


@clause("META-4", over=symmetric(), broken_by=["flipped_entry"])
def test_permuted_inputs_have_permuted_gradients(check: Check, argument: tuple[Operation, str]) -> None:
    """Of an operation that treats all entries alike, permuted inputs MUST have the permuted gradients."""
    row, dtype = argument
    params = {} if row.form == "elementwise" else {"axis": -1}
    case = pinned_case(row, [(len(PERMUTED),)] * row.arity, params, dtype)
    ct = case.cotangents[0]
    turned = of(
        case, case.program, tuple(x[:, PERMUTED] for x in case.inputs), ct if row.symmetry == "invariant" else ct[:, PERMUTED]
    )
    check.points += 1
    _, gradients = without(check, case)
    _, found = check.pull(turned)
    for name, got, want, expected in zip(case.program.inputs, found, gradients, turned.truth.gradients, strict=True):
        i, other = case.program.inputs.index(name), turned
        asked = {"plain": Asked(case, "reverse", i), "other": Asked(other, "reverse", i, "2")}
        about = Relation("other", f"plain[{PERMUTED.tolist()}]", asked)
        assert_same_within(check, got, want[:, PERMUTED], expected.tolerance, f"gradient of {name}, permuted", turned, about)


PRODUCTS = {"oblong": ((2, 3), (3, 4)), "square": ((3, 3), (3, 3)), "column": ((4, 3), (3, 1))}
TURNED = trace(lambda ad, x, y: ad.matrix_transpose(ad.matrix_transpose(y) @ ad.matrix_transpose(x)))


@clause(
    "META-5",
    over=[
        of_program(TURNED, operation="matmul", dtype=dtype, mode="reverse", parameters=name, argument=(pair, dtype))
        for name, pair in PRODUCTS.items()
        for dtype in DTYPES
    ],
    broken_by=["lopsided_product"],
)
def test_a_product_and_its_transpose_have_one_gradient(check: Check, argument: tuple[Sequence[Any], str]) -> None:
    """The gradients of x @ y MUST be those of the transpose of y.T @ x.T."""
    sides, dtype = argument
    case = pinned_case(CATALOGUE["matmul"], sides, {}, dtype)
    check.points += 1
    _, gradients = without(check, case)
    _, found = check.pull(of(case, TURNED, case.inputs, case.cotangents[0]))
    for name, got, want, expected in zip(case.program.inputs, found, gradients, case.truth.gradients, strict=True):
        i, other = case.program.inputs.index(name), of(case, TURNED, case.inputs, case.cotangents[0])
        asked = {"plain": Asked(case, "reverse", i), "other": Asked(other, "reverse", i, "2")}
        about = Relation("other", "plain", asked)
        assert_same_within(check, got, want, expected.tolerance, f"gradient of {name}, by the transpose", case, about)


BROADCAST = [row for row in CATALOGUE.values() if row.form == "elementwise" and row.arity == 2 and row.differentiable]
SIDES, WHOLE = ((3, 1), (1, 4)), (3, 4)


@clause(
    "META-6",
    over=[
        Cell(
            operation=row.name,
            dtype=dtype,
            mode="reverse",
            parameters="explicit",
            argument=(row, dtype),
            operations=frozenset({row.name, "broadcast_to"}),
        )
        for row in BROADCAST
        for dtype in DTYPES
    ],
    broken_by=["lost_broadcast_sum", "averaged_broadcast"],
)
def test_broadcasting_is_what_broadcast_to_does(check: Check, argument: tuple[Operation, str]) -> None:
    """The gradients of operands that broadcast MUST be those of the same operands, broadcast by `broadcast_to` before."""
    row, dtype = argument
    case = pinned_case(row, SIDES, {}, dtype)
    spread = trace(lambda ad, x, y: getattr(ad, row.name)(ad.broadcast_to(x, shape=WHOLE), ad.broadcast_to(y, shape=WHOLE)))
    explicit = of(case, spread, case.inputs, case.cotangents[0])
    check.points += 1
    _, gradients = check.pull(case)
    _, wanted = without(check, explicit)
    for name, got, want, expected in zip(case.program.inputs, gradients, wanted, case.truth.gradients, strict=True):
        i = case.program.inputs.index(name)
        about = Relation("plain", "spread", {"plain": Asked(case, "reverse", i), "spread": Asked(explicit, "reverse", i, "2")})
        assert_same_within(check, got, want, expected.tolerance, f"gradient of {name}, which broadcasts", case, about)


# ----- there and back -----

THERE_AND_BACK: dict[str, Function] = {
    "log(exp)": lambda ad, x: ad.log(ad.exp(x)),
    "exp(log)": lambda ad, x: ad.exp(ad.log(x)),
    "log1p(expm1)": lambda ad, x: ad.log1p(ad.expm1(x)),
    "sin(asin)": lambda ad, x: ad.sin(ad.asin(x * 0.25)) * 4.0,
    "tanh(atanh)": lambda ad, x: ad.tanh(ad.atanh(x * 0.25)) * 4.0,
    "asinh(sinh)": lambda ad, x: ad.asinh(ad.sinh(x)),
    "sqrt(square)": lambda ad, x: ad.sqrt(ad.square(x)),
    "square(sqrt)": lambda ad, x: ad.square(ad.sqrt(x)),
    "1/(1/x)": lambda ad, x: 1.0 / (1.0 / x),
    "logit(sigmoid)": lambda ad, x: ad.logit(ad.sigmoid(x)),
    "erfinv(erf)": lambda ad, x: ad.erfinv(ad.erf(x * 0.5)) * 2.0,
    "(x+y)-y": lambda ad, x: (x + 1.5) - 1.5,
}
MATRIX = [[3.0, 0.5, -0.25], [0.5, -2.5, 1.0], [0.25, 1.0, 4.0]]
SIGNAL = [[0.5, -1.0], [2.0, 0.25], [1.5, -0.75], [-1.0, 3.0]]
FIXED: dict[str, tuple[Function, Any]] = {
    "diff(cumulative_sum)": (
        lambda ad, x: ad.diff(ad.cumulative_sum(ad.pad(x, pad_width=((1, 0),)), axis=0), axis=0),
        [0.5, -2.0, 1.25],
    ),
    "inv(inv)": (lambda ad, x: ad.inv(ad.inv(x)), MATRIX),
    "solve(x, x) x": (lambda ad, x: x @ ad.solve(x, x), MATRIX),
    "ifft(fft)": (lambda ad, x: ad.ifft(ad.fft(x, n=None, axis=0), n=None, axis=0), SIGNAL),
    "irfft(rfft)": (lambda ad, x: ad.irfft(ad.rfft(x, n=None, axis=0), n=4, axis=0), SIGNAL),
}
EXACT: dict[str, Function] = {
    "negative": lambda ad, x: ad.negative(ad.negative(x)),
    "reshape": lambda ad, x: ad.reshape(ad.reshape(x, shape=(6, 4)), shape=(2, 3, 4)),
    "permute_dims": lambda ad, x: ad.permute_dims(ad.permute_dims(x, axes=(1, 2, 0)), axes=(2, 0, 1)),
    "moveaxis": lambda ad, x: ad.moveaxis(ad.moveaxis(x, source=0, destination=2), source=2, destination=0),
    "roll": lambda ad, x: ad.roll(ad.roll(x, shift=1, axis=2), shift=-1, axis=2),
    "flip": lambda ad, x: ad.flip(ad.flip(x, axis=(0, 2)), axis=(0, 2)),
    "take": lambda ad, x: ad.take(ad.take(x, indices=[2, 0, 1], axis=1), indices=[1, 2, 0], axis=1),
    "expand, squeeze": lambda ad, x: ad.squeeze(ad.expand_dims(x, axis=1), axis=1),
    "concat, slice": lambda ad, x: ad.concat(x, x * 3.0, axis=0)[:2],
}


def fixed_cells() -> list[Cell]:
    """Return a cell for each round trip at a fixed point, in each dtype."""
    found = []
    for name, (f, x) in FIXED.items():
        for dtype in DTYPES:
            case = fixed_case(trace(f), [x], dtype)
            found.append(of_program(case.program, dtype=dtype, mode="reverse", parameters=name.replace(" ", ""), argument=case))
    return found


@clause(
    "META-7",
    over=[
        *programs(*THERE_AND_BACK.values(), names=list(THERE_AND_BACK), mode="reverse", shape=SHAPES, domain=SAFE),
        *fixed_cells(),
    ],
    broken_by=["scaled_rule"],
)
def test_there_and_back_is_the_identity(check: Check, case: Case) -> None:
    """The gradient of a function followed by its inverse MUST be the cotangent, within the rounding of the way."""
    check.points += case.points
    _, (got,) = check.pull(case)
    check.agrees(got, Expected(case.cotangents[0], case.truth.gradients[0].tolerance), case, "reverse")


@clause(
    "META-8",
    over=programs(*EXACT.values(), names=list(EXACT), mode="reverse", shape=(2, 3, 4)),
    broken_by=["noisy_shape"],
)
def test_moving_there_and_back_is_exactly_the_identity(check: Check, case: Case) -> None:
    """The gradient of entries that are moved away and back MUST be exactly the cotangent, since nothing is computed."""
    check.points += case.points
    _, (got,) = check.pull(case)
    check.same(got, case.cotangents[0], "gradient there and back", case, about=answered(case, "reverse"))
