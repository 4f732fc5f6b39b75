"""The page in a real browser: it opens, it can be asked, it stays small, and it can be reached by all."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import synthetic_journals as made

from clinometer.journal.records import End, Evidence, Result
from clinometer.reports.html import page

Visit = Callable[..., Any]
VIEWS = ["", "list", "list?q=outcome%3Afail", "atlas", "curves", "cost", "compare", "environment", "about"]
NARROW = {"width": 360, "height": 740}
MOST_NODES = 2000


def nodes(found: Any) -> int:
    """Count the elements of a page."""
    return int(found.evaluate("document.querySelectorAll('*').length"))


def any_failure(found: Any) -> str:
    """Return the hash of a case of autograd that fails."""
    found.evaluate("location.hash = '#/list?q=backend%3Aautograd%20outcome%3Afail'")
    return str(found.locator("#rows a").first.get_attribute("href"))


def test_the_page_opens_with_one_request(visit: Visit, report: Path) -> None:
    """Opening every view asks for the file itself and for nothing else."""
    found = visit(report)
    for view in VIEWS:
        found.evaluate(f"location.hash = '#/{view}'")
    assert len({url.split("#")[0] for url in found.requests}) == 1
    assert len(found.requests) == 1


def test_an_older_browser_unpacks_the_page_too(visit: Visit, report: Path) -> None:
    """Where base64 has to be decoded letter by letter, the page opens all the same."""
    found = visit(report)
    found.add_init_script("delete Uint8Array.fromBase64")
    found.reload()
    found.wait_for_selector("html[data-ready]", state="attached")
    assert found.locator("#matrix table").count() == 1


def test_the_matrix_shows_share_and_counts(visit: Visit, report: Path) -> None:
    """A cell of the matrix holds the share, its denominator and badges for what is not a pass."""
    found = visit(report)
    row = found.locator("#matrix tr", has_text="GRAD-10")
    assert "23/23" in row.inner_text()
    assert "✸ 1 crash" in row.inner_text()
    assert found.locator("#matrix thead th").all_inner_texts() == ["Clause", "torch", "autograd", "mygrad", "jax"]


def test_a_clause_unfolds_into_its_operations(visit: Visit, report: Path) -> None:
    """A click on a clause shows its operations, another one hides them."""
    found = visit(report)
    clause = found.locator("button.fold").filter(has_text=re.compile("^GRAD-2$"))
    clause.click()
    assert found.locator("tr.operation").count() == len(made.OPERATIONS)
    clause.click()
    assert found.locator("tr.operation").count() == 0


def test_a_cell_leads_to_its_cases(visit: Visit, report: Path) -> None:
    """A click on a cell filters the list by clause and backend."""
    found = visit(report)
    found.locator("#matrix tr", has_text="DETACH-2").locator("td a").nth(1).click()
    assert found.input_value("#query") == "clause:DETACH-2 backend:autograd"
    assert found.inner_text("#found") == "24 of 157 cases"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", "157 cases"),
        ("op:matmul", "13 of 157 cases"),
        ("clause:GRAD-2 dtype:float32", "12 of 157 cases"),
        ("backend:torch outcome:fail", "0 of 157 cases"),
        ("outcome:crash", "1 of 157 cases"),
        ("-level:MUST,INFO", "24 of 157 cases"),
        ("is:nonsense", "0 of 157 cases. Nothing here is called is:nonsense."),
        ("dtype:float12", "0 of 157 cases. Nothing here is called dtype:float12."),
        ("one-fails op:sin", "1 of 157 cases"),
        ('chapter:"Detach" softmax', "2 of 157 cases"),
    ],
)
def test_a_query_chooses_cases(visit: Visit, report: Path, query: str, count: str) -> None:
    """Keys, several values, negation and free words choose as they say."""
    found = visit(report, "#/list")
    found.fill("#query", query)
    assert found.inner_text("#found") == count


def test_siblings_stay_in_sight(visit: Visit, report: Path) -> None:
    """A filter on one backend leaves the outcomes of the others in the row."""
    found = visit(report, "#/list?q=backend%3Aautograd%20outcome%3Acrash")
    assert found.locator("#rows a").first.locator(".mark").count() == 3


def test_a_facet_edits_the_query(visit: Visit, report: Path) -> None:
    """Pressing a facet adds it to the query and to the address, pressing it again takes it out."""
    found = visit(report, "#/list")
    facet = found.get_by_role("button", name="dtype float32").or_(found.locator("[data-value='dtype:float32']"))
    facet.click()
    assert found.input_value("#query") == "dtype:float32"
    assert found.url.endswith("#/list?q=dtype%3Afloat32")
    assert facet.get_attribute("aria-pressed") == "true"
    facet.click()
    assert found.input_value("#query") == ""


def test_messages_that_differ_in_numbers_have_one_cause(visit: Visit, report: Path) -> None:
    """A facet groups what went wrong in the same way, whatever the numbers were."""
    found = visit(report, "#/list?q=op%3Acos")
    cause = found.locator("#facet-groups .cause")
    assert cause.all_inner_texts()[0].startswith("gradient of x[#, #]: got #, expected # in cos")
    cause.first.click()
    assert found.input_value("#query").startswith('op:cos cause:"gradient of x[#, #]')
    marks = found.locator("#rows a").evaluate_all("rows => rows.map((row) => row.innerText)")
    assert marks
    assert all("fail" in mark or "error" in mark or "timeout" in mark for mark in marks)


def test_a_case_shows_its_evidence(visit: Visit, report: Path) -> None:
    """A case shows the clause, every backend, the marked entry, the steps, the script and the way to run it again."""
    found = visit(report)
    found.evaluate(f"location.hash = {any_failure(found)!r}")
    found.wait_for_selector("#case .numbers")
    assert found.locator("#case .side").count() == 4
    assert "▶ [1, 2]" in found.inner_text("#case .numbers .bad")
    text = found.inner_text("#case")
    for part in (
        "Inputs",
        "Finite difference, step by step",
        "Program",
        "Stand-alone script",
        "Trace",
        "In a terminal",
        "Run it again",
    ):
        assert part in text
    assert "--backend autograd" in text
    id = any_failure(found).split("/")[2]
    assert f"clinometer explain {id}\nclinometer repro {id}" in text


def test_the_address_holds_the_state(visit: Visit, report: Path) -> None:
    """An address that was copied from a case opens that case."""
    found = visit(report)
    hash = any_failure(found)
    assert "GRAD" in visit(report, hash).inner_text("#case h1") or "VALUE" in visit(report, hash).inner_text("#case h1")


def test_a_script_can_be_copied(visit: Visit, report: Path) -> None:
    """The Copy button puts the script, exactly, on the clipboard."""
    found = visit(report, permissions=["clipboard-read", "clipboard-write"])
    found.evaluate(f"location.hash = {any_failure(found)!r}")
    block = found.locator("#case .block", has_text="Stand-alone script")
    block.get_by_role("button").click()
    found.locator("#live", has_text="Copied.").wait_for(state="attached")
    assert found.evaluate("navigator.clipboard.readText()") == block.locator("pre").text_content()


def test_the_first_curve_is_sin_with_cos_as_its_gradient(visit: Visit, report: Path) -> None:
    """The largest plot is of sin: the function, the reference, the backend's dots, and a tangent that slides."""
    found = visit(report, "#/curves")
    found.wait_for_selector(".hero svg")
    assert found.inner_text(".hero h2").startswith("sin")
    for name in ("value", "reference", "gradient"):
        assert len(found.get_attribute(f".hero path.{name}", "d")) > 100
    before = found.get_attribute(".hero path.tangent", "d")
    found.fill("#slide", "100")
    assert found.get_attribute(".hero path.tangent", "d") != before
    assert "x = 0 " in found.inner_text(".readout")
    assert "says f′ = 1 " in found.inner_text(".readout")


def test_a_wrong_gradient_is_crossed_in_its_curve(visit: Visit, report: Path) -> None:
    """Dots that leave the reference are drawn as crosses; there are none where all agree."""
    wrong = visit(report, "#/curves/tanh/autograd")
    wrong.wait_for_selector(".hero svg")
    assert wrong.locator(".hero path.off").count() == 1
    right = visit(report, "#/curves/tanh/torch")
    right.wait_for_selector(".hero svg")
    assert right.locator(".hero path.off").count() == 0


def test_the_atlas_marks_where_backends_differ(visit: Visit, report: Path) -> None:
    """Rows whose answers differ carry a mark, and a box leaves them alone."""
    found = visit(report, "#/atlas")
    found.wait_for_selector("#atlas-rows a")
    found.check("#atlas-differ")
    rows = found.locator("#atlas-rows a").all_inner_texts()
    assert rows
    assert all("≠" in row for row in rows)


def test_costs_stand_side_by_side(visit: Visit, report: Path) -> None:
    """Each operation has the ratio of each backend, or why there is none; the atlas has no word of it."""
    found = visit(report, "#/cost")
    found.wait_for_selector("#cost-rows a")
    rows = found.locator("#cost-rows a").evaluate_all("rows => rows.map((row) => row.innerText.split('\\n'))")
    text = {row[0]: " ".join(row[1:]) for row in rows}
    assert text["sin"].split() == ["2×", "64x64", "5.1×", "64x64", "not", "asked"]
    assert "– unsupported" in text["conv"]
    assert found.inner_text("#cost-found").startswith("12 operations; median torch ")
    found.check("#cost-largest")
    first = found.locator("#cost-rows a").first.inner_text()
    assert first.startswith("cumsum")
    assert found.url.endswith("#/cost?q=sort%3Alargest")
    assert "64x64" not in visit(report, "#/atlas").inner_text("#atlas")


def test_an_incomplete_run_is_announced(visit: Visit, report: Path) -> None:
    """Every view of a report with a run cut short says so."""
    found = visit(report)
    for view in VIEWS:
        found.evaluate(f"location.hash = '#/{view}'")
        assert "Incomplete" in found.inner_text(".banner")


def test_a_backend_that_cannot_be_loaded_is_not_zero(visit: Visit, report: Path) -> None:
    """Its plate says no result and why, and has no percentage."""
    plate = visit(report).locator(".plate", has_text="jax").inner_text()
    assert "No result" in plate
    assert "No module named 'jax'" in plate
    assert "%" not in plate


def test_hostile_text_is_shown_as_text(visit: Visit, report: Path) -> None:
    """A message with markup, colours and NUL is read on the page, letter by letter, and does nothing."""
    found = visit(report, "#/list?q=outcome%3Aerror%20onerror")
    found.locator("#rows a").first.click()
    found.wait_for_selector("#case pre")
    text = found.inner_text("#case")
    for part in ("</script><script>", "␛[31mred", "␀", "\\u202e"):
        assert part in text
    assert found.title().startswith("Clinometer")


def test_a_trace_of_a_megabyte_is_shown(visit: Visit, tmp_path: Path) -> None:
    """A very long trace, and numbers that are none, are shown like any other."""
    case = made.case()
    evidence = made.evidence(case)
    assert evidence.got is not None
    assert evidence.expected is not None
    evidence.trace = "x" * 1_000_000
    evidence.got.values[:3] = ["nan", "inf", "-0.0"]
    evidence.expected.values[:3] = ["nan", "-inf", "0.0"]
    result = Result(id=case.id, outcome="fail", evidence=evidence)
    page.write(
        [made.write(tmp_path / "a.jsonl", [made.run("torch"), case, result, End(at="now", exit=1)])],
        tmp_path / "r.html",
    )
    found = visit(tmp_path / "r.html", f"#/case/{case.id}")
    found.wait_for_selector("#case .numbers")
    assert found.evaluate("[...document.querySelectorAll('pre')].some((it) => it.textContent.length === 1000000)")
    units = found.locator("#case .numbers").first.locator(".units").all_inner_texts()
    assert units[:2] == ["0", "✕ not finite"]


@pytest.mark.parametrize("evidence", [Evidence(), Evidence(trace="only this"), None])
def test_evidence_may_be_poor(visit: Visit, tmp_path: Path, evidence: Evidence | None) -> None:
    """A verdict with little or no evidence has a page all the same."""
    case = made.case()
    result = Result(id=case.id, outcome="error", evidence=evidence)
    page.write([made.write(tmp_path / "a.jsonl", [made.run("torch"), case, result])], tmp_path / "r.html")
    found = visit(tmp_path / "r.html", f"#/case/{case.id}")
    assert "GRAD-1" in found.inner_text("#case h1")


def test_a_report_of_nothing_opens(visit: Visit, tmp_path: Path) -> None:
    """A run without cases, curves or conventions shows every view."""
    page.write([made.write(tmp_path / "a.jsonl", [made.run("torch"), End(at="now", exit=0)])], tmp_path / "r.html")
    found = visit(tmp_path / "r.html")
    for view in [*VIEWS, "case/none", "nonsense", "%zz"]:
        found.evaluate(f"location.hash = '#/{view}'")
        found.wait_for_timeout(50)


def test_without_javascript_the_counts_and_the_matrix_are_there(visit: Visit, report: Path) -> None:
    """A browser without JavaScript shows plates, static matrix, environment and method."""
    found = visit(report, ready=False, java_script_enabled=False)
    text = found.inner_text("main")
    for part in ("95 of 95 MUST cases hold", "DETACH-2", "23/23", "Environment", "What a pass does not prove"):
        assert part in text


def test_a_large_report_keeps_few_elements(visit: Visit, large_report: Path) -> None:
    """With 50 000 results no view holds 2 000 elements, also when it is scrolled and unfolded."""
    found = visit(large_report)
    found.locator("button.fold[aria-expanded=false]").first.click()
    found.locator("button.clause").first.click()
    assert nodes(found) < MOST_NODES + 600  # what the reader unfolds comes on top
    found = visit(large_report)
    for view in VIEWS:
        found.evaluate(f"location.hash = '#/{view}'")
        found.wait_for_timeout(100)
        found.evaluate("scrollTo(0, 20000)")
        found.wait_for_timeout(100)
        assert nodes(found) < MOST_NODES, view


def test_a_large_list_scrolls_to_its_end(visit: Visit, large_report: Path) -> None:
    """The last of 10 000 cases is reached by scrolling."""
    found = visit(large_report, "#/list")
    found.evaluate("scrollTo(0, document.body.scrollHeight)")
    found.wait_for_selector("[aria-posinset='10000']")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_page_does_not_scroll_sideways(visit: Visit, report: Path, view: str, scheme: str) -> None:
    """At 360 px no view is wider than the window."""
    found = visit(report, f"#/{view}", viewport=NARROW, color_scheme=scheme)
    assert found.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_narrow_case_does_not_scroll_sideways(visit: Visit, report: Path) -> None:
    """At 360 px a case with tables and scripts is no wider than the window."""
    found = visit(report, viewport=NARROW)
    found.evaluate(f"location.hash = {any_failure(found)!r}")
    found.wait_for_selector("#case .numbers")
    assert found.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_dark_and_light_follow_the_system(visit: Visit, report: Path) -> None:
    """The page is dark where the system is, and light elsewhere."""
    backgrounds = {
        scheme: visit(report, color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert backgrounds == {"light": "rgb(250, 249, 245)", "dark": "rgb(18, 22, 26)"}


def test_everything_is_reached_by_keys(visit: Visit, report: Path) -> None:
    """From the matrix to a case and back without a mouse."""
    found = visit(report)
    found.keyboard.press("?")
    assert found.locator("#keys").is_visible()
    found.keyboard.press("Escape")
    found.keyboard.press("2")
    found.wait_for_selector("#rows a")
    found.keyboard.press("/")
    found.wait_for_selector("#query:focus")
    found.keyboard.type("outcome:fail")
    found.keyboard.press("Enter")
    found.keyboard.press("j")
    found.keyboard.press("Enter")
    found.wait_for_selector("#case h1")
    first = found.inner_text("#case h1")
    found.keyboard.press("j")
    found.locator("#case h1").filter(has_not_text=first).wait_for()
    found.keyboard.press("u")
    found.wait_for_selector("#rows a")
    assert found.input_value("#query") == "outcome:fail"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_view_breaks_a_rule_of_accessibility(visit: Visit, report: Path, scheme: str, width: int) -> None:
    """axe-core finds no violation of WCAG 2.2 AA in any view."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = visit(report, color_scheme=scheme, viewport={"width": width, "height": 900})
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    for hash in [*(f"#/{view}" for view in VIEWS), any_failure(found)]:
        found.evaluate(f"location.hash = {hash!r}")
        found.wait_for_timeout(300)
        violations = axe.run(found, options=options).response["violations"]
        said = [(it["id"], it["nodes"][0]["html"][:200], it["nodes"][0]["failureSummary"]) for it in violations]
        assert not said, (hash, said)
