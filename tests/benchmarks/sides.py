"""Clinometer and `torch.autograd.gradcheck` side by side: the same operations, shapes, points and process.

    python tests/benchmarks/sides.py            prints the tables of docs/speed.md

A case is one point of one operation in float64. Of ours, its generation by Hypothesis is part of the time; gradcheck gets
its points for nothing. All times are CPU time, the least of some rounds, in which the sides take turns.
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a second thread would spin, and be counted

# libraries read the above when they are loaded
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import hypothesis.strategies as st
import numpy as np
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.extra.numpy import arrays
from torch.autograd import forward_ad, gradcheck

from clinometer.backends.torch.adapter import Torch
from clinometer.harness.check import Check
from clinometer.harness.findings import Nonconformance, Unsupported
from clinometer.reference.case import Case
from clinometer.strategies import DISTRIBUTIONS, operation_cases
from clinometer.strategies.cases import SEEDS
from clinometer.strategies.hypothesis_provider import NAME as PROVIDER
from clinometer.strategies.programs.random import random_programs
from clinometer.suites.test_fwd import test_the_modes_agree as modes_agree

torch.set_num_threads(1)

POINTS = 128  # at most, in one example
EXAMPLES = 8
GRADCHECKED = 6  # points a round
ROUNDS = 3

WIDE = (3, 4)
ROWS: dict[str, Any] = {"axis": 1, "keepdims": False}
MASK = [[True, False, True, True], [False, True, False, False], [True, True, True, False]]
OPERATIONS: dict[str, tuple[tuple[tuple[int, ...], ...], dict[str, Any]]] = {
    "add": ((WIDE, WIDE), {}),
    "multiply": ((WIDE, WIDE), {}),
    "sin": ((WIDE,), {}),
    "exp": ((WIDE,), {}),
    "tanh": ((WIDE,), {}),
    "erf": ((WIDE,), {}),
    "softmax": ((WIDE,), {"axis": 1}),
    "logsumexp": ((WIDE,), ROWS),
    "sum": ((WIDE,), ROWS),
    "max": ((WIDE,), ROWS),
    "prod": ((WIDE,), ROWS),
    "cumulative_sum": ((WIDE,), {"axis": 1}),
    "var": ((WIDE,), ROWS),
    "vector_norm": ((WIDE,), ROWS),
    "getitem": ((WIDE,), {"key": (slice(0, 2), [0, 2, 2])}),
    "where": ((WIDE, WIDE), {"condition": MASK}),
    "matmul": ((WIDE, (4, 3)), {}),
    "det": (((3, 3),), {}),
    "inv": (((3, 3),), {}),
    "conv1d": (((1, 3, 4), (2, 3, 2)), {}),
}


class Duals(Torch):
    """PyTorch with forward mode as gradcheck asks for it: by dual tensors, which do not nest."""

    def jvp(self, f: Callable[..., Any], primals: Any, tangents: Any) -> tuple[Any, Any]:
        with forward_ad.dual_level():
            y, dy = forward_ad.unpack_dual(f(*map(forward_ad.make_dual, primals, tangents)))
            return y, torch.zeros_like(y) if dy is None else dy


class Answers(Check):
    """A check whose answers are computed once for all that is asked about a case."""

    def begin(self) -> None:
        self.pulled: Any = None
        self.pushed: Any = None

    def pull(self, case: Case, cotangents: np.ndarray | None = None) -> Any:
        self.pulled = self.pulled or super().pull(case, cotangents)
        return self.pulled

    def push(self, case: Case) -> Any:
        self.pushed = self.pushed or super().push(case)
        return self.pushed


def verify(check: Answers, case: Case, forward: bool = True) -> None:
    """Hold value and gradients of all points against the truth; with `forward`, tangents too, and <u, Jv> = <J'u, v>."""
    check.begin()
    y, _ = check.pull(case)
    check.agrees(y, case.truth.values[0], case, "value")
    check(case, "reverse")
    if forward:
        check(case, "forward")
        modes_agree.clause.body(check, case)  # type: ignore[attr-defined]  # FWD-2, as the suites ask it


def hypothesize(strategy: st.SearchStrategy[Any], ask: Callable[[Any], Any], examples: int = EXAMPLES) -> None:
    """Ask about examples of a strategy, the same ones each time."""

    @seed(0)
    @settings(
        max_examples=examples,
        deadline=None,
        backend=PROVIDER,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def test(drawn: Any) -> None:
        ask(drawn)

    test()


def strategy_of(name: str, points: int = POINTS) -> st.SearchStrategy[Case]:
    """Return cases of an operation of the table."""
    shapes, params = OPERATIONS[name]
    return operation_cases(name, "float64", form=lambda draw, row: (shapes, dict(params)), points=points)


def seconds(action: Callable[[], object]) -> float:
    """Return the CPU time of an action."""
    start = time.process_time()
    action()
    return time.process_time() - start


class Times(NamedTuple):
    """Microseconds of CPU time a case."""

    reverse: float  # ours: value and gradients
    whole: float  # ours: tangents and the dot test beside
    slow: float
    fast: float
    slow_forward: float  # with check_forward_ad
    fast_forward: float
    drawing: float  # of `whole`: Hypothesis and the strategies
    truth: float
    backend: float


def measure(name: str, rounds: int = ROUNDS) -> Times:
    """Measure one operation on all sides."""
    check, strategy = Answers(Duals()), strategy_of(name)
    cases: list[Case] = []
    hypothesize(strategy, cases.append)
    verify(check, cases[0])
    number = sum(case.points for case in cases)
    largest = max(cases, key=lambda case: case.points)
    f = check.function(largest)
    tensors = [
        [torch.from_numpy(np.array(x[point])).requires_grad_() for x in largest.inputs]
        for point in range(min(GRADCHECKED, largest.points))
    ]

    def gradchecked(**how: bool) -> Callable[[], object]:
        return lambda: [gradcheck(f, xs, raise_exception=True, **how) for xs in tensors]

    def asked() -> None:
        for case in cases:
            check.begin()
            check.pull(case), check.push(case)

    def computed() -> None:
        for case in cases:
            fresh = Case(case.program, case.inputs, case.tangents, case.cotangents, case.dtype)
            fresh.truth.values, fresh.truth.gradients, fresh.truth.tangents  # noqa: B018  # they are cached properties

    ours = [
        lambda: hypothesize(strategy, lambda case: verify(check, case, forward=False)),
        lambda: hypothesize(strategy, lambda case: verify(check, case)),
    ]
    theirs = [
        gradchecked(),
        gradchecked(fast_mode=True),
        gradchecked(check_forward_ad=True),
        gradchecked(fast_mode=True, check_forward_ad=True),
    ]
    parts = [lambda: hypothesize(strategy, lambda case: None), computed, asked]
    actions = [(action, number) for action in ours] + [(a, len(tensors)) for a in theirs] + [(a, number) for a in parts]
    found = [[1e6 * seconds(action) / count for action, count in actions] for _ in range(rounds + 1)]
    return Times(*(min(column) for column in zip(*found[1:], strict=True)))  # the first round warms up


def mean(times: list[Times]) -> Times:
    """Return the mean over operations: the time of all of them, a case each."""
    return Times(*(sum(column) / len(times) for column in zip(*times, strict=True)))


@st.composite
def draws(draw: Any) -> Any:
    """Draw what an array is made from, and make none: what is left is Hypothesis's own time."""
    return draw(st.sampled_from(tuple(DISTRIBUTIONS))), draw(st.integers(1, 1)), draw(SEEDS)


def generation(examples: int = 20) -> dict[str, float]:
    """Return the CPU time in which Hypothesis generates an array of 1000 elements, in microseconds."""
    element = st.floats(-8, 8)

    def long(points: int) -> st.SearchStrategy[Any]:
        return operation_cases("sin", "float64", form=lambda draw, row: (((1000,),), {}), points=points)

    drawn: list[Case] = []
    hypothesize(long(POINTS), drawn.append, examples)
    ways: dict[str, tuple[st.SearchStrategy[Any], float]] = {  # each with how many arrays an example has
        "a whole case, with tangents and cotangents": (long(1), 1),
        "each point of a case of many": (long(POINTS), sum(case.points for case in drawn) / examples),
        "its three draws, without any array": (draws(), 1),
        "`arrays(float, 1000)`, most elements equal": (arrays(np.float64, 1000, elements=element), 1),
        # More than this Hypothesis does not draw in one example.
        "`arrays(float, 250, fill=nothing())`, four times": (
            arrays(np.float64, 250, elements=element, fill=st.nothing()),
            1 / 4,
        ),
    }
    found = dict.fromkeys(ways, 1e9)
    for _ in range(ROUNDS + 1):
        for name, (strategy, number) in ways.items():
            taken = seconds(lambda strategy=strategy: hypothesize(strategy, lambda drawn: None, examples))
            found[name] = min(found[name], 1e6 * taken / examples / number)
    return found


class Programs(NamedTuple):
    """Random programs: CPU time of one, in microseconds, and how many steps it has on average."""

    steps: float
    reference: float  # drawn, and its truth computed
    torch: float  # and its gradient on torch held against it
    backend: float  # of that: torch's own calls


def size(program: Any) -> int:
    """Return how many steps a program has, those of its blocks included."""
    return sum(1 + sum(map(size, step.blocks)) for step in program.steps)


def programs(number: int = 500, dtype: str = "float32") -> Programs:
    """Measure random programs on all sides."""
    check, strategy = Check(Duals()), random_programs(dtype)
    cases: list[Case] = []
    hypothesize(strategy, cases.append, number)
    offered = [case for case in cases if _held(check, case)]

    actions = [
        (lambda: hypothesize(strategy, lambda case: case.truth.gradients, number), number),
        (lambda: hypothesize(strategy, lambda case: _held(check, case), number), number),
        (lambda: [check.pull(case) for case in offered], len(offered)),
    ]
    found = [[1e6 * seconds(action) / count for action, count in actions] for _ in range(ROUNDS + 1)]
    return Programs(
        sum(size(case.program) for case in cases) / number, *(min(column) for column in zip(*found[1:], strict=True))
    )


def _held(check: Check, case: Case) -> bool:
    """Hold a gradient on torch against the truth; say whether torch has what the program needs, and none of its faults."""
    try:
        check(case, "reverse")
    except (Unsupported, Nonconformance):
        return False
    return True


def tables() -> str:
    """Return the tables of docs/speed.md."""
    times = {name: measure(name) for name in OPERATIONS}
    lines = ["| operation | reverse | all | slow | fast | slow + forward | fast + forward |", "|---|---|---|---|---|---|---|"]
    for name, t in {**times, "**mean**": mean(list(times.values()))}.items():
        lines.append(f"| {name} | " + " | ".join(f"{v:.0f}" for v in t[:6]) + " |")
    m = mean(list(times.values()))
    lines += ["", "| cheaper than gradcheck, by | slow mode | fast mode |", "|---|---|---|"]
    lines.append(f"| reverse against reverse | {m.slow / m.reverse:.1f} | {m.fast / m.reverse:.1f} |")
    lines.append(f"| both modes against both modes | {m.slow_forward / m.whole:.1f} | {m.fast_forward / m.whole:.1f} |")
    lines.append(f"| both modes against reverse alone | {m.slow / m.whole:.1f} | {m.fast / m.whole:.1f} |")
    rest = m.whole - m.drawing - m.truth - m.backend
    parts = {"Hypothesis and strategies": m.drawing, "reference": m.truth, "backend": m.backend, "comparison, dot test": rest}
    lines += ["", "| of a case | µs | share |", "|---|---|---|"]
    lines += [f"| {name} | {value:.0f} | {100 * value / m.whole:.0f} % |" for name, value in parts.items()]
    lines += ["", "| generating 1000 elements | µs |", "|---|---|"]
    lines += [f"| {name} | {value:.0f} |" for name, value in generation().items()]
    p = programs()
    lines += ["", f"| random programs of {p.steps:.1f} steps | µs each | programs a second |", "|---|---|---|"]
    parts = {
        "drawn, with their truth": p.reference,
        "and held against it on torch": p.torch,
        "of that: torch's own calls": p.backend,
    }
    lines += [f"| {name} | {value:.0f} | {1e6 / value:.0f} |" for name, value in parts.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(tables())
