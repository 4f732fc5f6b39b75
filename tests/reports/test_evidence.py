"""Evidence as real runs write it, on the page: each number stands where it belongs, and made-up evidence is like it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import synthetic_journals as made

from clinometer.cli import console
from clinometer.journal.records import Array, Evidence
from clinometer.reports.html import page
from clinometer.reports.results import load

Visit = Callable[..., Any]


def evidence(path: Path) -> dict[str, Evidence]:
    """Return the evidence of a journal by case."""
    [subject] = load([path]).subjects
    return {id: result.evidence for id, result in subject.results.items() if result.evidence is not None}


def numbers(array: Array | None) -> np.ndarray:
    """Return an array of a journal."""
    assert array is not None
    kind = np.dtype(getattr(ml_dtypes, array.dtype, array.dtype))
    wide = np.complex128 if kind.kind == "c" else np.float64
    exact = kind if kind.itemsize <= np.dtype(wide).itemsize else np.dtype(wide)
    return (
        np.array([wide(complex(v)) if wide is np.complex128 else float(v) for v in array.values])
        .astype(exact)
        .reshape(array.shape)
    )


def hold_together(found: Evidence) -> str:
    """Hold evidence to what real evidence is like, and return what sort it is."""
    if found.got is None:
        assert found.index is found.witness is None
        return "exception" if found.trace else "fact"
    if found.expected is None or found.got.shape != found.expected.shape:
        assert found.index is None
        return "shape"
    assert found.index is not None
    assert len(found.index) == len(found.got.shape)
    got, expected = numbers(found.got), numbers(found.expected)
    place = tuple(found.index)
    if found.tolerance is None:
        assert found.witness is None
        assert got[place] != expected[place]
        return "equality"
    assert found.tolerance.shape == found.got.shape
    units = abs(got - expected) / numbers(found.tolerance)
    units = np.where(np.isnan(units) & ~(np.isnan(got) & np.isnan(expected)), np.inf, units)
    assert units[place] == np.max(units)
    assert float(found.error) == pytest.approx(float(units[place]), rel=1e-2)
    if found.witness is None:
        return "unheard"
    said, error = complex(found.witness.value), float(found.witness.error)
    assert abs(said - expected[place]) <= 10 * error + numbers(found.tolerance)[place]
    if not found.witness.steps:
        return "value"
    taken = [complex(step.estimate) for step in found.witness.steps if step.taken]
    assert sum(taken) == pytest.approx(said, rel=1e-12)
    assert len(found.witness.steps) == 3 * len(taken)
    return "complex" if len(taken) == 2 else "derivative"


def test_real_evidence_holds_together(real_journal: Path) -> None:
    """In a real journal the index is that of the worst entry, the witness was heard about it, and its steps add up to it."""
    sorts = {hold_together(found) for found in evidence(real_journal).values()}
    assert sorts >= {"exception", "value", "derivative", "complex"}


def test_made_up_evidence_is_like_real_evidence(real_journal: Path, journals: list[Path]) -> None:
    """What the tests of the page are fed has the fields that a real derivative's evidence has, and holds together as well."""
    real = [it for it in evidence(real_journal).values() if hold_together(it) == "derivative"]
    invented = made.evidence(made.case())
    assert hold_together(invented) == "derivative"
    filled = [{name for name in Evidence.__struct_fields__ if getattr(it, name)} for it in (*real, invented)]
    assert filled[-1] - {"trace"} == set.union(*filled[:-1])
    assert {hold_together(it) for it in evidence(journals[1]).values()} == {"derivative", "exception"}


@pytest.fixture(scope="session")
def real_report(real_journal: Path) -> Path:
    """The page of a real run."""
    page.write([real_journal], real_journal.with_suffix(".html"))
    return real_journal.with_suffix(".html")


def test_the_second_witness_stands_at_its_entry(visit: Visit, real_journal: Path, real_report: Path) -> None:
    """In every real evidence the witness stands in the one marked row, at its index, and the error there is the one told."""
    found = visit(real_report)
    heard = {id: it for id, it in evidence(real_journal).items() if it.witness is not None}
    assert len(heard) >= 10
    assert sum(any(it.index or ()) for it in heard.values()) >= 5
    for id, it in heard.items():
        assert it.witness is not None
        found.evaluate(f"location.hash = '#/case/{id}'")
        found.locator("#case .trail", has_text=id).wait_for()
        index = f"[{', '.join(map(str, it.index or ()))}]" if it.index else "()"
        [row] = found.locator("#case .numbers .bad").all()
        assert row.locator("th").inner_text() == f"▶ {index}"
        assert row.locator(".witness").inner_text() == it.witness.value
        assert float(row.locator(".units").inner_text().removeprefix("✕ ")) == pytest.approx(float(it.error), rel=6e-3)
        others = found.locator("#case .numbers tbody tr:not(.bad) .witness").all_inner_texts()
        assert not any(others)
        who = "finite differences" if it.witness.steps else "plain numpy"
        assert f"the second witness, {who}, says {it.witness.value}" in found.inner_text("#case .heard")


def test_the_steps_of_the_second_witness_are_shown(visit: Visit, real_journal: Path, real_report: Path) -> None:
    """Every step that was tried has a row; those that were taken are marked, two of them for a complex number."""
    found = visit(real_report)
    for sort in ("derivative", "complex"):
        id, it = next((id, it) for id, it in evidence(real_journal).items() if hold_together(it) == sort)
        assert it.witness is not None
        found.evaluate(f"location.hash = '#/case/{id}'")
        found.locator("#case .trail", has_text=id).wait_for()
        rows = found.locator("#case .steps tbody tr").evaluate_all("rows => rows.map((row) => row.innerText.split('\\t'))")
        assert [row[1:] for row in rows] == [[step.estimate, step.error] for step in it.witness.steps]
        assert [row[0].startswith("▸") for row in rows] == [step.taken for step in it.witness.steps]


@pytest.mark.parametrize(
    ("got", "expected", "units"),
    [
        ("1.5", "1.0", "5.00"),
        ("(1+2j)", "(1+1.5j)", "5.00"),
        ("(1-2e-05j)", "(1-2e-05j)", "0"),
        ("(nan+1j)", "(nan+0j)", "0"),
        ("2j", "(0+1.5j)", "5.00"),
        ("0.0", "-0.0", "0"),
        ("inf", "1.0", "not finite"),
        ("True", "False", "differs"),
        ("True", "True", "0"),
    ],
)
def test_numbers_are_read_as_python_writes_them(visit: Visit, report: Path, got: str, expected: str, units: str) -> None:
    """Complex numbers, infinities and truth values are held against each other, never taken for equal unread."""
    assert visit(report).evaluate("([g, e]) => apart(g, e, '0.1', '').units", [got, expected]) == units


# ----- new and known -----


def test_page_and_terminal_count_new_and_known_alike(visit: Visit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From one journal, the plate, the list and the console have the same numbers of new, known and fixed failures."""
    path = made.standings(tmp_path / "a.jsonl")
    page.write([path], tmp_path / "r.html")
    console.summary(load([path]))
    said = capsys.readouterr().out
    found = visit(tmp_path / "r.html", "#/list")
    counts = {}
    for name in ("new", "known", "fixed"):
        found.fill("#query", f"is:{name}")
        counts[name] = int(found.inner_text("#found").split()[0])
    assert ", ".join(f"{count} {name}" for name, count in counts.items()) in said
    assert counts == {"new": 2, "known": 2, "fixed": 1}
    plate = visit(tmp_path / "r.html").locator(".plate").inner_text()
    assert "Failures: 2 new, 2 known, 1 fixed" in plate
    assert "✕ 3 fail (2 known)" in plate
    assert "✕ 3 fail (2 known)" in visit(tmp_path / "r.html").locator("#matrix tbody").inner_text()


def test_a_new_failure_does_not_carry_the_reason_of_a_known_one(visit: Visit, tmp_path: Path) -> None:
    """Where another failure is known, the case is called new, and the reason is said to be of another."""
    page.write([made.standings(tmp_path / "a.jsonl")], tmp_path / "r.html")
    found = visit(tmp_path / "r.html", "#/list?q=is%3Anew")
    texts = []
    for at in range(2):
        found.locator("#rows a").nth(at).click()
        found.wait_for_selector("#case .side")
        texts.append(found.inner_text("#case .side"))
        found.go_back()
        found.wait_for_selector("#rows a")
    assert all("new failure" in text and "known failure" not in text for text in texts)
    assert sum("Another failure is known here, which this is not: issue 7" in text for text in texts) == 1


# ----- a selection -----


@pytest.mark.parametrize("javascript", [True, False])
def test_a_selection_has_its_banner(visit: Visit, tmp_path: Path, javascript: bool) -> None:
    """A run of one case of forty says so above all else, and its coverage is over the forty."""
    path = made.journal(tmp_path / "a.jsonl", "torch", made.finished(made.case()), cells=40)
    page.write([path], tmp_path / "r.html")
    found = visit(tmp_path / "r.html", ready=javascript, java_script_enabled=javascript)
    banner = found.inner_text(".banner")
    assert "A selection." in banner
    assert "torch: 1 of the 40 cases of the specification were selected" in banner
    assert "1 of 40 cases ran (2.5 %)" in found.inner_text(".plate")
