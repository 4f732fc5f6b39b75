"""Ways to say a program to a library: with its own control flow, and within one of its transforms."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.backends.protocol import Cond, Scan, WhileLoop, forward_mode
from clinometer.harness.cells import Cell, programs
from clinometer.harness.check import Check
from clinometer.harness.control_flow import BackendControlFlow
from clinometer.harness.findings import Nonconformance
from clinometer.harness.scripts.traced import FLOW, JIT_OF_DERIVATIVE, PYTHON_IN, VMAP
from clinometer.reference.case import Case
from clinometer.reference.program.control_flow import Values
from clinometer.reference.program.data import Program
from clinometer.reference.program.tracing import trace

MEMBERS = {"if": "cond", "while": "while_loop"}  # what there is no other way to trace


class TracedControlFlow(BackendControlFlow):
    """Control flow by the backend's own `cond`, `while_loop` and `scan`."""

    def cond(self, test: Any, then: Callable[[], Values], otherwise: Callable[[], Values]) -> Values:
        if not isinstance(self.backend, Cond):
            raise NotImplementedError(f"{self.backend.name} has no cond")
        return self.backend.cond(test, then, otherwise)

    def while_loop(self, test: Callable[..., Values], body: Callable[..., Values], carried: Values) -> Values:
        if not isinstance(self.backend, WhileLoop):
            raise NotImplementedError(f"{self.backend.name} has no while_loop")
        return self.backend.while_loop(lambda *xs: test(*xs)[0], body, carried)

    def repeat(self, times: int, body: Callable[..., Values], carried: Values) -> Values:
        if not isinstance(self.backend, Scan):
            return super().repeat(times, body, carried)  # to what traces, so many copies of the body
        return self.backend.scan(body, carried, times)

    def gradient(self, f: Callable[[Any], Any], x: Any) -> Any:
        y, pullback = self.backend.vjp(f, x)  # y has no number yet
        return pullback(self.backend.xp.ones_like(y))[0]


@contextlib.contextmanager
def traced_by(check: Check, case: Case, flow: type[BackendControlFlow] = TracedControlFlow, within: str = "") -> Iterator[None]:
    """Say programs to the backend in another way: with this flow, and each function within a transform of this name."""
    before = check.flow, check.within
    check.flow, check.within = flow, (lambda f: transformed(check, within, f)) if within else None
    try:
        with way((within or FLOW) if flow is TracedControlFlow else PYTHON_IN + within, case):
            yield
    finally:
        check.flow, check.within = before


def transformed(check: Check, name: str, f: Callable[..., Any]) -> Callable[..., Any]:
    """Return what a transform of the backend makes of a function."""
    with check.backend_call(name):
        changed: Callable[..., Any] = getattr(check.backend, name)(f)
        return changed


@contextlib.contextmanager
def way(name: str, whole: Case) -> Iterator[None]:
    """Write down in a finding how the question was put, and about which points: its script does the same."""
    try:
        yield
    except Nonconformance as wrong:
        if wrong.finding is not None and not wrong.finding.way:
            wrong.finding = dataclasses.replace(wrong.finding, way=name, whole=whole)
        raise


# ----- transforms of a derivative -----


def derivative(check: Check, case: Case, mode: str) -> Callable[..., tuple[Any, ...]]:
    """Return what transforms are taken of: a function of a cotangent and the inputs, or of tangents and the inputs."""
    f, n, backend = check.function(case), len(case.inputs), check.backend
    if mode == "reverse":
        return lambda ct, *xs: tuple(backend.vjp(f, *xs)[1](ct))
    return lambda *xs: (forward_mode(backend).jvp(f, xs[n:], xs[:n])[1],)


def arguments(case: Case, mode: str) -> tuple[np.ndarray, ...]:
    """Return what `derivative` is a function of, at all points."""
    return (*(case.cotangents if mode == "reverse" else case.tangents), *case.inputs)


def by_vmap(check: Check, case: Case, mode: str) -> None:
    """Hold a derivative at all points at once, by vmap, against the truth."""
    check.case = case
    check.points += case.points
    with traced_by(check, case), way(VMAP, case):
        xs = [check.native(x) for x in arguments(case, mode)]
        with check.backend_call(f"vmap, {mode}"):
            found = list(transformed(check, "vmap", derivative(check, case, mode))(*xs))
        _hold(check, case, [check.numpy(g) for g in found], mode)


def by_jit(check: Check, cases: Iterable[Case], mode: str) -> None:
    """Hold a derivative that is traced once, and called at the points of all cases of one program, against the truth."""
    cases = list(cases)
    with traced_by(check, cases[0]), way(JIT_OF_DERIVATIVE, cases[0]):
        jitted = transformed(check, "jit", derivative(check, cases[0], mode))
        for case in cases:
            check.case = case
            check.points += case.points
            found = []
            for i in range(case.points):
                xs = [check.native(np.array(x[i])) for x in arguments(case, mode)]
                with check.backend_call(f"jit, {mode}"):
                    found.append([check.numpy(a) for a in jitted(*xs)])
            shapes = {tuple(a.shape for a in answers) for answers in found}
            check.require(len(shapes) == 1, f"results of shapes {' and '.join(map(str, sorted(shapes)))} at points alike", case)
            _hold(check, case, list(map(np.stack, zip(*found, strict=True))), mode)


def _hold(check: Check, case: Case, found: Sequence[np.ndarray], mode: str) -> None:
    right = case.truth.gradients if mode == "reverse" else case.truth.tangents
    check.require(len(found) == len(right), f"{len(found)} results where {len(right)} are due", case)
    for which, (got, expected) in enumerate(zip(found, right, strict=True)):
        check.agrees(got, expected, case, mode, which)


# ----- cells -----


def members(program: Program) -> set[str]:
    """Return which members of a backend carry out a program's control flow."""
    inner = (members(block) for step in program.steps for block in step.blocks)
    return {MEMBERS[step.op] for step in program.steps if step.op in MEMBERS}.union(*inner)


def traced_programs(functions: Mapping[str, Callable[..., Any]], **how: Any) -> list[Cell]:
    """Return the cells of named programs, each with the members that it needs; `how` goes to `programs`."""
    traced = {name: trace(function) for name, function in functions.items()}
    return [
        dataclasses.replace(cell, operations=cell.needed | members(program))
        for name, program in traced.items()
        for cell in programs(program, names=[name], **how)
    ]


def also(cells: Iterable[Cell], *ways: Callable[[np.ndarray], np.ndarray]) -> list[Cell]:
    """Return cells whose cases have more points: what each of `ways` makes of their inputs."""
    return [
        dataclasses.replace(cell, strategy=joined(cell.strategy, *ways))  # type: ignore[arg-type]  # of cases
        for cell in cells
    ]


@st.composite
def joined(draw: Any, strategy: st.SearchStrategy[Case], *ways: Callable[[np.ndarray], np.ndarray]) -> Case:
    """Draw a case and add points to it; shrinks as its strategy does."""
    case = draw(strategy)
    inputs = tuple(np.concatenate([x, *(way(x) for way in ways)]) for x in case.inputs)
    times = 1 + len(ways)
    tangents, cotangents = (tuple(np.concatenate([x] * times) for x in xs) for xs in (case.tangents, case.cotangents))
    return Case(case.program, inputs, tangents, cotangents, case.dtype)
