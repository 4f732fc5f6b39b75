"""What the journal keeps of a verdict: the second witness stands at the entry that it was asked about, with its steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import ask, first, of_kind
from planted import PLANTED

from clinometer.backends import Backend
from clinometer.backends.reference.adapter import Reference
from clinometer.harness.cells import Cell
from clinometer.harness.check import Check
from clinometer.harness.scripts.evidence import evidence
from clinometer.journal import records
from clinometer.journal.records import Array, Evidence


def shown(id: str, backend: Backend, **cell: str) -> Evidence:
    """Return the evidence of the first failure of a clause in the cells that are like this."""

    def where(it: Cell) -> bool:
        return all(getattr(it, name) == value for name, value in cell.items())

    clause, asked, result = first(id, backend, where)
    assert result.finding is not None, result.message
    return evidence(result.finding, clause, backend, "mine", asked.mode)


def entry(array: Array | None, index: list[int] | None) -> complex:
    """Return the number at an index."""
    assert array is not None
    assert index is not None
    return complex(np.reshape(np.array([complex(v) for v in array.values]), array.shape)[tuple(index)])


@pytest.mark.parametrize(
    ("id", "name", "cell"),
    [
        ("GRAD-1", "scaled_rule", {"dtype": "float64"}),
        ("FWD-1", "scaled_tangent", {"dtype": "float64"}),
        ("HIGH-1", "frozen_slope", {"dtype": "float64"}),
    ],
)
def test_the_second_witness_is_heard_about_the_worst_entry(id: str, name: str, cell: dict[str, str]) -> None:
    """The index names the entry that is furthest off, and what the witness says is what is right there."""
    found = shown(id, PLANTED[name](), **cell)
    assert found.got is not None
    assert found.expected is not None
    assert found.tolerance is not None
    assert found.witness is not None
    off = [abs(complex(g) - complex(e)) for g, e in zip(found.got.values, found.expected.values, strict=True)]
    units = [d / float(t) for d, t in zip(off, found.tolerance.values, strict=True)]
    worst = int(np.ravel_multi_index(found.index, found.got.shape)) if found.index else 0
    assert units[worst] == max(units)
    assert float(found.error) == pytest.approx(units[worst], rel=1e-3)
    right = entry(found.expected, found.index)
    assert abs(complex(found.witness.value) - right) <= 10 * float(found.witness.error) + float(found.tolerance.values[worst])


def test_finite_differences_tell_every_step_that_they_tried() -> None:
    """There are three steps: the first one, the one that balances the errors, which is taken, and half of it."""
    found = shown("GRAD-1", PLANTED["scaled_rule"](), operation="sin", dtype="float64")
    assert found.witness is not None
    _, taken, half = found.witness.steps
    assert [step.taken for step in found.witness.steps] == [False, True, False]
    assert taken.estimate == found.witness.value
    assert float(half.step) == pytest.approx(float(taken.step) / 2, rel=1e-2)
    for step in found.witness.steps:
        assert abs(float(step.estimate) - float(found.witness.value)) <= 100 * float(step.error)


def test_the_witness_of_a_value_tries_no_step() -> None:
    """Plain numpy is heard about a value, with the rounding of its precision."""
    found = shown("VALUE-1", PLANTED["coarse_value"]())
    assert found.witness is not None
    assert not found.witness.steps
    assert float(found.witness.error) < 1e-6 * max(abs(float(found.witness.value)), 1)


class Turned(Reference):
    """Gradients are twice too large, and, as jax has them, of complex inputs the conjugates."""

    name = "turned"
    second_witness = False

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        return y, lambda ct: [2 * np.conjugate(g) for g in pullback(np.conjugate(ct))]


def test_a_complex_witness_speaks_the_conventions_of_the_library() -> None:
    """Where the pullback is the transpose, witness and steps are conjugated as got and expected are; both parts are tried."""
    found = shown("DTYPE-11", Turned(), operation="sin", dtype="complex128")
    assert found.witness is not None
    right, got = entry(found.expected, found.index), entry(found.got, found.index)
    assert abs(right.imag) > 1e-3
    assert got == pytest.approx(2 * right, rel=1e-6)
    assert complex(found.witness.value) == pytest.approx(right, rel=1e-9)
    real, imaginary = (complex(step.estimate) for step in found.witness.steps if step.taken)
    assert real + imaginary == pytest.approx(right, rel=1e-9)


def test_a_comparison_of_two_answers_names_the_first_entry_that_differs() -> None:
    """Numbers that must be equal have no tolerance and no witness, and an index all the same."""
    found = shown("GRAD-5", PLANTED["clipped_cotangent"]())
    assert found.witness is None
    assert entry(found.got, found.index) != entry(found.expected, found.index)


def test_an_observation_has_no_address_in_it() -> None:
    """What an object is called in memory is another word in each run; without it, a library agrees with itself."""
    check = Check(Reference())
    check.observe("at 0", f"raises: {object()} is no array")
    assert check.observed == {"at 0": "raises: <object object at 0x...> is no array"}


def test_the_cost_of_a_gradient_is_no_convention(tmp_path: Path) -> None:
    """A measured time stands in a field of its own, not among the observations of the atlas."""
    path = tmp_path / "j.jsonl"
    done = ask(tmp_path, "--backend", "reference", "--journal", path, "-k", "sin-cost or matmul-cost", suite="test_cost")
    assert done.returncode == 0, done.stdout
    results = [r for r in of_kind(path, records.Result) if r.outcome == "pass"]
    assert {result.cost.shapes for result in results} >= {"64x64", "64x64, 64x64"}
    for result in results:
        assert result.cost.ratio > 0
        assert not result.observed


def test_two_answers_of_a_library_are_named_as_the_script_names_them() -> None:
    """Where an answer is held against another one, the journal says which; where it is held against numbers, nothing."""
    found = shown("FWD-2", PLANTED["scaled_tangent"](), dtype="float64")
    assert len(found.sides) == 2
    for name, side in zip(("got", "expected"), found.sides, strict=True):
        assert f"{name} = {side}\n" in found.script
    assert not shown("FWD-1", PLANTED["scaled_tangent"](), dtype="float64").sides
