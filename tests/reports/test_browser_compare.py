"""The atlas and the comparison in a real browser: they say what the console says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import synthetic_journals as made

from clinometer.journal.records import Observation
from clinometer.journal.vocabulary import OUTCOMES
from clinometer.reports.compare import compare, kind
from clinometer.reports.html import page
from clinometer.reports.results import load

Visit = Callable[..., Any]


def test_a_broken_clause_is_marked_in_the_atlas(visit: Visit, tmp_path: Path) -> None:
    """An answer that breaks its clause says so, one that is missing says why, and the sign of a zero is no difference."""
    seen = made.case("KINK-1", "abs"), made.case("KINK-1", "relu")
    wrong = made.finished(seen[0], "fail", observed=[Observation(point="abs at0", answer="-0.0")])
    paths = [
        made.journal(tmp_path / "a.jsonl", "torch", made.seen(seen[0], at0="0.0"), made.seen(seen[1], at0="1.0")),
        made.journal(tmp_path / "b.jsonl", "autograd", wrong, made.finished(seen[1], "unsupported")),
    ]
    page.write(paths, tmp_path / "r.html")
    found = visit(tmp_path / "r.html", "#/atlas")
    rows = found.locator("#atlas-rows a").evaluate_all("rows => rows.map((row) => row.innerText.split('\\n'))")
    assert [row[-2:] for row in rows] == [["0.0", "-0.0 ✕ fail"], ["1.0", "– unsupported"]]
    assert found.inner_text("#atlas-found") == "2 points; the backends differ at 0"


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """The page of one backend at two versions, and of another one."""
    other = made.journal(tmp_path / "c.jsonl", "autograd", made.finished(made.case()))
    page.write([other, *made.two_versions(tmp_path)], tmp_path / "r.html")
    return tmp_path / "r.html"


def compared(found: Any) -> list[str]:
    """Return the kind, the operation and the message of each row of the comparison."""
    found.wait_for_selector("#compare-found:not(:empty)", state="attached")
    rows = found.locator("#compare-rows a")
    return [f"{row.locator('.op').inner_text()} {row.locator('.msg').inner_text()}" for row in rows.all()]


def test_two_versions_are_compared(visit: Visit, versions: Path) -> None:
    """Two versions of a backend are compared without being named: what broke, then what is newly offered and wrong."""
    found = visit(versions, "#/compare")
    assert compared(found) == [
        "sin ▼ broke · off by [9] tolerances",
        "conv ▽ newly offered and wrong",
        "conv ▽ newly offered and wrong",
        "cos ▲ mended · off by 7 tolerances",
        "exp ◆ changed otherwise",
        "abs ≠ convention · abs at0: 0.0 → 1.0",
        "abs ≠ convention · abs at0: 0.0 → 1.0",
        "sqrt · not run in one",
        "sin − old run alone",
        "sin + new run alone",
    ]
    assert found.inner_text("#compare-found") == "10 differences"
    assert found.locator("#compare-rows a").first.locator(".mark").all_inner_texts() == ["✓ pass", "✕ fail"]


def test_two_libraries_are_compared_by_their_names(visit: Visit, tmp_path: Path) -> None:
    """Two libraries are no old and new run: nothing broke, and each side is called by its name."""
    sin, cos, conv = made.case(), made.case("GRAD-1", "cos"), made.case("GRAD-1", "conv")
    torch = [*made.finished(sin), *made.finished(cos, "fail"), *made.finished(conv, "fail")]
    other = [*made.finished(sin, "fail"), *made.finished(cos), *made.finished(conv, "unsupported")]
    paths = [made.journal(tmp_path / f"{name}.jsonl", name, it) for name, it in (("torch", torch), ("autograd", other))]
    page.write(paths, tmp_path / "r.html")
    found = visit(tmp_path / "r.html", "#/compare")
    assert compared(found) == [
        "sin ◨ right in torch, wrong in autograd",
        "conv ◇ wrong in one, not offered by the other",
        "cos ◧ wrong in torch, right in autograd",
    ]
    text = found.inner_text("#compare").lower()
    for word in ("old", "new", "broke", "mended", "worse", "better"):
        assert word not in text.replace("newly", "").split()


def test_the_page_and_the_command_compare_alike(visit: Visit, versions: Path) -> None:
    """The page counts what `clinometer diff` counts."""
    counts = compare(*load([versions.parent / name for name in ("old.jsonl", "new.jsonl")]).subjects).counts
    kinds = visit(versions, "#/compare").evaluate(
        "Object.keys(COMPARE.kinds).map((it) => [it, COMPARE.rows.filter((r) => r.kind === it).length])"
    )
    names = {"convention": "conventions"}
    assert {names.get(kind, kind): count for kind, count in kinds} == {k: v for k, v in counts.items() if k != "same"}


@pytest.mark.parametrize("libraries", [False, True])
def test_page_and_command_name_each_pair_of_outcomes_alike(visit: Visit, versions: Path, libraries: bool) -> None:
    """For every two outcomes, the page says of which kind they are as the command does."""
    pairs = [[one, other] for one in OUTCOMES for other in OUTCOMES if one != other and "notrun" not in (one, other)]
    found = visit(versions).evaluate(
        "([pairs, two]) => pairs.map(([a, b]) => kindOf(Object.keys(D.kinds[two ? 'libraries' : 'versions']), a, b, two))",
        [pairs, libraries],
    )
    assert found == [kind(*pair, libraries=libraries) for pair in pairs]


def test_the_address_holds_the_comparison(visit: Visit, versions: Path) -> None:
    """Choosing runs and a kind is written into the address, which opens the same rows again."""
    found = visit(versions, "#/compare")
    found.locator("#compare-first").select_option("torch 2.13.0")
    found.locator("#compare-second").select_option("torch 2.12.0")
    found.locator("[data-kind=broke]").click()
    assert compared(found) == ["cos ▼ broke · off by 7 tolerances"]
    assert found.locator("[data-kind=broke]").get_attribute("aria-pressed") == "true"
    again = visit(versions, found.url[found.url.index("#") :])
    assert compared(again) == compared(found)
    assert again.locator("#compare-first option:checked").inner_text() == "torch 2.13.0"


def test_a_comparison_is_walked_by_keys(visit: Visit, versions: Path) -> None:
    """From the overview to a case that differs without a mouse."""
    found = visit(versions)
    found.keyboard.press("6")
    found.wait_for_selector("#compare-rows a")
    found.keyboard.press("j")
    found.keyboard.press("j")
    found.keyboard.press("Enter")
    found.wait_for_selector("#case h1")
    assert "conv" in found.inner_text("#case h1")


def test_a_single_run_is_compared_with_nothing(visit: Visit, journals: list[Path], tmp_path: Path) -> None:
    """A report of one run has no tab for the comparison, and its address says what is missing."""
    page.write(journals[:1], tmp_path / "r.html")
    found = visit(tmp_path / "r.html", "#/compare")
    assert "This report has one run" in found.inner_text("#compare")
    assert "Compare" not in found.locator(".tabs a").all_inner_texts()
    found.keyboard.press("6")
    found.wait_for_selector("[data-section=environment]:not([hidden])")


def test_equal_runs_have_no_differences(visit: Visit, versions: Path) -> None:
    """A run compared with itself says that nothing differs."""
    found = visit(versions, "#/compare/torch%202.12.0/torch%202.12.0")
    assert compared(found) == []
    assert "the same outcome" in found.inner_text("#compare-found")
