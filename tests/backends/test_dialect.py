"""Dialects: what is run is what is printed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from clinometer.backends import BackendProblem, load, support_of
from clinometer.backends.dialect import Dialect, NotAWord, namespace
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE
from clinometer.strategies import operation_cases

SPOKEN = ("torch", "autograd")
FEW = settings(
    max_examples=8,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CREATION: dict[str, list[tuple[list[str], dict[str, Any]]]] = {
    "arange": [([], {"start": 1, "stop": 7, "step": 2}), ([], {"start": 3})],
    "zeros": [([], {"shape": (2, 3), "dtype": "float32"})],
    "ones": [([], {"shape": (2,)})],
    "full": [([], {"shape": (2, 1), "fill_value": -1.5, "dtype": "float64"})],
    "eye": [([], {"n": 3, "dtype": "float32"})],
    "linspace": [([], {"start": -1.0, "stop": 2.0, "num": 5, "dtype": "float64"})],
    "zeros_like": [(["x"], {})],
    "ones_like": [(["x"], {})],
    "asarray": [([], {"values": [[1.0, 2.5], [-3.0, 0.0]], "dtype": "float32"})],
    "normal": [([], {"shape": (2, 3), "seed": 7})],
    "astype": [(["x"], {"dtype": "float64"}), (["x"], {"dtype": "int64"})],
}


def operations(among: Any) -> list[tuple[str, str]]:
    """Return each backend with each operation of its table that is among some."""
    found = []
    for name in SPOKEN:
        found += [(name, op) for op in load(name).dialect.table if op in among]  # type: ignore[attr-defined]  # these have one
    return found


def run(backend: Any, op: str, inputs: dict[str, Any], params: dict[str, Any]) -> Any:
    """Return the value of an operation by the compiled function, as numpy, or the name of what it raises."""
    return outcome(backend, lambda: getattr(backend.xp, op)(*inputs.values(), **params))


def printed(backend: Any, op: str, inputs: dict[str, Any], params: dict[str, Any]) -> Any:
    """Return the value of an operation by its spelling, evaluated as a script has it."""
    expression = backend.dialect.spell(op, list(inputs), params)
    names = dict(inputs)
    execute(f"{backend.dialect.imports}\n{backend.dialect.sources(expression)}", names)
    return outcome(backend, lambda: eval(expression, names))


def execute(script: str, names: dict[str, Any]) -> None:
    """Run a script as its reader does: without the `__future__` of this file."""
    exec(compile(script, "<script>", "exec", dont_inherit=True), names)


def outcome(backend: Any, thunk: Any) -> Any:
    """Return a value as numpy; what the library refuses it refuses both ways."""
    try:
        return np.asarray(backend.to_numpy(thunk()))
    except Exception as error:
        if support_of(backend).refuses(error) or "unexpected keyword argument" in str(error):
            return str(error)
        raise


def assert_same(got: Any, expected: Any) -> None:
    """Hold two outcomes to the same type, shape and numbers."""
    assert type(got) is type(expected)
    if isinstance(got, np.ndarray):
        assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


# ----- spelled and run -----


@pytest.mark.parametrize(("name", "op"), operations(CATALOGUE))
def test_an_operation_is_run_as_it_is_spelled(name: str, op: str) -> None:
    """The expression that a script prints has the value of the function that the suites call."""
    backend: Any = load(name)

    @FEW
    @given(operation_cases(op, "complex128" if CATALOGUE[op].kinds == "c" else "float64"))
    def holds(case: Case) -> None:
        inputs = {n: backend.asarray(x[0]) for n, x in zip(case.program.inputs, case.inputs, strict=True)}
        params = dict(case.program.steps[0].params)
        assert_same(printed(backend, op, inputs, params), run(backend, op, inputs, params))

    holds()


@pytest.mark.parametrize(("name", "op"), operations(CREATION))
def test_an_array_is_created_as_it_is_spelled(name: str, op: str) -> None:
    """Creation functions, too, are run as they are spelled."""
    backend: Any = load(name)
    for args, params in CREATION[op]:
        inputs = {n: backend.asarray(np.array([1.5, 2.0], "float32")) for n in args}
        assert_same(printed(backend, op, inputs, params), run(backend, op, inputs, params))


def test_every_operation_of_a_table_is_in_the_catalogue_or_creates_an_array() -> None:
    """A table has no line that nobody asks for; `gradient` is what programs say of a derivative within them."""
    tables = {op for name in SPOKEN for op in vars(load(name).xp)}
    assert tables <= {*CATALOGUE, *CREATION, "gradient"}


AXES = (None, 0, -1, (1,), (0, -1), (0, 1))
X = np.array([[1.5, -2.0, 0.25], [3.0, 0.5, -1.0]])


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("op", ["sum", "mean", "prod", "max", "min", "logsumexp", "any", "all"])
def test_a_reduction_is_run_as_it_is_spelled(op: str, axis: Any, keepdims: bool) -> None:
    """Over all axes, one or some, kept or not, a reduction prints words of torch that give numpy's number."""
    backend: Any = load("torch")
    x, params = backend.asarray(X), {"axis": axis, "keepdims": keepdims}
    assert_same(printed(backend, op, {"x": x}, params), run(backend, op, {"x": x}, params))
    right = np.asarray(CATALOGUE[op].value(X, **params))
    np.testing.assert_allclose(run(backend, op, {"x": x}, params), right, rtol=1e-12)


SAID: list[tuple[str, dict[str, Any], str]] = [
    ("sum", {}, "torch.sum(x)"),
    ("sum", {"axis": 0}, "torch.sum(x, dim=0)"),
    ("sum", {"axis": 0, "initial": 2.0}, "total(x, 0, False, None, 2.0)"),
    ("sum", {"axis": ()}, "total(x, (), False, None, None)"),
    ("sum", {"keepdims": True}, "torch.sum(x, dim=tuple(range(x.ndim)), keepdim=True)"),
    ("mean", {"axis": (0, 1), "keepdims": True}, "torch.mean(x, dim=(0, 1), keepdim=True)"),
    ("prod", {}, "torch.prod(x)"),
    ("prod", {"axis": -1}, "torch.prod(x, dim=-1)"),
    ("prod", {"axis": (0, 1)}, "product(x, (0, 1), False)"),
    ("max", {}, "torch.amax(x)"),
    ("max", {"axis": 1, "keepdims": True}, "torch.amax(x, dim=1, keepdim=True)"),
    ("min", {"axis": 1, "where": [[True]], "initial": 9.0}, "least(x, 1, False, [[True]], 9.0)"),
    ("flip", {"axis": 1}, "torch.flip(x, (1,))"),
    ("take", {"indices": [0, -1], "axis": 1}, "torch.index_select(x, 1, torch.tensor([0, -1]) % x.shape[1])"),
    ("getitem", {"key": -1}, "x[-1]"),
    ("getitem", {"key": (slice(None), 0)}, "x[:, 0]"),
    ("getitem", {"key": (slice(1, None, 2), ..., None)}, "x[1::2, ..., None]"),
    ("getitem", {"key": (slice(None, -1),)}, "x[:-1]"),
    ("getitem", {"key": ()}, "x[()]"),
    ("getitem", {"key": [0, 0]}, "x[indices([0, 0])]"),
    ("getitem", {"key": slice(None, None, -1)}, "x[::-1]"),
]


@pytest.mark.parametrize(("op", "params", "text"), SAID, ids=[text for _, _, text in SAID])
def test_torch_is_written_as_its_users_write_it(op: str, params: dict[str, Any], text: str) -> None:
    """Where torch has the words they are printed; a helper is left for what it has none for."""
    assert load("torch").dialect.spell(op, ["x"], params) == text  # type: ignore[attr-defined]  # it has one


# ----- how a line is spelled -----


def twice(x: Any) -> Any:
    """Add x to itself."""
    return x + x


def fourfold(x: Any) -> Any:
    """Double x twice."""
    return twice(twice(x))


TOY = Dialect(
    imports="import math",
    table={
        "total": lambda x, axis=None, keepdims=False, key=None: math.fsum(x, axis=axis, keep=keepdims) + math.floor(key),
        "doubled": lambda x: twice(x),
        "plain": lambda x: -x,
        "whole": lambda x, axis=None: math.fsum(x) if axis is None else twice(x) if fourfold(axis) > 4 else math.prod(x, axis),
        "sized": lambda x, axis=None: math.fsum(x) if x.ndim else x,
        "picked": lambda x, key: x[key],
        "chosen": lambda x, axis=None, ord=2: (
            twice(x) if isinstance(axis, int | tuple) and not math.isinf(ord) and ord in (1, -1) else fourfold(x)
        ),
        "summed": lambda x, axis=None: twice(x) if axis + 1 == 2 else x,
    },
    array="",
    reverse="",
    helpers=(twice, fourfold),
)


def test_arguments_stand_where_the_parameters_stood() -> None:
    """A spelled operation has the caller's expressions in the place of the table's names, with parentheses as needed."""
    assert TOY.spell("plain", ["a + b"], {}) == "-(a + b)"


def test_keywords_at_their_default_are_dropped() -> None:
    """A keyword that says what holds without it is left out; a positional argument stays."""
    assert TOY.spell("total", ["x"], {}) == "math.fsum(x) + math.floor(None)"
    assert TOY.spell("total", ["x"], {"axis": None, "keepdims": False}) == "math.fsum(x) + math.floor(None)"


def test_keywords_off_their_default_are_spelled() -> None:
    """A keyword that changes the value is printed with it."""
    assert TOY.spell("total", ["x"], {"axis": 0, "key": 1}) == "math.fsum(x, axis=0) + math.floor(1)"


@pytest.mark.parametrize(
    ("params", "text"), [({}, "math.fsum(x)"), ({"axis": 2}, "twice(x)"), ({"axis": 1}, "math.prod(x, 1)")], ids=str
)
def test_of_a_conditional_the_side_is_printed_that_is_run(params: dict[str, Any], text: str) -> None:
    """A condition on parameters alone, helpers included, is settled when the line is printed."""
    assert TOY.spell("whole", ["x"], params) == text


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, "fourfold(x)"),
        ({"axis": (0, 1), "ord": 1}, "twice(x)"),
        ({"axis": 1, "ord": 1}, "twice(x)"),
        ({"axis": 1, "ord": -1}, "twice(x)"),
        ({"axis": 1, "ord": 3}, "fourfold(x)"),
        ({"axis": 1, "ord": -math.inf}, "fourfold(x)"),
    ],
    ids=str,
)
def test_a_condition_may_ask_for_types_and_members(params: dict[str, Any], text: str) -> None:
    """Types and their unions, attributes, signs, `not`, `and` and `in` are decided as Python decides them."""
    assert TOY.spell("chosen", ["x"], params) == text


def test_a_condition_of_another_kind_is_named() -> None:
    """What the conditions of a table are not made of is refused with its text."""
    with pytest.raises(NotAWord, match=r"the condition 'axis \+ 1' is more than is decided here"):
        TOY.spell("summed", ["x"], {"axis": 1})


def test_a_condition_on_an_array_is_left_to_the_script() -> None:
    """What depends on an argument is decided when the printed line runs."""
    assert TOY.spell("sized", ["y"], {"axis": 0}) == "math.fsum(y) if y.ndim else y"


def test_a_key_is_printed_with_colons() -> None:
    """Slices between brackets are written as people write them; a lone index has no comma."""
    assert TOY.spell("picked", ["x"], {"key": (slice(None, 2), None, slice(None, None, -1))}) == "x[:2, None, ::-1]"
    assert TOY.spell("picked", ["x"], {"key": (0,)}) == "x[0]"


def test_a_function_of_the_table_bears_the_name_of_its_operation() -> None:
    """What a library's user is told of a keyword names the operation, not a lambda."""
    with pytest.raises(TypeError, match=r"^plain\(\) got an unexpected keyword argument 'axis'"):
        namespace(TOY.table).plain(1.0, axis=0)


# ----- tables that cannot be printed -----


def named(x: Any) -> Any:
    """Return x."""
    return x


@pytest.mark.parametrize("words", [named, math.sin, eval("lambda x: x")], ids=["a function", "of C", "without a file"])
def test_words_whose_source_cannot_be_had_are_refused(words: Any) -> None:
    """A table says at once which of its lines is no lambda in a file, and how one is written."""
    with pytest.raises(
        NotAWord, match=r"no lambda for 'sin' that scripts can print: write \"sin\": lambda \.\.\.: \.\.\. in a dict"
    ):
        Dialect(imports="", table={"sin": words}, array="", reverse="")


def test_a_lambda_under_another_key_is_refused() -> None:
    """The words of an operation are those that stand under its own name."""
    with pytest.raises(NotAWord, match="no lambda for 'cos'"):
        Dialect(imports="", table={"cos": TOY.table["plain"]}, array="", reverse="")


def test_a_table_without_source_is_one_sentence_of_the_registry(tmp_path: Path) -> None:
    """An adapter whose table is made by `eval` is refused as every other adapter that fails: in one sentence."""
    path = tmp_path / "adapter.py"
    path.write_text(
        "from clinometer.backends.dialect import Dialect\n"
        "DIALECT = Dialect(imports='', table={'sin': eval('lambda x: x')}, array='', reverse='')\n"
    )
    with pytest.raises(BackendProblem, match="could not be imported: NotAWord: <string>, line 1, has no lambda for 'sin'"):
        load(f"{path}:DIALECT")


def test_what_is_printed_is_what_was_run(tmp_path: Path) -> None:
    """Whoever edits an adapter's file during a run is shown the words that were run."""
    path = tmp_path / "adapter.py"
    source = "from clinometer.backends.dialect import Dialect\nTABLE = {'sin': lambda x: %s}\n"
    path.write_text(source % "x" + "def made():\n    return Dialect(imports='', table=TABLE, array='', reverse='')\n")
    names: dict[str, Any] = {}
    exec(compile(path.read_text(), path, "exec", dont_inherit=True), names)
    dialect = names["made"]()
    path.write_text(source % "-x")
    assert dialect.spell("sin", ["y"], {}) == "y"


def test_an_operation_that_the_table_lacks_is_named() -> None:
    """Spelling an operation that is not there raises its name."""
    with pytest.raises(KeyError, match="cosine"):
        TOY.spell("cosine", ["x"], {})


def test_the_source_of_a_helper_comes_with_the_text_that_uses_it() -> None:
    """A text that calls a helper gets its source, and a text that does not gets none."""
    assert "def twice(x" in TOY.sources("y = twice(x)")
    assert "def fourfold(x" not in TOY.sources("y = twice(x)")
    assert TOY.sources("y = -x") == ""


def test_the_source_of_a_helper_comes_with_the_helpers_that_it_uses_itself() -> None:
    """A text whose helper calls another helper gets both, and runs."""
    names: dict[str, Any] = {}
    execute(f"{TOY.sources('fourfold(x)')}\ny = fourfold(3)", names)
    assert names["y"] == 12


@pytest.mark.parametrize("name", SPOKEN)
def test_the_source_of_every_helper_runs_on_its_own(name: str) -> None:
    """A helper's source needs no name that the script's imports and the builtins do not bring."""
    dialect: Dialect = load(name).dialect  # type: ignore[attr-defined]  # these have one
    for helper in dialect.helpers:
        execute(f"{dialect.imports}\n{dialect.sources(f'{helper.__name__}(')}", {})
