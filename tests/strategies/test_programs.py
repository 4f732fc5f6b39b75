"""Random programs: what they are made of, in numbers, over five thousand of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import numpy as np
import pytest
from drawn import QUIET, SALT, examples, minimal, share
from hypothesis import given, settings
from hypothesis.errors import InvalidArgument
from hypothesis.internal.conjecture.engine import ConjectureRunner

from clinometer.reference.case import Case
from clinometer.reference.catalogue import MATHEMATICS
from clinometer.reference.program.control_flow import PythonControlFlow
from clinometer.reference.program.data import Program, Step, reads
from clinometer.reference.program.interpreter import perform, run
from clinometer.strategies.hypothesis_provider import NAME
from clinometer.strategies.programs.random import LENGTHS, MAX_STEPS, random_programs
from clinometer.strategies.programs.shrinking import fitted
from clinometer.strategies.programs.steps import KINDS, OPERATIONS

MANY = 5_000
LARGEST = 30  # entries of any array
NAMES = {op: kind for kind, ops in OPERATIONS.items() for op in ops} | {
    "stop_gradient": "detach", "if": "branch", "for": "for", "while": "while", "gradient": "derivative",
}  # fmt: skip


class Drawn(NamedTuple):
    """Cases, and how many draws were begun for them."""

    cases: list[Case]
    begun: int


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    """Five thousand programs of all kinds, drawn once, without Hypothesis' repetitions of parts of what it has drawn."""
    cases: list[Case] = []
    begun = 0

    @hypothesis.seed(11)
    @settings(QUIET, max_examples=MANY, backend=NAME)
    @given(hypothesis.strategies.data())
    def collect(data: Any) -> None:
        nonlocal begun
        begun += 1
        cases.append(data.draw(random_programs("float64")))
        data.draw(SALT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConjectureRunner, "generate_mutations_from", lambda self, data: None)
        collect()
    return Drawn(cases, begun)


# ----- what a program is made of -----


def kind(step: Step) -> str:
    """Return the kind of a step; what compares has none of its own, since it comes with a branch or a loop."""
    if step.op == "call" and step.params["depth"] > 1:
        return "recursion"
    if step.op == "call":
        (body,) = step.blocks
        return "early return" if body.steps and body.steps[-1].op == "if" and body.steps[-1].out == body.outputs else "function"
    return NAMES.get(step.op, "")


def every_step(program: Program, depth: int = 0) -> Iterator[tuple[int, Step]]:
    """Yield all steps, those of blocks included, each with how deep it lies."""
    for step in program.steps:
        yield depth, step
        for block in step.blocks:
            yield from every_step(block, depth + 1)


def adjacent(program: Program, around: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the kinds of each step that makes a value and of each that reads it; blocks see what is around them."""
    made = dict(around)
    for step in program.steps:
        yield from ((made[name], kind(step)) for name in reads(step) if name in made)
        for block in step.blocks:
            carried = {name: made[str(a)] for name, a in zip(block.inputs, step.args, strict=False) if a in made}
            yield from adjacent(block, made | carried)
        made |= dict.fromkeys(step.out, kind(step))


def uses(program: Program) -> Counter[str]:
    """Return how often each value is read, by steps and as an output."""
    found = Counter(str(o) for o in program.outputs)
    for step in program.steps:
        found.update(str(a) for a in step.args)
        for block in step.blocks:
            found.update(uses(block))
    return found


def having(cases: list[Case], condition: Callable[[Step], bool]) -> float:
    """Return the share of programs that have a step of which something holds."""
    return share(cases, lambda case: any(condition(step) for _, step in every_step(case.program)))


def test_every_pair_of_kinds_is_adjacent_somewhere(drawn: Drawn) -> None:
    """For any two kinds of steps there are programs in which a step of one reads what a step of the other has made."""
    seen = Counter(pair for case in drawn.cases for pair in adjacent(case.program, {}))
    assert {(a, b) for a in KINDS for b in KINDS} - set(seen) == set()


def test_next_to_nothing_is_discarded(drawn: Drawn) -> None:
    """Of all draws that are begun 99 % end in a program.

    A draw counts as discarded if it ends otherwise: rejected by `assume` or a filter, or out of choices. Hypothesis'
    own repetitions, in which it copies parts of an example over others, are switched off: what fails of those is no
    fault of the strategy.
    """
    assert len(drawn.cases) >= MANY
    assert len(drawn.cases) >= 0.99 * drawn.begun


def test_programs_have_eight_steps_or_so(drawn: Drawn) -> None:
    """From one to forty steps are drawn; of them, and with those of blocks, about eight are left on average."""
    lengths = [len(case.program.steps) for case in drawn.cases]
    assert (min(LENGTHS), max(LENGTHS)) == (1, MAX_STEPS) == (1, 40)
    assert min(lengths) == 1
    assert 20 <= max(lengths) <= 40 + 5  # what puts several results behind each other is not drawn
    assert 7.5 <= np.mean([len(list(every_step(case.program))) for case in drawn.cases]) <= 9


def test_arrays_stay_small(drawn: Drawn) -> None:
    """No input and no result of a step, at any depth, has more than thirty entries."""
    sizes = [x.size for case in drawn.cases for x in case.inputs]
    for case in drawn.cases[:500]:
        values = dict(zip(case.program.inputs, (x[0] for x in case.inputs), strict=True))
        for step in case.program.steps:
            values.update(zip(step.out, perform(step, MATHEMATICS, values, PythonControlFlow()), strict=True))
        sizes += [np.size(y) for y in values.values()]
    assert max(sizes) <= LARGEST
    assert np.mean(np.array(sizes) > 1) > 0.5


def test_loops_of_no_trips_occur(drawn: Drawn) -> None:
    """A `for` may make none, and a `while` may find its test false at once; others make two trips or more."""
    assert having(drawn.cases, lambda step: step.op == "for" and step.params["times"] == 0) > 0.005
    assert having(drawn.cases, lambda step: step.op == "for" and step.params["times"] >= 2) > 0.05
    trips = [n for case in drawn.cases[:1000] for n in Watching.of(case).trips]
    assert min(trips) == 0
    assert max(trips) >= 3


class Watching(PythonControlFlow):
    """Counts the trips of `while` loops, and which sides branches take."""

    def __init__(self) -> None:
        super().__init__()
        self.trips: list[int] = []
        self.sides: list[bool] = []

    @classmethod
    def of(cls, case: Case) -> Watching:
        """Return what there was to see in a program."""
        flow = cls()
        run(case.program, MATHEMATICS, *(x[0] for x in case.inputs), flow=flow)
        return flow

    def cond(self, test: Any, then: Any, otherwise: Any) -> Any:
        self.sides.append(bool(test))
        return super().cond(test, then, otherwise)

    def while_loop(self, test: Any, body: Any, carried: Any) -> Any:
        number = 0

        def counted(*xs: Any) -> Any:
            nonlocal number
            number += 1
            return body(*xs)

        found = super().while_loop(test, counted, carried)
        self.trips.append(number)
        return found


def test_both_sides_of_branches_are_taken(drawn: Drawn) -> None:
    """Of all branches between a third and two thirds take the first side, and the others the second."""
    sides = [side for case in drawn.cases[:1000] for side in Watching.of(case).sides]
    assert len(sides) > 100
    assert 1 / 3 < np.mean(sides) < 2 / 3


def test_values_are_used_more_than_twice(drawn: Drawn) -> None:
    """In a tenth of the programs a value is used three times or more."""
    assert share(drawn.cases, lambda case: max(uses(case.program).values()) >= 3) > 0.1


def test_some_inputs_are_of_no_use(drawn: Drawn) -> None:
    """In a tenth of the programs there is an input that the result does not depend on, and in most there is none."""
    unused = share(drawn.cases, lambda case: any(not uses(case.program)[name] for name in case.program.inputs))
    assert 0.1 < unused < 0.5


def test_several_values_are_returned_as_one(drawn: Drawn) -> None:
    """An eighth of the programs or more end in two or three values behind each other."""
    assert share(drawn.cases, lambda case: case.program.steps[-1].op == "concat") > 1 / 8


def test_structures_are_nested(drawn: Drawn) -> None:
    """Blocks lie within blocks, two deep and no deeper, but for the branch of a function that returns early."""
    depths = Counter(max(depth for depth, _ in every_step(case.program)) for case in drawn.cases)
    assert set(depths) == {0, 1, 2, 3}
    assert min(depths[i] for i in range(3)) > 0.1 * len(drawn.cases)


def test_blocks_capture_what_is_around_them(drawn: Drawn) -> None:
    """In a tenth of the programs a loop, function or derivative reads a value that it is not given."""
    assert having(drawn.cases, lambda step: step.op != "if" and bool(step.blocks and reads(step) - set(step.args))) > 0.1


@pytest.mark.parametrize("kind_", KINDS)
def test_every_kind_of_step_is_common(drawn: Drawn, kind_: str) -> None:
    """Each kind of step, derivatives within programs among them, is in a twentieth of the programs at least."""
    assert having(drawn.cases, lambda step: kind(step) == kind_) > 0.05


def test_programs_are_valid(drawn: Drawn) -> None:
    """Each step is valid at the values that it meets, and the values at the end are finite."""
    for case in drawn.cases[:1000]:
        assert fitted(case) is case, case
        for y in run(case.program, MATHEMATICS, *(x[0] for x in case.inputs)):
            assert np.isfinite(y).all()


# ----- what can be asked for -----


def test_a_program_may_have_several_outputs() -> None:
    """Asked for several, most programs have two or three, each with a cotangent, none of them joined."""
    cases = examples(random_programs("float64", several=True, kinds=("elementwise", "arithmetic"), most=8), 200)
    assert {len(case.program.outputs) for case in cases} == {1, 2, 3}
    assert share(cases, lambda case: len(case.program.outputs) > 1) > 0.7
    for case in cases:
        assert len(set(case.program.outputs)) == len(case.program.outputs)
        assert not case.program.operations() & {"concat", "reshape"}
        outputs = run(case.program, MATHEMATICS, *(x[0] for x in case.inputs))
        assert [ct.shape[1:] for ct in case.cotangents] == [np.shape(y) for y in outputs]


def test_kinds_can_be_chosen() -> None:
    """Asked for some kinds, a program has no others."""
    for case in examples(random_programs("float32", kinds=("elementwise", "detach")), 100):
        assert {kind(step) for step in case.program.steps} <= {"elementwise", "detach"}


def test_lengths_can_be_bounded() -> None:
    """Asked for few steps, a program has no more."""
    for case in examples(random_programs("float64", most=3, kinds=("elementwise", "reduction", "scan")), 100):
        assert len(case.program.steps) <= 3


def test_further_points_may_take_another_path() -> None:
    """At the further points a program is as valid as at the first, and in some it takes another path there."""
    cases = [case for case in examples(random_programs("float64", points=2, most=12), 400) if case.points == 2]
    assert len(cases) > 100
    assert all(fitted(case) is case for case in cases)
    paths = [[Watching.of(case.at(i)).path for i in range(2)] for case in cases]
    assert share(paths, lambda pair: pair[0] != pair[1]) > 0.02


BAD: list[tuple[dict[str, Any], str]] = [
    ({"dtype": "float8"}, "dtype='float8': want one of float16, bfloat16, float32, float64"),
    ({"dtype": "complex64"}, "dtype='complex64': want one of float16, bfloat16, float32, float64"),
    ({"kinds": ()}, r"kinds=\(\): want some of arithmetic, elementwise, reduction"),
    ({"kinds": ("sine",)}, r"kinds=\('sine',\): want some of arithmetic, elementwise, reduction"),
    ({"most": 0}, "most=0 and points=1: want one step and one point at least"),
    ({"points": 0}, "most=40 and points=0: want one step and one point at least"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    """The message shows the offending value and what there is instead."""
    with pytest.raises(InvalidArgument, match=message):
        examples(random_programs(**{"dtype": "float64"} | arguments), 1)


# ----- the same every day, and shrinking -----

SAME = """
import hashlib
from clinometer.strategies.programs.random import random_programs
from clinometer.harness.examine import sample
cases = sample(random_programs("float32", points=2), 60, 5)
text = "".join(f"{case.program}{[x.tobytes() for x in (*case.inputs, *case.tangents, *case.cotangents)]}" for case in cases)
print(hashlib.sha256(text.encode()).hexdigest())
"""


def digest(hashing: str, before: str) -> str:
    """Return a hash of some cases, drawn in a process of its own, under a seed of hashing and after some source."""
    helpers = str(Path(__file__).parents[1] / "helpers")
    environment = os.environ | {"PYTHONHASHSEED": hashing, "PYTHONPATH": helpers}
    command = [sys.executable, "-W", "ignore", "-c", before + SAME]
    done = subprocess.run(
        command, cwd=Path(__file__).parent, env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout.strip()


def test_the_same_seed_draws_the_same_cases_in_two_processes() -> None:
    """Nothing of a program hangs on the process: not on the order of sets, nor on the modules around, nor on earlier draws."""
    first = digest("1", "")
    assert len(first) == 64
    assert first == digest("2", "import test_cases; test_cases.few('sin', 'float64')")


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_programs_shrink_to_one_step(dtype: str) -> None:
    """The simplest program has one step at one point, on a small array of small integers."""
    case = minimal(random_programs(dtype))
    assert (len(case.program.steps), len(case.inputs), case.points) == (1, 1, 1)
    assert case.inputs[0].size <= 2
    np.testing.assert_array_equal(case.inputs[0].astype(float), np.rint(case.inputs[0].astype(float)))
