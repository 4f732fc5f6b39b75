"""Programs: pure functions as data, traced, printed and run."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clinometer.reference.catalogue import CATALOGUE, MATHEMATICS
from clinometer.reference.program.control_flow import PythonControlFlow
from clinometer.reference.program.data import InvalidProgram, Program
from clinometer.reference.program.interpreter import run
from clinometer.reference.program.printing import plain
from clinometer.reference.program.tracing import single, trace
from clinometer.reference.text import literal


def halved(ad: Any, x: Any) -> Any:
    return ad.while_loop(lambda z: z > 1.0, lambda z: ad.multiply(z, 0.5), x)


def chosen(ad: Any, x: Any) -> Any:
    return ad.cond(x > 0, lambda: ad.square(x), lambda: -x)


def repeated(ad: Any, x: Any, y: Any) -> Any:
    return ad.repeat_times(3, lambda a, b: (b, a + b), x, y)


def nested(ad: Any, x: Any) -> Any:
    def body(z: Any, n: Any) -> tuple[Any, Any]:
        step = ad.cond(z > 4.0, lambda: ad.sqrt(z), lambda: ad.repeat_times(2, lambda w: w - 1.5, z))
        return step, n + 1

    return ad.while_loop(lambda z, n: z > 1.0, body, x, 0.0 * x)


def swapped(ad: Any, x: Any, y: Any) -> Any:
    return ad.repeat_times(5, lambda a, b: (b, a), x, y)


def indexed(ad: Any, x: Any) -> Any:
    return ad.sum(x[::-1, 1:], axis=-1, keepdims=True) @ x[:1] + 2.0 * x[..., None, 0]


# ----- making -----


def test_a_program_prints_as_the_steps_that_were_traced() -> None:
    """A program reads as Python in the catalogue's names, one step a line."""
    program = trace(lambda ad, x, y: (ad.sum(x * ad.sin(y), axis=(0, -1), keepdims=True), -x / 2.0))
    assert plain(program) == textwrap.dedent(
        """\
        v1 = sin(y)
        v2 = multiply(x, v1)
        v3 = sum(v2, axis=(0, -1), keepdims=True)
        v4 = negative(x)
        v5 = divide(v4, 2.0)
        return v3, v5"""
    )


def test_a_branch_prints_as_if_and_else() -> None:
    """Structured control flow is Python's own."""
    assert plain(trace(lambda ad, x: chosen(ad, x) * 2.0)) == textwrap.dedent(
        """\
        v1 = greater(x, 0)
        if v1:
            v2 = square(x)
            v4 = v2
        else:
            v3 = negative(x)
            v4 = v3
        v5 = multiply(v4, 2.0)
        return v5"""
    )


def test_a_branch_at_the_end_prints_as_an_early_return() -> None:
    """Where nothing is left to do behind a branch, each of its sides returns; so do branches at the end of a side."""

    def twice_chosen(ad: Any, x: Any) -> Any:
        return ad.cond(x > 1, lambda: ad.exp(x), lambda: chosen(ad, x))

    assert plain(trace(lambda ad, x: ad.call(lambda z: twice_chosen(ad, z), x))) == textwrap.dedent(
        """\
        def v9_f(v1):
            v2 = greater(v1, 1)
            if v2:
                v3 = exp(v1)
                return v3
            v4 = greater(v1, 0)
            if v4:
                v5 = square(v1)
                return v5
            v6 = negative(v1)
            return v6
        v9 = v9_f(x)
        return v9"""
    )


def test_loops_print_as_while_and_for() -> None:
    """A loop's carried values are bound on the way in and at each turn."""
    assert plain(trace(halved)) == textwrap.dedent(
        """\
        v5 = x
        while True:
            v1 = v5
            v2 = greater(v1, 1.0)
            if not v2:
                break
            v3 = v5
            v4 = multiply(v3, 0.5)
            v5 = v4
        return v5"""
    )
    assert plain(trace(repeated)) == textwrap.dedent(
        """\
        v4, v5 = x, y
        for _ in range(3):
            v1, v2 = v4, v5
            v3 = add(v1, v2)
            v4, v5 = v2, v3
        return v4, v5"""
    )


def test_operators_are_operations() -> None:
    """Python's operators on traced values write down the catalogue's names, numbers on either side included."""
    program = trace(lambda ad, x, y: 2 ** (1 - x @ y) / (3 + y) * 4 - x)
    ops = [step.op for step in program.steps]
    assert ops == ["matmul", "subtract", "pow", "add", "divide", "multiply", "subtract"]
    assert [step.args for step in program.steps][1:3] == [(1, "v1"), (2, "v2")]


def test_the_operations_of_a_program_include_those_of_its_blocks() -> None:
    """What a branch or loop uses is used."""
    assert trace(nested).operations() == {"multiply", "greater", "sqrt", "subtract", "add"}
    assert trace(nested).branches
    assert not trace(indexed).branches


def test_a_program_of_one_step_has_the_names_of_the_row() -> None:
    """Every row makes a program of its own, whose inputs are its array arguments."""
    for name, row in CATALOGUE.items():
        program = single(name, {})
        assert len(program.inputs) == row.arity
        assert [step.op for step in program.steps] == [name]
    assert single("matmul", {}, ("a", "b")).inputs == ("a", "b")


def test_equal_functions_give_equal_programs() -> None:
    """Tracing has no memory: the same function gives the same data twice."""
    assert trace(nested) == trace(nested)
    assert trace(halved) != trace(chosen)


# ----- refusing -----

REFUSED: list[tuple[Callable[..., Any], str]] = [
    (lambda ad, x: ad.sine(x), r"operation 'sine' is not in the catalogue"),
    (lambda ad, x: ad.sum(x, axes=0), r"operation 'sum' has no parameter 'axes'; it has x, axis, keepdims"),
    (
        lambda ad, x: x if x > 0 else -x,
        r"a traced value has no truth value; write ad\.cond\(test, lambda: \.\.\., lambda: \.\.\.\)",
    ),
    (lambda ad, x: x and x, r"has no truth value; write ad\.cond"),
    (lambda ad, x: ad.sin("x"), r"'x' is neither a value of the program nor a number"),
    (lambda ad, x: ad.add(x, [1.0]), r"\[1\.0\] is neither a value of the program nor a number"),
    (lambda ad, x: None, r"None is neither a value of the program nor a number"),
]


@pytest.mark.parametrize(("function", "message"), REFUSED)
def test_a_program_that_cannot_be_is_refused(function: Callable[..., Any], message: str) -> None:
    """The message shows what was found and, where there is one, the way to write it."""
    with pytest.raises(InvalidProgram, match=message):
        trace(function)


# ----- running -----


def test_a_program_runs_on_any_namespace() -> None:
    """Run on numpy a program gives what the function gives, and on another namespace what that one says."""
    x = np.arange(6.0).reshape(2, 3)
    (y,) = run(trace(lambda ad, x: ad.sum(ad.multiply(x, 2.0), axis=0)), MATHEMATICS, x)
    np.testing.assert_array_equal(y, 2 * x.sum(0))

    class Words:
        def __getattr__(self, op: str) -> Callable[..., str]:
            return lambda *args, **params: f"{op} of {' and '.join(map(str, args))}"

    assert run(trace(lambda ad, x: ad.add(ad.sin(x), 1.0)), Words(), "x") == ("add of sin of x and 1.0",)


def test_the_path_tells_each_decision() -> None:
    """Every test of a branch or loop is recorded in order."""
    flow = PythonControlFlow()
    run(trace(nested), MATHEMATICS, np.float64(6.0), flow=flow)
    assert flow.path == [True, True, True, False, False]


def test_an_output_may_be_a_number_or_an_input() -> None:
    """A program need not compute anything."""
    assert run(trace(lambda ad, x: (x, 1.5)), MATHEMATICS, 3.0) == (3.0, 1.5)
    assert plain(trace(lambda ad, x: (x, 1.5))) == "return x, 1.5"


def test_the_wrong_number_of_inputs_is_refused() -> None:
    """A program takes the inputs that it has."""
    with pytest.raises(ValueError, match="zip"):
        run(trace(chosen), MATHEMATICS, 1.0, 2.0)


# ----- printing is a second way of running -----


def execute(program: Program, *inputs: Any) -> Any:
    """Run the printed text of a program as Python."""
    source = f"def function({', '.join(program.inputs)}):\n{textwrap.indent(plain(program), '    ')}\n"
    names = dict(vars(MATHEMATICS))
    exec(source, names)  # the text is our own
    result = names["function"](*inputs)
    return result if isinstance(result, tuple) else (result,)


EXECUTED: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (chosen, (2.0,)),
    (chosen, (-2.0,)),
    (halved, (0.5,)),
    (halved, (13.0,)),
    (repeated, (1.0, 2.0)),
    (swapped, (1.0, 2.0)),
    (nested, (0.5,)),
    (nested, (3.0,)),
    (nested, (50.0,)),
    (indexed, (np.arange(16.0).reshape(4, 4),)),
    (lambda ad, x: ad.vector_norm(x, ord=float("inf")), (np.array([1.0, -3.0]),)),
    (lambda ad, x: ad.clip(x, min=None, max=0.75), (np.array([1.0, -3.0]),)),
    (lambda ad, x: x[np.array([0, 2, 2])], (np.arange(3.0),)),
    (lambda ad, x: ad.take_along_axis(x, indices=[[1], [0]], axis=1), (np.eye(2),)),
]


@pytest.mark.parametrize(("function", "inputs"), EXECUTED)
def test_the_printed_program_computes_the_same(function: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
    """The text of a program, executed with the catalogue for its names, gives bit for bit what running it gives."""
    program = trace(function)
    for printed, ran in zip(execute(program, *inputs), run(program, MATHEMATICS, *inputs), strict=True):
        np.testing.assert_array_equal(printed, ran)


LITERALS: list[tuple[Any, str]] = [
    (1, "1"),
    (-0.0, "-0.0"),
    (0.1, "0.1"),
    (float("inf"), 'float("inf")'),
    (float("-inf"), 'float("-inf")'),
    (float("nan"), 'float("nan")'),
    (None, "None"),
    (True, "True"),
    (..., "..."),
    ("ij,jk->ik", "'ij,jk->ik'"),
    (slice(None, 3, -1), "slice(None, 3, -1)"),
    ((), "()"),
    ((1,), "(1,)"),
    ((1, slice(None), ...), "(1, slice(None, None, None), ...)"),
    ([[1, 2], [3, 4]], "[[1, 2], [3, 4]]"),
    (np.array([[1.5, np.inf]]), '[[1.5, float("inf")]]'),
    (np.float32(0.1), "0.10000000149011612"),
    (np.int64(3), "3"),
    (np.bool_(True), "True"),
]


@pytest.mark.parametrize(("value", "text"), LITERALS)
def test_literals_are_python_that_gives_the_value_back(value: Any, text: str) -> None:
    """A parameter prints as source text without any import."""
    assert literal(value) == text
    back = eval(text)
    if isinstance(value, np.ndarray | float | np.floating):
        np.testing.assert_array_equal(back, value)
    else:
        assert back == value
