"""One's own function: wrong gradients are found, each with its entry; right ones are left alone."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd.extend import defvjp, primitive
from custom import SOUND, WRONG, layer, random_function
from hypothesis import given, settings
from hypothesis import strategies as st

from clinometer.backends import Support
from clinometer.backends.reference.adapter import Reference
from clinometer.gradcheck import GradientError, GradientReport, check_gradients

X = np.array([[0.3, -1.2, 0.7], [1.1, 0.4, -0.5], [-0.9, 0.8, 1.6]])
W = np.array([[0.5, -0.4, 1.3], [-1.1, 0.2, 0.6], [0.9, -0.7, 0.1]])
SEEDS = 60  # random functions; a run by hand takes thousands


def told(f: Callable[..., Any], *args: Any, **how: Any) -> GradientReport:
    """Return the report on a function, whatever is wrong with it."""
    return check_gradients(f, *args, raise_exception=False, **how)


def squared(vjp: Callable[..., Any], x: Any = None) -> Callable[..., Any]:
    """Return x*x with a pullback of one's own, in autograd."""
    f = primitive(lambda x: x * x)
    defvjp(f, lambda y, x: lambda ct: vjp(ct, x))
    return f


# ----- wrong gradients -----


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_gradient_is_found(name: str, seed: int) -> None:
    """Each planted error raises, and the message has the words that belong to it."""
    how, words = WRONG[name]
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    with pytest.raises(GradientError) as caught:
        check_gradients(layer(name), x, w, backend="autograd", seed=seed, **how)
    assert words in str(caught.value)
    assert caught.value.outcome == "fail"


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_gradient_passes(name: str) -> None:
    """The same function with a right gradient, however it is written, passes in both orders."""
    report = check_gradients(layer(name), X, W, backend="autograd", order=2)
    assert report
    assert report.undecided == 0
    assert report.decided == 9 + 9 + 2 * (9 + 9)
    assert "second order: the pullback is linear, pure and without state" in report.checked


def test_an_error_of_second_order_shows_at_second_order_only() -> None:
    """A gradient that is right, and constant to a second derivative, passes of order 1 and fails of order 2."""
    assert told(layer("constant slope"), X, W, backend="autograd")
    report = told(layer("constant slope"), X, W, backend="autograd", order=2)
    assert report.outcome == "fail"
    assert report.message.startswith("second order: gradient of args[0]")


@given(
    size=st.integers(1, 12),
    where=st.integers(0, 11),
    error=st.sampled_from([1e-6, 1e-3, 0.05, 1.0, -2.0]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None, database=None, derandomize=True)
def test_one_entry_is_found_and_named(size: int, where: int, error: float, seed: int) -> None:
    """A gradient of which one entry is off, by a millionth or by its whole, fails, and that entry is named."""
    where %= size
    x = np.random.default_rng(seed).uniform(0.5, 2.0, size)
    factors = np.where(np.arange(size) == where, 1 + error, 1.0)
    report = told(squared(lambda ct, x: ct * 2 * x * factors), x, backend="autograd", seed=seed)
    assert report.outcome == "fail"
    assert report.message.startswith(f"gradient of args[0][{where}]: got ")


@pytest.mark.parametrize("n", [256, 3000])
def test_one_entry_of_many_is_found(n: int) -> None:
    """One entry of 256, and of 3000, is found and named: beyond 512 the random directions are halved until it is."""
    off = np.where(np.arange(n) == 200, 1.0, 0.0)
    report = told(squared(lambda ct, x: ct * 2 * x + ct * off), np.linspace(-1, 1, n), backend="autograd")
    assert report.outcome == "fail"
    assert report.message.startswith("gradient of args[0][200]: got ")


def test_a_wrong_tangent_is_found_without_differences() -> None:
    """Forward mode that differs from a right reverse mode fails the dot test."""

    class Tilted(Reference):
        def jvp(self, f: Any, primals: Any, tangents: Any) -> Any:
            y, dy = super().jvp(f, primals, tangents)
            return y, dy * (1 + 1e-9)

    report = told(np.sin, [0.5, 1.5], backend=Tilted())
    assert report.outcome == "fail"
    assert report.message.startswith("the modes disagree: <u, Jv> = ")
    assert check_gradients(np.sin, [0.5, 1.5], backend=Reference()).checked[-1] == "forward mode agrees with reverse mode"


def test_a_gradient_that_is_no_number_is_found() -> None:
    """NaN, where differences have a number, is a wrong gradient."""
    report = told(squared(lambda ct, x: ct * np.nan), [1.0, 2.0], backend="autograd")
    assert report.outcome == "fail"
    assert "got nan, expected" in report.message


# ----- right ones -----


@pytest.mark.parametrize("block", range(6))
def test_random_smooth_functions_raise_no_alarm(block: int) -> None:
    """Compositions of smooth functions, over many seeds, pass with every entry decided."""
    for seed in range(block * SEEDS // 6, (block + 1) * SEEDS // 6):
        f, xs = random_function(seed)
        report = check_gradients(f, *xs, backend="autograd", seed=seed)
        assert report.undecided == 0, f"seed {seed}: {report}"
        assert report.error < 1


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0), (2, 1, 3)])
def test_every_shape_is_examined(shape: tuple[int, ...]) -> None:
    """Arrays without axes and without entries are arguments like others."""
    report = check_gradients(lambda x, y: anp.sin(x) * y, np.full(shape, 0.7), 1.5, backend="autograd")
    assert [row.entries for row in report.rows] == [int(np.prod(shape)), 1]


def test_several_outputs_are_examined_each() -> None:
    """Each output of floating type is differentiated in each argument; an index is none."""
    report = check_gradients(lambda x: (np.sin(x), np.argmax(x), np.sum(x * x)), [0.5, 1.5, 0.2], backend="reference")
    assert report.rows[0].entries == 6


def test_integers_and_other_things_are_constants() -> None:
    """Integer and boolean arrays, and what is no array, reach f as they are and are not differentiated in."""

    def f(x: Any, mask: Any, power: Any, mode: Any) -> Any:
        assert (type(power), mode) == (int, "plain")
        return np.where(mask, x**power, x)

    report = check_gradients(f, [2.0, 3.0], np.array([True, False]), 3, "plain", backend="reference")
    assert [str(row) for row in report.rows[:3]] == [
        "args[1]: a constant of dtype bool",
        "args[2]: a constant of type int",
        "args[3]: a constant of type str",
    ]


@pytest.mark.parametrize("x", [X.T, X[:, ::2], np.broadcast_to(X[0], (4, 3)), X.astype(np.float32), X.tolist()])
def test_whatever_can_be_an_array_is_examined_in_float64(x: Any) -> None:
    """Transposed, strided and stretched arrays, float32 and nested lists are raised to float64 and left unchanged."""
    before = np.array(x)
    report = check_gradients(lambda x: anp.tanh(x) @ anp.ones(x.shape[-1]), x, backend="autograd")
    assert report.rows[0].about.startswith("float64")
    assert np.array_equal(before, x)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
def test_the_scale_of_arguments_does_not_matter(scale: float) -> None:
    """Steps follow the size of an entry: a logarithm is examined to a millionth wherever it is asked."""
    x = np.array([1.0, 2.5, 7.0]) * scale
    assert check_gradients(np.log, x, backend="reference").rows[0].fineness < 1e-7
    off = primitive(np.log)
    defvjp(off, lambda y, x: lambda ct: ct / x * (1 + 1e-6))
    assert told(off, x, backend="autograd").outcome == "fail"


# ----- points at which nothing can be told -----

POINTS = {
    "kink": (lambda x: anp.abs(x), [1.0, 0.0, 2.0], "f has a kink at args[0][1]: move the point"),
    "one-sided": (lambda x: anp.maximum(x, 0.0) * 3, [1.0, 0.0, 2.0], "f has a kink at args[0][1]: move the point"),
    "jump": (lambda x: anp.where(x < 2, x, x + 1), [1.0, 2.0], "f has a jump at args[0][1]: move the point"),
    "edge": (lambda x: anp.sqrt(x), [0.0, 4.0], "f has the edge of its domain at args[0][0]: move the point"),
}


@pytest.mark.parametrize("name", POINTS)
def test_where_f_is_not_smooth_the_point_is_blamed(name: str) -> None:
    """At a kink, a jump or the end of a domain no gradient is blamed: the entry to move is named."""
    f, x, words = POINTS[name]
    with pytest.raises(GradientError) as caught:
        check_gradients(f, x, backend="autograd")
    assert str(caught.value) == words
    assert caught.value.outcome == "cannot tell"


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6])
def test_beside_a_kink_the_gradient_is_examined(distance: float) -> None:
    """However near a kink is, the differences stay on their side of it."""
    assert check_gradients(lambda x: anp.abs(x - 1), [1 + distance, 2.0], backend="autograd").undecided == 0
    wrong = primitive(lambda x: abs(x - 1))
    defvjp(wrong, lambda y, x: lambda ct: -ct)
    assert told(wrong, [1 + distance, 2.0], backend="autograd").outcome == "fail"


def test_noise_is_no_pass() -> None:
    """Of a function that is drowned in noise nothing is known, and the answer is that nobody can tell."""
    f = primitive(lambda x: np.sin(x) + 0.1 * np.sin(1e15 * x))
    defvjp(f, lambda y, x: lambda ct: ct * np.cos(x))
    report = told(f, [0.3, 0.4], backend="autograd")
    assert report.outcome == "cannot tell"
    assert not report


def test_a_function_of_chance_is_told() -> None:
    """A function that gives other values when it is called again is not examined."""
    rng = np.random.default_rng(0)
    report = told(lambda x: x * rng.normal(), [1.0], backend="autograd")
    assert report.outcome == "cannot tell"
    assert report.message.startswith("f gives other values when it is called twice")


# ----- torch -----


def test_a_function_of_torch_is_examined_as_gradcheck_does() -> None:
    """Of torch's tensors those that require a grad are examined, and one entry of 256 is found that its fast mode passes."""
    torch = pytest.importorskip("torch")

    class Square(torch.autograd.Function):
        off = 0.0

        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            ctx.save_for_backward(x, w)
            return x * x * w, x + w

        @staticmethod
        def backward(ctx: Any, ct: Any, of_sum: Any) -> Any:
            x, w = ctx.saved_tensors
            g = 2 * x * w * ct + of_sum
            g[200] += Square.off * ct[200]
            return g, x * x * ct + of_sum

    x, w = torch.linspace(-1, 1, 256, dtype=torch.float64, requires_grad=True), torch.full((256,), 0.5, dtype=torch.float64)
    report = check_gradients(Square.apply, x, w)
    assert [row.entries for row in report.rows] == [0, 2 * 256]
    assert str(report.rows[0]) == "args[1]: a constant, as it requires no grad"
    assert report.skipped[0].startswith("forward mode: RuntimeError: ")
    Square.off = 1.0
    assert torch.autograd.gradcheck(lambda x: Square.apply(x, w)[0], (x,), fast_mode=True)
    message = told(Square.apply, x, w).message
    assert message.startswith("gradient of args[0][200] for output 0: got ")
    assert "It is off by a factor of " in message


def test_the_example_of_the_page_passes() -> None:
    """The script of docs/check-gradients.md runs as it stands, its gradient is right, and it prints what stands there."""
    pytest.importorskip("torch")
    page = (Path(__file__).parents[2] / "docs" / "check-gradients.md").read_text("utf-8")
    (script,), (printed,) = (re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in ("python", "text"))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{printed.strip()}\n  args[0], float64 (3, 4): 12 entries, 0 undecided;")


def test_parameters_of_float32_are_explained() -> None:
    """A layer in float32 that meets arguments in float64 raises torch's own error, with a note of what to do."""
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError) as caught:
        check_gradients(torch.nn.Linear(3, 2), torch.ones(4, 3))
    assert "make the parameters of f float64 too" in caught.value.__notes__[0]
    assert check_gradients(torch.nn.Linear(3, 2).double(), torch.ones(4, 3))


# ----- arguments and answers -----

# A function, its arguments, keywords; then what is raised, and words of it.
BAD: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "backend": (np.sin, ([1.0],), {"backend": "torhc"}, ValueError, "there is no backend 'torhc'; known are"),
    "no backend": (np.sin, ([1.0],), {"backend": object()}, TypeError, "lacks name, xp, asarray, to_numpy, vjp"),
    "order": (np.sin, ([1.0],), {"order": 3}, ValueError, "order=3: gradients are checked of order 1 or 2"),
    "directions": (np.sin, ([1.0],), {"directions": 0}, ValueError, "directions=0: at least one"),
    "no argument": (np.sin, (), {}, ValueError, "no argument to differentiate in: there are none"),
    "integers": (np.sin, ([1, 2],), {}, ValueError, "args[0] is a constant of dtype int64; pass floating arrays"),
    "a tuple": (np.sin, ((X, W),), {}, ValueError, "not in a tuple: check_gradients(f, x, y)"),
    "complex": (np.sin, ([1j],), {}, TypeError, "args[0] has dtype complex128"),
    "infinite": (np.sin, ([np.inf],), {}, ValueError, "args[0] has entries that are not finite"),
    "no array": (lambda x: 3.0, ([1.0],), {}, TypeError, "f returns float as output 0, where an array of reference is due"),
    "nothing": (lambda x: None, ([1.0],), {}, TypeError, "f returns None as output 0, where an array of reference is due"),
    "indices": (np.argsort, ([1.0],), {}, TypeError, "f returns int64: a derivative needs"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_told_in_a_sentence(name: str) -> None:
    """What cannot be examined is said in one line, which names the argument."""
    f, args, how, kind, words = BAD[name]
    with pytest.raises(kind) as caught:
        told(f, *args, **({"backend": "reference"} | how))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_f_raises_is_its_own() -> None:
    """An exception of f itself passes through, even where no exception of ours is asked for."""

    def f(x: Any) -> Any:
        raise LookupError("no such layer")

    with pytest.raises(LookupError, match="no such layer"):
        told(f, [1.0], backend="reference")


def test_an_exception_in_a_pullback_is_a_finding() -> None:
    """What is raised while f is differentiated is told with its type, and is the cause."""

    def vjp(ct: Any, x: Any) -> Any:
        raise ZeroDivisionError("by nothing")

    with pytest.raises(GradientError, match="differentiating f raises ZeroDivisionError: by nothing") as caught:
        check_gradients(squared(vjp), [1.0], backend="autograd")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_report_can_be_read() -> None:
    """A report has a line for each argument, what holds besides, and what was not checked."""
    lines = str(check_gradients(np.sin, [0.5, 1.5], backend="reference")).splitlines()
    assert lines[0] == "gradients by reference: pass, 2 of 2 numbers decided"
    assert lines[1].startswith("  args[0], float64 (2,): 2 entries, 0 undecided; largest error 0.")
    assert lines[2] == "  also holds: the pullback is linear, pure and without state, forward mode agrees with reverse mode"
    assert lines[3] == "  not checked: second order; order=2 asks for it"


def test_a_seed_repeats_a_run() -> None:
    """The same seed gives the same message; another seed other cotangents."""
    f = squared(lambda ct, x: ct * 2.1 * x)
    one, again, other = (told(f, [0.5, 1.5], backend="autograd", seed=seed).message for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_second_order_is_not_claimed_where_nothing_nests() -> None:
    """Of a backend that does not differentiate gradients the report says so, and a pass is one of first order."""

    class Flat(Reference):
        support = Support()

    report = check_gradients(np.sin, [0.5], backend=Flat(), order=2)
    assert report.skipped == ["second order: reference does not differentiate a gradient"]


def test_importing_it_imports_no_backend() -> None:
    """The name can be imported without any library under examination, and without Hypothesis."""
    heavy = "{'torch', 'autograd', 'hypothesis'}"
    source = f"import sys; from clinometer.gradcheck import check_gradients; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
