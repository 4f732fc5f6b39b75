"""What a report on one's own function claims: nothing that was not measured, and no noise is anybody's fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd.extend import defvjp, primitive
from custom import known_pullback

from clinometer.backends.reference.adapter import Reference
from clinometer.gradcheck import GradientError, GradientReport, check_gradients
from clinometer.gradcheck.differences import Judgement
from clinometer.gradcheck.examination import Inspection
from clinometer.gradcheck.function import UserFunction, arguments
from clinometer.gradcheck.report import apart, factor
from clinometer.gradcheck.solvers import FAINT
from clinometer.reference.differences import Estimate


def told(f: Callable[..., Any], *args: Any, backend: Any = "autograd", **how: Any) -> GradientReport:
    """Return the report on a function, whatever is wrong with it."""
    return check_gradients(f, *args, backend=backend, raise_exception=False, **how)


# ----- what could not be decided -----


def test_a_pass_with_undecided_entries_is_none() -> None:
    """Where one of two outputs drowns in noise the report is false, counts the others, and the call raises."""
    noise = np.array([0.0, 0.1])
    f = known_pullback(lambda x: np.sin(x) + noise * np.sin(1e15 * x), lambda ct, x: ct * np.cos(x))
    report = told(f, [0.3, 0.4])
    assert (report.outcome, bool(report), report.decided, report.numbers) == ("cannot tell", False, 3, 4)
    assert str(report).startswith("gradients by autograd: cannot tell, 3 of 4 numbers decided\n")
    assert "decide 3 of 4 numbers, but not the gradient of args[0][1];" in report.message
    with pytest.raises(GradientError, match="decide 3 of 4 numbers"):
        check_gradients(f, [0.3, 0.4], backend="autograd")


def test_a_gradient_that_is_wrong_at_one_point_alone_is_found() -> None:
    """A jump of the gradient at the very point, and nowhere close by, is an error and not noise."""
    f = known_pullback(lambda x: x * x, lambda ct, x: ct * np.where(x == 1, 5.0, 2 * x))
    report = told(f, [1.0, 2.0])
    assert report.outcome == "fail"
    assert report.message.startswith("gradient of args[0][0]: got ")


def test_a_clipped_row_of_zeros_has_no_gradient() -> None:
    """torch.renorm to a norm of nothing is zero everywhere, and its gradient of one at a row of zeros is refuted."""
    torch = pytest.importorskip("torch")
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64)
    report = told(lambda x: torch.renorm(x, 2, 0, 0.0), x, backend="torch")
    assert report.outcome == "fail"
    assert "2 of 4 entries are off" in report.message


# ----- which mode -----


class Modes(Reference):
    """Gradients and tangents multiplied by something."""

    reverse = forward = 1.0

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        return y, lambda ct: [g * self.reverse for g in pullback(ct)]

    def jvp(self, f: Any, primals: Any, tangents: Any) -> Any:
        y, dy = super().jvp(f, primals, tangents)
        return y, dy * self.forward


@pytest.mark.parametrize("wrong", [1 + 1e-9, 2.0, np.nan])
def test_the_mode_that_differences_refute_is_blamed(wrong: float) -> None:
    """A wrong tangent is blamed as the tangent, a wrong gradient as the backward pass, also if it is not-a-number."""
    backend = Modes()
    backend.forward = wrong
    assert told(np.sin, [0.5, 1.5], backend=backend).message.endswith("agree with reverse mode: look at the tangent.")
    backend.forward = 1.0
    given = arguments([[0.5, 1.5]], backend)
    inspection = Inspection(UserFunction(np.sin, given, backend), GradientReport("modes"), np.random.default_rng(0), 8)
    pulled = inspection.pulled()
    pulled[0].gradients = [g * wrong for g in pulled[0].gradients]
    with pytest.raises(GradientError, match="agree with forward mode: look at the backward pass"):
        inspection._forward(pulled)


def test_no_mode_is_blamed_where_differences_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two modes that disagree where differences decide nothing are told, and neither is said to be right."""
    nothing = Judgement("undecided", 0.0, Estimate(np.float64(0), np.inf, 1.0), np.inf)
    monkeypatch.setattr("clinometer.gradcheck.examination.judge_derivative", lambda *_, **__: nothing)
    backend = Modes()
    backend.forward = 2.0
    report = told(np.sin, [0.3, 0.4], backend=backend)
    assert report.outcome == "fail"
    assert report.message.endswith("One of them is wrong; finite differences cannot tell which.")


class Meant(Modes):
    """The derivatives of a sine, whatever noise the function has beside it."""

    def vjp(self, f: Any, *primals: Any) -> Any:
        return f(*primals), super().vjp(np.sin, *primals)[1]

    def jvp(self, f: Any, primals: Any, tangents: Any) -> Any:
        return f(*primals), super().jvp(np.sin, primals, tangents)[1]


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("wrong", [1e6, np.nan])
def test_of_a_function_in_noise_no_mode_is_said_to_be_right(mode: str, wrong: float) -> None:
    """Where noise leaves every entry undecided, and one mode is wrong, no agreement with the other is claimed."""
    backend = Meant()
    setattr(backend, mode, wrong)
    report = told(lambda x: np.sin(x) + 0.1 * np.sin(1e15 * x), [0.3, 0.4], backend=backend)
    assert report.outcome == "fail"
    assert "agree with" not in report.message
    if mode == "forward":
        assert report.message.endswith("One of them is wrong; finite differences cannot tell which.")
    else:  # differences refute a number so large, and what is none, in spite of the noise; how good they are is said
        assert float(report.message.split("good to ")[1].split("; off")[0]) > 0.1


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("target", [[0.3, 0.7], [0.0, 1.0], [1.0, 0.0]])
def test_a_saturated_cross_entropy_is_decided(target: list[float], order: int) -> None:
    """Logits of -40 and 0 with targets of floating type: both modes of torch are right, and no number is undecided."""
    torch = pytest.importorskip("torch")
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    report = told(loss, [-40.0, 0.0], target, backend="torch", order=order)
    assert report, report.message
    assert "forward mode agrees with reverse mode" in report.checked


# ----- noise -----


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("digits", [16, 20, 24])
def test_a_staircase_blames_nobody(seed: int, digits: int) -> None:
    """A sine that is rounded to some bits, with the gradient of a sine, is never called wrong."""
    x = np.random.default_rng(seed).normal(size=3)
    report = told(known_pullback(lambda x: np.round(np.sin(x) * 2.0**digits) / 2.0**digits, lambda ct, x: ct * np.cos(x)), x)
    assert report.outcome != "fail", report.message


def solved(off: float) -> Callable[..., Any]:
    """Return y = x cos(y), iterated until it is good to about 1e-8, with the gradient of its solution times a factor."""

    def values(x: np.ndarray) -> np.ndarray:
        y = np.full_like(x, 0.5)
        for _ in range(200):
            y, before = x * np.cos(y), y
            if np.max(abs(y - before)) < 1e-8:
                break
        return y

    def vjp(ct: Any, x: Any) -> Any:
        y = values(x)
        for _ in range(100):
            y = x * np.cos(y)
        return ct * np.cos(y) / (1 + x * np.sin(y)) * off

    return known_pullback(values, vjp)


@pytest.mark.parametrize("seed", range(4))
def test_a_solver_is_held_to_its_own_tolerance(seed: int) -> None:
    """The gradient of what a solver approximates is not blamed for the solver's stops; one that is off by a hundredth is."""
    x = np.random.default_rng(seed).uniform(0.3, 0.9, 3)
    assert told(solved(1.0), x).outcome != "fail"
    assert told(solved(1.01), x).outcome == "fail"


def test_faint_waves_are_noise_and_others_are_not() -> None:
    """Waves a billionth high, as steps that are chosen leave them, widen the tolerance, and higher ones do not."""

    def waves(height: float) -> Callable[..., Any]:
        return known_pullback(lambda x: np.sin(x) + height * np.sin(1000 * x), lambda ct, x: ct * np.cos(x))

    report = told(waves(1e-9), [0.3, 0.4])
    assert report
    assert 1e-7 < report.rows[0].fineness < FAINT
    assert told(waves(1e-4), [0.3, 0.4]).outcome == "fail"


# ----- several outputs of unlike size -----

DOUBLE = known_pullback(lambda x: x * x, lambda ct, x: ct * 4 * x)
BESIDE: dict[str, Callable[[Any], Any]] = {
    "a large output": lambda x: anp.concatenate([1e12 * anp.exp(x), DOUBLE(x)]),
    "a small one of two": lambda x: anp.concatenate([anp.exp(x), 1e-12 * DOUBLE(x)]),
    "a large number that hardly moves": lambda x: anp.concatenate([1e14 + x, DOUBLE(x)]),
    "a constant": lambda x: anp.concatenate([0 * x + 1e15, DOUBLE(x)]),
}


@pytest.mark.parametrize("name", BESIDE)
def test_no_output_drowns_beside_another(name: str) -> None:
    """A gradient that is twice too large is found, however large or small its output is beside the others."""
    assert told(BESIDE[name], [0.5, 1.5, -0.7]).outcome == "fail"


def test_outputs_of_unlike_size_pass_when_they_are_right() -> None:
    """The same outputs with right gradients, from 1e-12 to 1e12, pass with every number decided."""
    report = told(lambda x: anp.concatenate([1e12 * anp.exp(x), anp.sin(x), 1e-12 * x * x]), [0.5, 1.5, -0.7])
    assert report
    assert report.decided == 3


# ----- linear, to its rounding -----


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["logcumsumexp", "matrix_exp"])
def test_a_pullback_is_linear_to_its_rounding(name: str, seed: int) -> None:
    """Plain functions of torch whose pullbacks round the doubled cotangent in another way pass."""
    torch = pytest.importorskip("torch")
    functions = {"logcumsumexp": lambda x: torch.logcumsumexp(x, 0), "matrix_exp": torch.matrix_exp}
    x = np.random.default_rng(seed).uniform(size=(4, 4))  # far apart, the tangent of logcumsumexp is off by 1e-13
    assert check_gradients(functions[name], x, seed=seed)


def test_a_pullback_that_is_not_linear_is_found() -> None:
    """A part that does not double with the cotangent is found from a billionth on, and forgiven where it is rounding."""

    def bent(part: float) -> GradientReport:
        return told(known_pullback(lambda x: x * x, lambda ct, x: ct * 2 * x + part * abs(ct)), [0.5, 1.5])

    assert bent(1e-16)
    assert "for -2 times the cotangent" in bent(1e-9).message


# ----- numbers in messages -----


def test_an_error_of_a_billionth_is_told_in_digits_that_show_it() -> None:
    """Got, expected and the factor have as many digits as tell them from each other, and from one."""
    message = told(known_pullback(lambda x: x * x, lambda ct, x: ct * 2 * x * (1 + 1e-9)), [0.5, 1.5]).message
    got, expected = message.split("got ")[1].split(" by finite")[0].split(", expected ")
    assert got != expected
    assert float(got) / float(expected) - 1 == pytest.approx(1e-9, rel=0.2)
    assert "by a factor of 1.000000001:" in message


def test_numbers_are_told_apart() -> None:
    """Ten digits, or as many as it takes; a factor that is next to one keeps its distance from it."""
    assert apart(7.75, 8.0) == ("7.75", "8")
    assert apart(1 + 1e-14, 1.0)[0] != "1"
    assert apart(np.nan, 1.0) == ("nan", "1")
    assert factor(1 + 1e-12, 1.0) == "by a factor of 1.000000000001"
    assert factor(2.1, 2.0) == "by a factor of 1.05"
    assert factor(1.0, 0.0) == "where it should be almost zero"


def test_no_number_is_called_stateless_that_was_not_asked() -> None:
    """Where nothing can be told at the second point, the report claims that the pullback is linear and pure, no more."""
    log = primitive(lambda x: np.where(x == 0.5, np.log(0.5), np.log(x) if (abs(x - 0.5) < 1e-3).all() else np.nan))
    defvjp(log, lambda y, x: lambda ct: ct / x)
    report = told(log, [0.5])
    assert "the pullback is linear and pure" in report.checked
    assert any(reason.startswith("a second point: ") for reason in report.skipped)


@pytest.mark.parametrize(
    ("pulled", "said"),
    [
        (lambda ct: exec("raise SystemExit(0)"), "differentiating f raises SystemExit: 0"),
        (lambda ct: pytest.skip("not today"), "differentiating f raises Skipped: not today"),
        (lambda ct: [np.array([object()])], "differentiating f gives an array of object, where one of numbers is due"),
        (lambda ct: [np.array(["a"])], "differentiating f gives an array of <U1, where one of numbers is due"),
        (lambda ct: [[[1.0], [1.0, 2.0]]], "differentiating f raises ValueError: setting an array element with a sequence"),
    ],
    ids=["SystemExit", "skip", "objects", "strings", "ragged"],
)
def test_whatever_a_gradient_raises_or_gives_is_a_finding(pulled: Any, said: str) -> None:
    """An exception that is no Exception, and an answer that is no array of numbers, are said of the gradient."""

    class Odd(Reference):
        def vjp(self, f: Any, *primals: Any) -> Any:
            return super().vjp(f, *primals)[0], pulled

        def to_numpy(self, x: Any) -> Any:
            return np.asarray(x)

    with pytest.raises(GradientError) as caught:
        check_gradients(np.sin, [0.5], backend=Odd())
    assert str(caught.value).startswith(said)


def test_an_interruption_ends_the_check() -> None:
    """Ctrl-C is no finding: a check has no run to go on with."""

    class Interrupted(Reference):
        def vjp(self, f: Any, *primals: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_gradients(np.sin, [0.5], backend=Interrupted())
