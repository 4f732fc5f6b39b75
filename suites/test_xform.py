"""Transforms: forward, reverse, vmap and jit of one function agree, in any order."""

import dataclasses
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.harness.cells import in_one, operations, programs
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.transforms import also, by_jit, by_vmap, traced_programs
from clinometer.reference.case import Case
from clinometer.reference.program.data import Program
from clinometer.reference.program.tracing import trace
from clinometer.strategies import program_cases
from clinometer.suites.programs import BRANCHES, FEW_SHAPES, FLOWS, SPREAD

SMALL = st.sampled_from([(2,), (3,), (2, 2)])
PROGRAMS: dict[str, Any] = {
    "sin(x)*y": lambda ad, x, y: ad.sin(x) * y + ad.tanh(y * 2.0),
    "softmax": lambda ad, x: ad.softmax(x, axis=-1) * ad.exp(x),
    "norm": lambda ad, x: x / ad.sqrt(ad.sum(x * x, axis=-1, keepdims=True) + 1.0),
    "entries": lambda ad, x: x[..., 0] * x[..., -1] + ad.logsumexp(x, axis=-1),
    "outer": lambda ad, x, y: ad.multiply(ad.expand_dims(x, axis=0), ad.expand_dims(ad.cos(y), axis=1)),
    "scalar": lambda ad, x, y: ad.sum(ad.sin(x) * y) * ad.mean(y),
}


# ----- Jacobians -----


def repeated(case: Case, unit: str) -> Case:
    """Return the first point of a case, once with each unit cotangent, or with each unit tangent."""
    xs = case.inputs if unit == "tangents" else case.cotangents
    sizes = [x[0].size for x in xs]
    eye = np.split(np.eye(sum(sizes), dtype=case.dtype), np.cumsum(sizes)[:-1], axis=1)
    units = tuple(e.reshape(-1, *x.shape[1:]) for e, x in zip(eye, xs, strict=True))
    again = {
        name: tuple(np.repeat(x[:1], sum(sizes), 0) for x in getattr(case, name))
        for name in ("inputs", "tangents", "cotangents")
    }
    return Case(case.program, **{**again, unit: units}, dtype=case.dtype)


@clause(
    "XFORM-1",
    over=programs(*PROGRAMS.values(), names=list(PROGRAMS), mode="forward", shape=SMALL),
    needs=["forward"],
    broken_by=["scaled_rule", "scaled_tangent"],
)
def test_the_jacobian_by_columns_is_the_jacobian_by_rows(check: Check, case: Case) -> None:
    """The Jacobian column by column, in forward mode, MUST equal the Jacobian row by row, in reverse, and the truth."""
    by_rows, by_columns = repeated(case, "cotangents"), repeated(case, "tangents")
    check(by_rows, "reverse")
    check(by_columns, "forward")
    rows = np.concatenate([g.reshape(by_rows.points, -1) for g in check.pull(by_rows)[1]], axis=1)
    columns = check.push(by_columns)[1].reshape(by_columns.points, -1)
    off = [
        np.concatenate([e.tolerance.reshape(case_.points, -1) for e in found], axis=1)
        for case_, found in ((by_rows, by_rows.truth.gradients), (by_columns, by_columns.truth.tangents))
    ]
    same = abs(rows - columns.T) <= off[0] + off[1].T
    check.require(bool(same.all()), f"Jacobian by rows {rows.tolist()}, by columns {columns.T.tolist()}", case.at(0))


# ----- vmap -----


@clause(
    "XFORM-2", over=in_one(lambda dtype: operations(mode="reverse", dtypes=[dtype])), needs=["vmap"], broken_by=["summed_vmap"]
)
def test_vmap_of_the_gradient_is_the_gradient_at_each_point(check: Check, case: Case) -> None:
    """The gradient of every differentiable operation, mapped over a batch of points, MUST be the truth at each of them."""
    by_vmap(check, case, "reverse")


@clause(
    "XFORM-3",
    over=[
        *traced_programs({**PROGRAMS, **FLOWS}, mode="reverse", shape=FEW_SHAPES, scale=2.0),
        *also(traced_programs({"a or 100*a, both": BRANCHES["a or 100*a"]}, mode="reverse", **SPREAD), lambda x: -x),
    ],
    needs=["vmap"],
    broken_by=["summed_vmap", "vmap_by_the_first"],
)
def test_vmap_of_the_gradient_takes_each_point_along_its_own_path(check: Check, case: Case) -> None:
    """The gradient of a program, mapped over a batch of points, MUST be at each the one of the path that its data takes."""
    by_vmap(check, case, "reverse")


@clause(
    "XFORM-4",
    over=traced_programs({**PROGRAMS, **FLOWS}, mode="forward", shape=FEW_SHAPES, scale=2.0),
    needs=["vmap", "forward"],
    broken_by=["summed_vmap"],
)
def test_vmap_of_the_tangent_is_the_tangent_at_each_point(check: Check, case: Case) -> None:
    """The tangent of a program, mapped over a batch of points and directions, MUST be the truth at each of them."""
    by_vmap(check, case, "forward")


# ----- jit -----

JITTED = {**PROGRAMS, **FLOWS}


@clause(
    "XFORM-5",
    over=[
        *traced_programs(JITTED, mode="reverse", shape=FEW_SHAPES, scale=2.0),
        *also(traced_programs({"a or 100*a, both": BRANCHES["a or 100*a"]}, mode="reverse", **SPREAD), lambda x: -x),
    ],
    needs=["jit"],
    broken_by=["stale_jit", "branch_frozen_in_trace"],
)
def test_jit_of_the_gradient_is_the_gradient(check: Check, case: Case) -> None:
    """A gradient that was traced at one point MUST be the gradient at others, on whatever path their data takes."""
    by_jit(check, [case], "reverse")


@st.composite
def two_shapes(draw: Any, program: Program, dtype: str) -> tuple[Case, Case]:
    """Draw a program's cases in two shapes; shrinks as each."""
    short, long = (draw(program_cases(program, dtype, shape=shape, scale=2.0)) for shape in ((2, 2), (2, 3)))
    return (short, long) if draw(st.booleans()) else (long, short)


SHAPES = [
    dataclasses.replace(cell, strategy=two_shapes(trace(f), cell.dtype))
    for name, f in JITTED.items()
    for cell in traced_programs({name: f}, mode="reverse")
]


@clause("XFORM-6", over=SHAPES, needs=["jit"], broken_by=["shapeless_jit"])
def test_jit_of_the_gradient_serves_a_second_shape(check: Check, cases: tuple[Case, Case]) -> None:
    """A gradient that was traced for one shape MUST be the gradient for another, and then for the first again."""
    by_jit(check, [*cases, cases[0]], "reverse")


@clause(
    "XFORM-7",
    over=traced_programs(JITTED, mode="forward", shape=FEW_SHAPES, scale=2.0),
    needs=["jit", "forward"],
    broken_by=["stale_jit"],
)
def test_jit_of_the_tangent_is_the_tangent(check: Check, case: Case) -> None:
    """A tangent that was traced at one point MUST be the tangent at others."""
    by_jit(check, [case], "forward")
