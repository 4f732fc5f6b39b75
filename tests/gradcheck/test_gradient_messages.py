"""What is said of a gradient of torch's: each accident in its own sentence, and nothing of Clinometer's own in the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clinometer.gradcheck import check_gradients

torch: Any = pytest.importorskip("torch")


def message(f: Any, *args: Any, **how: Any) -> str:
    """Return what the report says, which must be a failure."""
    report = check_gradients(f, *args, raise_exception=False, **how)
    assert report.outcome == "fail"
    return report.message


class Product(torch.autograd.Function):
    """x * y, whose gradient in y is None."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx: Any, ct: Any) -> Any:
        return ctx.saved_tensors[1] * ct, None


class Once(torch.autograd.Function):
    """x * x, to be differentiated once."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, ct: Any) -> Any:
        return 2 * ctx.saved_tensors[0] * ct


class Together(Product):
    """x * y, whose backward pass takes for granted that both gradients are asked for."""

    @staticmethod
    def backward(ctx: Any, ct: Any) -> Any:
        if not all(ctx.needs_input_grad):
            raise LookupError("no gradient was kept")
        x, y = ctx.saved_tensors
        return y * ct, x * ct


X = [0.5, 1.5]


def test_a_gradient_of_none_is_called_so() -> None:
    """A backward pass that returns None for an argument is told in those words, not as a zero."""
    assert "The whole gradient is zero: torch gives None; the backward pass returns it, or f detaches args[1]" in message(
        Product.apply, X, X
    )


def test_a_function_without_recording_is_called_so() -> None:
    """Where the output requires no grad, torch's own words are passed on."""
    assert "does not require grad" in message(torch.no_grad()(lambda x: x * x), X)


def test_a_function_to_be_differentiated_once_is_called_so() -> None:
    """Of second order torch is silent about once_differentiable, until the cotangent is differentiated as well."""
    assert check_gradients(Once.apply, X)
    assert "trying to differentiate twice a function that was marked with @once_differentiable" in message(
        Once.apply, X, order=2
    )


def test_what_fails_among_constants_alone_says_so() -> None:
    """A backward pass that raises only while another argument is a constant is told with that circumstance."""
    told = message(Together.apply, X, X)
    circumstance = "differentiating f in args[0] alone, the other arguments being constants, raises"
    assert told == f"{circumstance} LookupError: no gradient was kept"


SUITE = """
import torch
from clinometer.gradcheck import check_gradients

def test_deprecations_of_a_library_reach_nobody():
    assert check_gradients(torch.sin, [0.5]).checked[-1] == "forward mode agrees with reverse mode"

def test_wrong():
    check_gradients(lambda x: x.detach() * x, [0.5])  # the user's line

def test_raising():
    check_gradients(lambda x: x.no_such_name, [0.5])
"""


def test_pytest_shows_the_line_of_the_user(tmp_path: Path) -> None:
    """A failure ends at the user's call, or in the user's function, and warnings that are errors find nothing to raise."""
    (tmp_path / "test_own.py").write_text(SUITE, "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error::DeprecationWarning", "test_own.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "2 failed, 1 passed" in done.stdout
    shown = [line for line in done.stdout.splitlines() if line.startswith(">")]
    assert any("# the user's line" in line for line in shown)
    assert any("no_such_name" in line for line in shown)
    assert "GradientError: gradient of args[0][0]: got " in done.stdout
    assert "inspection.py" not in done.stdout
    assert "subject.py" not in done.stdout
