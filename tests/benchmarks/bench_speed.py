"""The bars of speed, and pytest-benchmark for those who want curves; no part of the tests: CPU time is nobody's promise.

python3 -m tox -e benchmarks
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import torch
from sides import OPERATIONS, Answers, Duals, Times, generation, hypothesize, mean, measure, programs, strategy_of, verify
from torch.autograd import gradcheck

from clinometer.harness.cells import operations
from clinometer.harness.findings import Nonconformance
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.program.tracing import single
from clinometer.strategies import fixed_case
from clinometer.suites.test_cost import candidates

# ----- the bars -----


@cache
def overall() -> Times:
    """Return the mean over all operations, measured once."""
    return mean([measure(name) for name in OPERATIONS])


def test_a_case_is_ten_times_cheaper_than_slow_gradcheck() -> None:
    """A verified case costs a tenth of gradcheck in slow mode, reverse against reverse and both modes against both."""
    found = overall()
    assert found.slow >= 10 * found.reverse, found
    assert found.slow_forward >= 10 * found.whole, found


def test_a_case_is_three_times_cheaper_than_fast_gradcheck() -> None:
    """A verified case costs a third of gradcheck in fast mode, reverse against reverse and both modes against both."""
    found = overall()
    assert found.fast >= 3 * found.reverse, found
    assert found.fast_forward >= 3 * found.whole, found


def test_an_array_is_drawn_twenty_times_faster() -> None:
    """A case of 1000 entries costs a twentieth of what arrays() takes entry by entry; one of many, of what it takes filled."""
    whole, each, _, filled, drawn = generation().values()
    assert drawn >= 20 * whole
    assert filled >= 20 * each


def test_hundreds_of_programs_a_second() -> None:
    """Of eight steps on average, 300 programs a second are drawn with their truth, and 150 held against it on torch."""
    found = programs()
    assert 7.5 <= found.steps <= 9, found
    assert 1e6 / found.reference >= 300, found
    assert 1e6 / found.torch >= 150, found


class OffByOne(torch.autograd.Function):
    """The sine, with one entry of its gradient off by 1.0."""

    place = 0

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx: Any, ct: Any) -> Any:
        (x,) = ctx.saved_tensors
        slope = torch.cos(x)
        slope.view(-1)[OffByOne.place] += 1.0
        return slope * ct


class Wrong(Duals):
    """PyTorch with that sine."""

    def __init__(self) -> None:
        super().__init__()
        self.xp.sin = OffByOne.apply


def test_one_wrong_entry_of_256_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient of which one entry in 256 is off by 1.0 fails here wherever it is; fast mode passes about half of them."""
    x = np.linspace(-2, 2, 256).reshape(16, 16)
    check, missed = Answers(Wrong()), 0
    for place in range(256):
        monkeypatch.setattr(OffByOne, "place", place)
        missed += gradcheck(OffByOne.apply, [torch.tensor(x, requires_grad=True)], fast_mode=True, raise_exception=False)
        with pytest.raises(Nonconformance, match=rf"gradient of x at \[{place // 16}, {place % 16}\]"):
            verify(check, fixed_case(single("sin", {}), [x], "float64"), forward=False)
    assert missed > 50


# ----- curves -----


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_time_of_an_example(benchmark: Any, name: str) -> None:
    """One example of many points is drawn and verified."""
    check, strategy = Answers(Duals()), strategy_of(name)
    benchmark(lambda: hypothesize(strategy, lambda case: verify(check, case), examples=1))


ALL = operations(mode="cost", dtypes=["float64"], where=lambda row: row.differentiable and row.form == "elementwise")
COSTED = [cell.operation for cell in ALL if hasattr(Duals().xp, cell.operation)]


@pytest.mark.parametrize("what", ["value", "gradient"])
@pytest.mark.parametrize("name", COSTED)
def test_the_time_of_a_gradient(benchmark: Any, name: str, what: str) -> None:
    """An elementwise operation on 64 x 64 entries is evaluated, or differentiated."""
    backend = Duals()
    (case,) = candidates(CATALOGUE[name], [])
    xs, ct = [backend.asarray(x[0]) for x in case.inputs], backend.asarray(case.cotangents[0][0])
    f = Answers(backend).function(case)
    benchmark((lambda: f(*xs)) if what == "value" else (lambda: backend.vjp(f, *xs)[1](ct)))
