"""`clinometer run` on a cluster of Dask: the same verdicts, whatever becomes of its workers."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import queue
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import synthetic_journals as made
from hosting import HOST, call, outcomes, unwrapped

from clinometer.cli import attendance, console, fleet
from clinometer.cli.cluster import CONFIGURATION, Cluster
from clinometer.journal import records
from clinometer.journal.reader import read

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
SEED = ["--seed", str(made.run("any").seed)]
MACHINE = "int(open(f'/proc/{os.getppid()}/stat').read().rpartition(')')[2].split()[1])"  # the Dask worker, above the host
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="kills what it finds in /proc")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two workers, which the tests share."""
    with made_cluster(2) as found:
        yield found


@contextlib.contextmanager
def made_cluster(workers: int) -> Iterator[Any]:
    """Yield a cluster that starts again what is killed, and says nothing of it."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with (
        dask.config.set(CONFIGURATION),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        ) as found,
    ):
        yield found


def on(cluster: Any) -> list[str]:
    """Return the words that ask on a cluster."""
    return ["--scheduler", cluster.scheduler_address]


def results(path: Path) -> list[records.Result]:
    """Return the results of a journal, one or more a case."""
    return [it for it in read(path) if isinstance(it, records.Result)]


def processes_of(mark: str) -> list[int]:
    """Return the processes whose command has a word."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "cmdline").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found


def test_a_cluster_gives_what_one_machine_gives(fake: Any, tmp_path: Path, cluster: Any) -> None:
    """The same outcome, case by case, the same exit code, and each failure asked three times."""
    fake("if case.operation == 'cos': return SimpleNamespace(curves=[]), Result(id=id, outcome='fail')")
    here = call("run", "good", "-o", tmp_path / "here")
    there = call("run", "good", "-o", tmp_path / "there", *on(cluster))
    assert (here.exit_code, there.exit_code) == (1, 1), there.output
    told = [
        sorted(
            (it.id, it.outcome, it.stability) for it in read(tmp_path / where / "good.jsonl") if isinstance(it, records.Result)
        )
        for where in ("here", "there")
    ]
    assert told[0] == told[1]
    assert {it.stability for it in results(tmp_path / "there" / "good.jsonl")} == {"", "stable (3 of 3 times)"}


@pytest.mark.parametrize(
    ("how", "outcome", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crash", "the process died (SIGSEGV)"),
        ("time.sleep(600)", "timeout", "no result within 1 s"),
    ],
    ids=["crash", "hang"],
)
def test_a_case_that_ends_its_process_costs_no_other(
    fake: Any, tmp_path: Path, cluster: Any, how: str, outcome: str, said: str
) -> None:
    """On a cluster as on one machine: that case's failure, with its reason and its stack; the others run."""
    fake(f"if case.operation == 'cos': {how}")
    result = call("run", "crashing", "-o", tmp_path, "--case-timeout", "1", *on(cluster))
    assert result.exit_code == 1, result.output
    assert outcomes(tmp_path / "crashing.jsonl") == {"sin": "pass", "cos": outcome, "exp": "pass", "tanh": "pass"}
    [found, *_] = [it for it in results(tmp_path / "crashing.jsonl") if it.outcome == outcome]
    assert found.message == said
    assert found.evidence is not None
    assert "in ask" in found.evidence.trace


@needs_proc
def test_a_worker_that_is_killed_costs_nothing(fake: Any, tmp_path: Path, cluster: Any) -> None:
    """Two machines die in the midst, one of them in a case that had lost one before: what is asked again holds."""
    kill = f"os.path.exists(mark) or (open(mark, 'w').close(), os.kill({MACHINE}, signal.SIGKILL), time.sleep(600))"
    marks = f"""mark = {str(tmp_path)!r} + '/' + case.operation
        time.sleep(0.3)
        if case.operation == 'cos' and os.path.exists(mark): mark += '2'
        if case.operation in ('cos', 'tanh'): {kill}"""
    fake(marks)
    result = call("run", "good", "-o", tmp_path / "out", *on(cluster))
    assert result.exit_code == 0, result.output
    assert {it.name for it in tmp_path.iterdir()} == {"cos", "cos2", "tanh", "out"}
    assert set(outcomes(tmp_path / "out" / "good.jsonl").values()) == {"pass"}
    told = [it.id for it in results(tmp_path / "out" / "good.jsonl")]
    assert len(told) == len(set(told)) == 4


@needs_proc
def test_a_case_that_always_takes_its_machine_with_it_is_a_crash(fake: Any, tmp_path: Path, cluster: Any) -> None:
    """Not for the first and not for the second machine, but for the third."""
    kills = tmp_path / "kills"
    kills.touch()
    count = f"os.path.getsize({str(kills)!r}) < 9 and (print('.', end='', file=open({str(kills)!r}, 'a')) or True)"
    fake(f"if case.operation == 'cos' and {count}: os.kill({MACHINE}, signal.SIGKILL); time.sleep(600)")
    result = call("run", "deadly", "-o", tmp_path, *on(cluster))
    assert outcomes(tmp_path / "deadly.jsonl") == {"sin": "pass", "cos": "crash", "exp": "pass", "tanh": "pass"}, result.output
    assert result.exit_code == 1
    assert kills.stat().st_size >= attendance.MACHINES


@needs_proc
def test_an_interrupted_run_ends_everywhere_and_goes_on(fake: Any, tmp_path: Path, cluster: Any) -> None:
    """Exit code 3, no process is left on any worker; --resume asks the rest on the cluster, and nothing twice."""
    stops = f"""if case.operation == 'cos' and not os.path.exists({str(tmp_path / "mark")!r}):
            open({str(tmp_path / "mark")!r}, 'w').close()
            os.kill({os.getpid()}, signal.SIGTERM)
            time.sleep(600)"""
    unique = f"unique-{os.getpid()}"
    fake(stops, script=f"{HOST}\n# {unique}")
    cut = call("run", "slow", "-o", tmp_path / "out", *SEED, *on(cluster))
    assert cut.exit_code == 3, cut.output
    assert "slow: interrupted." in unwrapped(cut)
    assert not processes_of(unique)
    *_, end = read(tmp_path / "out" / "slow.jsonl")
    assert isinstance(end, records.End)
    assert end.interrupted
    [resume] = [line.strip() for line in cut.stdout.splitlines() if "--resume" in line]
    rest = call(*shlex.split(resume)[1:])
    assert rest.exit_code == 0, rest.output
    told = [it.id for it in results(tmp_path / "out" / "slow.jsonl")]
    assert len(told) == len(set(told)) == 4
    assert not processes_of(unique)


@needs_proc
def test_nothing_is_left_where_a_worker_was_killed(fake: Any, tmp_path: Path, cluster: Any) -> None:
    """The processes that it had started die with it."""
    unique, mark = f"left-{os.getpid()}", str(tmp_path / "mark")
    fake(
        f"if not os.path.exists({mark!r}): open({mark!r}, 'w').close(); os.kill({MACHINE}, signal.SIGKILL); time.sleep(600)",
        script=f"{HOST}\n# {unique}",
    )
    assert call("run", "good", "-o", tmp_path / "out", *on(cluster)).exit_code == 0
    assert not processes_of(unique)


def test_a_backend_that_workers_cannot_load_has_no_result(fake: Any, tmp_path: Path, cluster: Any) -> None:
    """Exit code 2, and the reason: that of the backend itself, or how the process died that loads it."""
    fake(
        loading="if name == 'absent': raise BackendProblem('it is not installed')\n        os.kill(os.getpid(), signal.SIGABRT)"
    )
    missing = call("run", "absent", "-o", tmp_path, *on(cluster))
    dying = call("run", "dying", "-o", tmp_path, *on(cluster))
    assert (missing.exit_code, dying.exit_code) == (2, 2)
    assert "absent: it is not installed" in unwrapped(missing)
    assert "dying: the backend could not be loaded: the process that loads it died (SIGABRT)" in unwrapped(dying)


def test_a_worker_with_other_libraries_is_refused(fake: Any, tmp_path: Path, cluster: Any) -> None:
    """Verdicts would depend on where a case is asked: the run stops, and says which versions differ."""
    first = str(tmp_path / "first")
    head = f"""first = not os.path.exists({first!r}) or open({first!r}).read() == str({MACHINE})
        open({first!r}, 'w').write(str({MACHINE})) if first else None
        run = made.run(name)
        run.versions["numpy"] = "2.4.0" if first else "1.0.0"
        return run"""
    fake("time.sleep(0.5)", script=HOST.replace("return made.run(name)", head).replace("unit=0", "unit=hash(it.id)"))
    result = call("run", "mixed", "-o", tmp_path / "out", *on(cluster))
    assert result.exit_code == 3, result.output
    assert "it has numpy 1.0.0, and other workers numpy 2.4.0; install the same on all" in unwrapped(result)


def test_workers_may_come_later_and_go(fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that adapts has none at the start: that is said, and the run begins when one comes."""
    monkeypatch.setattr(fleet, "PATIENCE", 0.0)
    monkeypatch.setattr(fleet, "COUNTED", 0.0)
    fake()
    said: list[str] = []
    with made_cluster(0) as empty:

        def notice(sentence: str) -> None:
            if "has no workers" in sentence and not said:
                empty.adapt(minimum=0, maximum=1, interval="100ms")
            said.append(sentence)

        monkeypatch.setattr(console, "notice", notice)
        result = call("run", "good", "-o", tmp_path, *on(empty))
    assert result.exit_code == 0, result.output
    assert said[0].endswith("has no workers; they are waited for.")


SCRIPT = """
import sys
import time
from clinometer.cli import main, processes
processes.Plan.command = property(lambda plan: [sys.executable, "-c", HOST, plan.backend])
if __name__ == "__main__":
    main.main()
"""


def script_of(folder: Path, asking: str, unique: str) -> Path:
    """Return a script that is the console script, on a made-up backend."""
    host = HOST.replace("ASKING", asking).replace("LOADING", "pass") + f"# {unique}"
    script = folder / "script.py"
    script.write_text(f"HOST = {host!r}\n{SCRIPT}")
    return script


@needs_proc
def test_ctrl_c_ends_a_cluster_of_this_machine(tmp_path: Path) -> None:
    """A terminal sends SIGINT to all its processes: exit code 3, nothing is left, and nobody prints a traceback."""
    unique, begun = f"ended-{os.getpid()}", tmp_path / "begun"
    script = script_of(tmp_path, f"open({str(begun)!r}, 'w').close(); time.sleep(600)", unique)
    words = [sys.executable, str(script), "run", "good", "-o", str(tmp_path / "out"), "--cluster", "local:2"]
    run = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    while not begun.exists() and run.poll() is None:
        time.sleep(0.1)
    os.killpg(run.pid, signal.SIGINT)
    told, _ = run.communicate()
    assert run.returncode == 3, told
    assert "Traceback" not in told
    assert "good: interrupted." in told
    assert not processes_of(unique)
    assert not processes_of(str(script))


@needs_proc
def test_nothing_goes_on_where_the_client_was_killed(fake: Any, tmp_path: Path) -> None:
    """A worker of the cluster sees that nobody wants to know any more; --resume goes on with what had been told."""
    with made_cluster(1) as cluster:
        kill_the_client(fake, tmp_path, cluster)


def kill_the_client(fake: Any, tmp_path: Path, cluster: Any) -> None:
    """Kill a run in its midst, see all of it end, and go on with it."""
    unique, begun = f"orphan-{os.getpid()}", tmp_path / "begun"
    sleeps = f"if case.operation == 'exp': open({str(begun)!r}, 'w').close(); time.sleep(600)"
    words = [sys.executable, str(script_of(tmp_path, sleeps, unique)), "run", "good", "-o", str(tmp_path / "out"), *SEED]
    run = subprocess.Popen([*words, *on(cluster)], stdout=subprocess.DEVNULL)
    while not begun.exists() or not (tmp_path / "out" / "good.jsonl").read_text().count('"result"'):
        time.sleep(0.1)
    run.kill()
    run.wait()
    while processes_of(unique):
        time.sleep(0.1)
    fake()
    rest = call("run", "good", "-o", tmp_path / "out", *SEED, "--resume", *on(cluster))
    assert rest.exit_code == 0, rest.output
    told = [it.id for it in results(tmp_path / "out" / "good.jsonl")]
    assert len(told) == len(set(told)) == 4


class Threads:
    """A client that knows some workers, and nothing else."""

    def __init__(self, **threads: int):
        self.threads = threads

    def nthreads(self) -> dict[str, int]:
        """Return them."""
        return self.threads

    def subscribe_topic(self, topic: str, handler: Any) -> None:
        """Hear nothing."""


def test_runs_side_by_side_have_workers_of_their_own() -> None:
    """No worker is of two runs, one that has gone is replaced, and what a run leaves another takes."""
    it = Cluster(client := Threads(a=2, b=2, c=2, d=1), "any")
    first, second = it.enlist(queue.SimpleQueue()), it.enlist(queue.SimpleQueue())
    assert it.threads(first) == it.threads(second) == 7  # as long as nothing is shared
    it.share = 4
    assert (it.threads(first), it.threads(second)) == (4, 3)
    client.threads = {"b": 2, "c": 2, "d": 1, "e": 2}
    assert (it.threads(first), it.threads(second)) == (4, 3)
    it.dismiss(first, [])
    assert it.threads(second) == 5  # c, d, and one whole worker more


# ----- what is refused -----


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cluster", "remote:3"], "write local:N, as local:8"),
        (["--cluster", "local:0"], "write local:N, as local:8"),
        (["--cluster", "local:1", "--scheduler", "tcp://nowhere:1"], "write one of them"),
        (["--cluster", "local:1", "-n", "2"], "-n is of one machine"),
        (["--scheduler", "tcp://127.0.0.1:9"], "no Dask scheduler answers at tcp://127.0.0.1:9"),
        (["--scheduler", "gopher://x"], "no Dask scheduler answers at gopher://x"),
    ],
)
def test_what_makes_no_cluster_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str) -> None:
    """One sentence and exit code 2; no journal is begun."""
    monkeypatch.setattr("clinometer.cli.cluster.CONNECTING", 0.5)
    result = call("run", "good", "-o", tmp_path, *words)
    assert result.exit_code == 2
    assert said in unwrapped(result)
    assert not list(tmp_path.iterdir())


def test_without_dask_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says what to install; exit code 2."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = call("run", "good", "-o", tmp_path, "--cluster", "local:1")
    assert result.exit_code == 2
    assert "pip install 'clinometer[cluster]'" in unwrapped(result)


def test_workers_of_another_version_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: Any, cluster: Any
) -> None:
    """Before anything is asked: exit code 2, and what to install."""
    fake()
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "9.9" if name == "clinometer" else real(name))
    result = call("run", "good", "-o", tmp_path, *on(cluster))
    assert result.exit_code == 2
    assert "install clinometer 9.9 with the extra [cluster] there" in unwrapped(result)


def test_nothing_of_dask_is_imported_before_it_is_asked_for() -> None:
    """The console script itself needs none of it."""
    check = "import sys, clinometer.cli.main; sys.exit(any(it in sys.modules for it in ('dask', 'distributed', 'tornado')))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
