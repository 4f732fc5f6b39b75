"""`clinometer campaign`: what it asks, where it stops and goes on, and what it counts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hosting import HOST, call, unwrapped

from clinometer.cli import harvest, processes
from clinometer.cli.campaign import Plan
from clinometer.cli.progress import Progress
from clinometer.journal import records
from clinometer.journal.reader import read

SEEDED = HOST.replace("made.run(name)", "made.run(name, seed=int(sys.argv[2]))")
PLAN = """\
backends = {backends}
seeds = {seeds}
cpu_hours = {hours}
{more}
"""

Fake = Callable[..., None]


@pytest.fixture
def seeded(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Replace the backends and what they are asked, as `fake` does, under any seed."""

    def replace(asking: str = "pass", loading: str = "pass") -> None:
        text = SEEDED.replace("ASKING", asking).replace("LOADING", loading)
        command = property(lambda plan: [sys.executable, "-c", text, plan.backend, str(plan.seed)])
        monkeypatch.setattr(processes.Plan, "command", command)

    return replace


def plan(folder: Path, backends: str = '["good"]', seeds: str = "[1, 2]", hours: float = 1.0, more: str = "") -> Path:
    """Write a plan."""
    path = folder / "plan.toml"
    path.write_text(PLAN.format(backends=backends, seeds=seeds, hours=hours, more=more))
    return path


def counts(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what a campaign has written, by backend."""
    return {it["backend"]: it for it in json.loads((folder / "plan" / "campaign.json").read_text())}


def asked(path: Path) -> list[str]:
    """Return the cases of a journal that have a result, once for each."""
    return [it.id for it in read(path) if isinstance(it, records.Result)]


def test_a_campaign_asks_each_backend_under_each_seed(seeded: Fake, tmp_path: Path) -> None:
    """A journal a run; what is found is counted with its denominators, and said at 80 columns: exit code 1."""
    seeded()
    result = call("campaign", plan(tmp_path, '["good", "failing"]', '"1..2"'))
    assert result.exit_code == 1, result.output
    names = {f"{name}-standard-{seed}.jsonl" for name in ("good", "failing") for seed in (1, 2)}
    assert {it.name for it in (tmp_path / "plan").glob("*.jsonl")} == names
    good, failing = counts(tmp_path)["good"], counts(tmp_path)["failing"]
    assert (good["runs_ended"], good["cases"], good["new"], good["findings"]) == (2, 8, 0, 0)
    assert good["findings_per_million_cases"] == 0
    assert good["findings_per_million_points"] is None  # none was checked
    assert (failing["cases"], failing["new"], failing["findings"], failing["false_alarm_candidates"]) == (8, 8, 4, 0)
    assert failing["findings_per_million_cases"] == 500000
    assert [it["seeds"] for it in failing["failures"]] == [[1, 2]] * 4
    assert (tmp_path / "plan" / "index.html").exists()
    rows = [line.split() for line in result.output.splitlines() if line.startswith("failing ")]
    assert rows == [["failing", "2/2", "8", "0", "0", "0.00", "0"], ["failing", "8", "4", "500k", "-", "0", "-", "0", "0"]]


def test_what_is_done_is_not_asked_again(seeded: Fake, tmp_path: Path) -> None:
    """A second time nothing is asked, and the counts are the same; --report asks nothing either."""
    seeded("open('asked', 'a').close()")
    file = plan(tmp_path)
    assert call("campaign", file, "--report").exit_code == 3
    assert not (tmp_path / "plan").exists()
    assert call("campaign", file).exit_code == 0
    journals = {path: path.read_bytes() for path in (tmp_path / "plan").glob("*.jsonl")}
    first = counts(tmp_path)
    for more in ([], ["--report"]):
        assert call("campaign", file, *more).exit_code == 0
        assert {path: path.read_bytes() for path in (tmp_path / "plan").glob("*.jsonl*")} == journals
        assert counts(tmp_path) == first


def test_a_campaign_stops_when_its_budget_is_spent(seeded: Fake, tmp_path: Path) -> None:
    """In the midst of a run: its journal ends as interrupted, exit code 3; with a higher one it goes on, nothing twice."""
    seeded("time.sleep(0.6); return SimpleNamespace(curves=[]), Result(id=id, outcome='pass', seconds=900)")
    result = call("campaign", plan(tmp_path, hours=1.4))
    assert result.exit_code == 3, result.output
    assert "2 of 2 runs are left" in unwrapped(result) or "1 of 2 runs are left" in unwrapped(result)
    before = counts(tmp_path)["good"]
    assert before["cpu_hours"] >= 1.4
    assert before["cases"] < 8
    assert call("campaign", plan(tmp_path, hours=1.4)).exit_code == 3
    assert counts(tmp_path)["good"] == before  # a spent budget asks nothing
    result = call("campaign", plan(tmp_path, hours=9.0))
    assert result.exit_code == 0, result.output
    assert counts(tmp_path)["good"]["cases"] == 8
    for path in (tmp_path / "plan").glob("*.jsonl"):
        assert len(asked(path)) == len(set(asked(path))) == 4


SCRIPT = """
import sys
from clinometer.cli import main, processes
processes.Plan.command = property(lambda plan: [sys.executable, "-c", HOST, plan.backend, str(plan.seed)])
if __name__ == "__main__":
    main.main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 3)], ids=["killed", "told to end"])
def test_a_campaign_goes_on_where_it_was_ended(seeded: Fake, tmp_path: Path, number: int, code: int) -> None:
    """Whatever ends it in its second run: the first is as it was, and no case of the second is asked twice."""
    begun = tmp_path / "begun"
    stops = f"if sys.argv[2] == '2' and case.operation == 'exp': open({str(begun)!r}, 'w').close(); time.sleep(600)"
    host = SEEDED.replace("ASKING", stops).replace("LOADING", "pass")
    script = tmp_path / "script.py"
    script.write_text(f"HOST = {host!r}\n{SCRIPT}")
    run = subprocess.Popen([sys.executable, str(script), "campaign", str(plan(tmp_path)), "-q"], stdout=subprocess.DEVNULL)
    while not begun.exists() and run.poll() is None:
        time.sleep(0.05)
    second = tmp_path / "plan" / "good-standard-2.jsonl"
    while len(asked(second)) < 2 and run.poll() is None:
        time.sleep(0.05)
    os.kill(run.pid, number)
    assert run.wait() == code
    first, before = (tmp_path / "plan" / "good-standard-1.jsonl").read_bytes(), second.read_bytes()
    seeded()
    result = call("campaign", plan(tmp_path))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "plan" / "good-standard-1.jsonl").read_bytes() == first
    assert second.read_bytes().startswith(before[: before.rindex(b"\n") + 1])
    assert len(asked(second)) == len(set(asked(second))) == 4


def test_a_backend_that_cannot_be_loaded_does_not_stop_the_others(seeded: Fake, tmp_path: Path) -> None:
    """It is tried once and said once; the others are asked; exit code 2."""
    seeded(loading="if name == 'absent': raise BackendProblem('it is not installed')")
    result = call("campaign", plan(tmp_path, '["absent", "good"]'))
    assert result.exit_code == 2, result.output
    assert counts(tmp_path)["absent"]["problem"] == "it is not installed"
    assert counts(tmp_path)["good"]["runs_ended"] == 2
    assert not (tmp_path / "plan" / "absent-standard-2.jsonl").exists()


def test_a_campaign_on_a_cluster_gives_the_same(seeded: Fake, tmp_path: Path) -> None:
    """Several runs at once, on workers of Dask: the same counts as on one machine."""
    pytest.importorskip("distributed")
    seeded()
    told = []
    for where in ("workers = 1", 'cluster = "local:1"'):
        folder = tmp_path / where[:7]
        folder.mkdir()
        result = call("campaign", plan(folder, '["good", "failing"]', "[1]", more=f"[where]\n{where}"))
        assert result.exit_code == 1, result.output
        told.append(
            {name: {key: it[key] for key in ("cases", "new", "findings", "flaky")} for name, it in counts(folder).items()}
        )
    assert told[0] == told[1]


def test_another_selection_is_another_campaign(seeded: Fake, tmp_path: Path) -> None:
    """Journals of a plan that has changed since are refused, and named: exit code 2."""
    seeded()
    assert call("campaign", plan(tmp_path)).exit_code == 0
    result = call("campaign", plan(tmp_path, more='select = ["-k", "grad"]'))
    assert result.exit_code == 2
    assert "take another folder" in unwrapped(result)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("backends = [", "plan.toml: "),
        ('backends = ["a"]\nseeds = [1]', "missing required field `cpu_hours`"),
        ('backends = ["a"]\nseeds = [1]\ncpu_hours = 1\nsedes = 2', "unknown field `sedes`"),
        ('backends = ["a"]\nseeds = [1]\ncpu_hours = 1\nprofiles = ["fast"]', "Invalid enum value 'fast'"),
        ('backends = ["a"]\nseeds = []\ncpu_hours = 1', "`seeds` has none"),
        ('backends = ["a"]\nseeds = "9..1"\ncpu_hours = 1', "`seeds` has none"),
        ("backends = []\nseeds = [1]\ncpu_hours = 1", "`backends` names none"),
        ('backends = ["a"]\nseeds = [1]\ncpu_hours = 0', "`cpu_hours` is 0"),
        ('backends = ["a"]\nseeds = [1]\ncpu_hours = inf', "`cpu_hours` is inf"),
        ('backends = ["a"]\nseeds = [1]\ncpu_hours = nan', "`cpu_hours` is nan"),
        ('backends = ["a"]\nseeds = [1]\ncpu_hours = 1\nprofiles = []', "`profiles` has none"),
        ('backends = ["a"]\nseeds = [1]\ncpu_hours = 1\n[where]\nworkers = 1\ncluster = "local:1"', "names one of"),
        ('backends = ["a"]\nseeds = [1]\ncpu_hours = 1\n[where]\ncluster = "far:1"', "write local:N"),
    ],
)
def test_a_bad_plan_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """One sentence that says what, and where plans are described; exit code 2."""
    (tmp_path / "plan.toml").write_text(text)
    result = call("campaign", tmp_path / "plan.toml")
    assert result.exit_code == 2
    assert said in unwrapped(result)
    assert "docs/scaling.md shows a plan." in unwrapped(result)
    assert len(list(tmp_path.iterdir())) == 1


def test_failures_that_differ_in_numbers_are_one(tmp_path: Path) -> None:
    """Distinct failures differ by clause, operation or words; a flaky one, or one of the reference, may be a false alarm."""
    path = tmp_path / "any.jsonl"
    case = {"kind": "case", "id": "a", "clause": "GRAD-1", "operation": "sin", "text": ""}
    lines: list[dict[str, Any]] = [{"kind": "run", "backend": "any", "suite": "", "digest": "", "profile": "deep", "seed": 1}]
    told = (
        ("a", "expected 1.5, got -2e-05", ""),
        ("b", "expected 3, got 4", "stable (3 of 3 times)"),
        ("c", "other", "flaky (1)"),
    )
    for id, message, stability in told:
        result = {"outcome": "fail", "message": message, "stability": stability, "points": 10, "examples": 5, "seconds": 1.0}
        lines += [case | {"id": id}, {"kind": "result", "id": id, **result}]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in [*lines, {"kind": "end", "at": "", "exit": 1}]))
    for backend, findings, alarms in (("any", 1, 1), ("reference", 0, 2)):
        [found] = harvest.harvested([(backend, 1, path)])
        assert (found.cases, found.examples, found.points, found.new, found.flaky) == (3, 15, 30, 3, 1)
        assert (found.findings, found.alarms, found.seconds, found.ended) == (findings, alarms, 3.0, 1)
        assert {it.head for it in found.failures.values()} == {"expected #, got #", "other"}
    assert harvest.per_million(1, 30) == 33300.0


def test_the_counts_of_a_large_campaign_fit_a_line() -> None:
    """At 80 columns, with a longer name and numbers as large as come."""
    it = harvest.Harvest("torch:func", 200, 199, 2_853_000, 40_100_000, 212_000_000, 1_234_567.0, 1234, 12, 3)
    for heads, row in ((harvest.ASKED, harvest.asked(it)), (harvest.FOUND, harvest.found(it))):
        widths = [max(len(head), len(cell)) for head, cell in zip(heads, row, strict=True)]
        assert sum(widths) + 2 * (len(widths) - 1) <= 80


def test_progress_tells_what_a_journal_has_taken(tmp_path: Path) -> None:
    """Seconds of each result, those as well of a case that was asked again."""
    path = tmp_path / "it.jsonl"
    path.write_text('{"kind":"result","id":"a","seconds":1.5}\n' * 2)
    progress = Progress(path)
    progress.look()
    assert progress.seconds == 3.0


def test_the_plan_of_the_documents_is_one() -> None:
    """What docs/scaling.md shows can be asked as it stands."""
    text = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text("utf-8")
    [shown] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    found = msgspec.toml.decode(shown, type=Plan)
    assert not found.trouble()
    assert found.numbers == list(range(20))
