"""Kills: a run whose processes are killed at random moments, and resumed, comes out as one that nobody has disturbed.

`python tests/hostile/kills.py 50` kills fifty times, and prints what was killed, where, and what became of it.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from hostile.running import TIME, Place, Told, processes

WORDS = ["reference", "--profile", "quick", "--seed", "3", "-n", "2", "-q"]
CHAPTERS = ["[b-eh-uw-z]", "a[!c]", "g*_", "f[!w]"]
SELECTION = [
    *(f"--ignore-glob=/*/suites/test_{it}*" for it in CHAPTERS),
    "-k",
    "float64 and (is_the_mathematics or equals_the_truth) and (sin or cos or tan)",
]
# Whom to kill, and how; the parent most often, which is whom users kill.
TARGETS = [("parent", "SIGKILL"), ("parent", "SIGKILL"), ("parent", "SIGTERM"), ("parent", "SIGINT"), ("parent", "SIGHUP")]
TARGETS += [("host", "SIGKILL"), ("host", "SIGTERM"), ("worker", "SIGKILL"), ("worker", "SIGKILL"), ("worker", "SIGTERM")]
EARLY = 0.15  # of the kills come while cases are collected
MOST = 40  # attempts that end a siege


@dataclass
class Siege:
    """A run that is killed again and again.

    Parameters
    ----------
    place : Place
    size : int
        Of the journal of a run that nobody has disturbed.
    rng : random.Random
    """

    place: Place
    size: int
    rng: random.Random
    done: list[str] = field(default_factory=list)  # kills
    seen: bytes = b""  # whole lines of the journal that were there once

    def attempt(self) -> int:
        """Run, or go on; kill once, and return the exit code when all is over."""
        target, name = self.rng.choice(TARGETS)
        more = ["--resume"] if self.place.out.exists() else []
        process = self.place.start([*WORDS, *more, "--", *SELECTION])
        self._wait(process)
        pid = self._found(process, target)
        if pid and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, getattr(signal, name))
                self.done.append(f"{target} {name}")
        output, _ = process.communicate(timeout=TIME)
        assert "Traceback" not in output, output
        assert not self.place.left_alive(), self.done
        self.look()
        return process.returncode

    def _wait(self, process: subprocess.Popen[str]) -> None:
        """Wait for a moment: by the clock while cases are collected, then by the journal's size."""
        if self.rng.random() < EARLY:
            time.sleep(self.rng.uniform(0.0, 2.0))
            return
        begun = self._size()
        until = self.rng.uniform(begun, self.size)
        while self._size() <= until and process.poll() is None:
            time.sleep(0.002)
        time.sleep(self.rng.uniform(0.0, 0.02))

    def _size(self) -> int:
        return sum(path.stat().st_size for path in self.place.out.glob("*.jsonl"))

    def _found(self, process: subprocess.Popen[str], target: str) -> int:
        """Return the number of a process; 0 if there is none of that kind."""
        parents = {pid: _parent(pid) for pid, _ in processes(self.place.mark)}
        hosts = [pid for pid, parent in parents.items() if parent == process.pid]
        workers = [pid for pid, parent in parents.items() if parent in hosts]
        return self.rng.choice({"parent": [process.pid], "host": hosts, "worker": workers}[target] or [0])

    def look(self) -> None:
        """Hold that nothing is lost of what the journal had, and that it has no broken line but a last one that was cut."""
        for path in self.place.out.glob("*.jsonl"):
            now = path.read_bytes()
            assert now.startswith(self.seen), f"{self.done}: lines of {path} are gone"
            self.seen = now[: now.rfind(b"\n") + 1]
            Told.of(path)


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def undisturbed(folder: Path) -> tuple[Told, int]:
    """Return what a run tells that nobody disturbs, and the size of its journal."""
    place = Place(folder)
    code, output = place.run([*WORDS, "--", *SELECTION])
    assert code == 0, output
    return Told.of(place.journal()), place.journal().stat().st_size


def besieged(folder: Path, seed: int, kills: int, sound: Told, size: int) -> list[str]:
    """Kill a run so many times, let it come to its end, and hold that it is as one that nobody has disturbed."""
    siege = Siege(Place(folder), size, random.Random(seed))
    for _ in range(MOST):
        if len(siege.done) >= kills:
            break
        code = siege.attempt()
        if code == 0:  # whom was killed was replaced, and the run has come to its end
            break
        assert code in (3, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP), (siege.done, code)
    code, output = siege.place.run([*WORDS, "--resume", "--", *SELECTION])
    assert code == 0, (siege.done, output)
    siege.look()
    told = Told.of(siege.place.journal())
    assert told.end is not None
    assert not told.end.interrupted
    assert told.verdicts() == sound.verdicts(), siege.done
    assert set(told.times.values()) == {1}, siege.done
    assert not siege.place.left_alive()
    assert not list(siege.place.temporary.iterdir()) or "parent SIGKILL" in siege.done  # who is killed so tidies up nothing
    return siege.done


def main(words: Sequence[str]) -> None:
    """Kill as often as is said, and print the numbers."""
    wanted, done, sieges = int(words[0]) if words else 50, Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        sound, size = undisturbed(Path(folder) / "sound")
        while done.total() < wanted:
            sieges += 1
            found = besieged(Path(folder) / str(sieges), sieges, min(4, wanted - done.total()), sound, size)
            done.update(found)
            print(f"run {sieges}: {', '.join(found) or 'nobody was there to kill'}: as if undisturbed", flush=True)
    print(f"{done.total()} kills of {sieges} runs of {len(sound.results)} cases, all as if undisturbed:")
    for what, times in sorted(done.items()):
        print(f"{times:4} {what}")


if __name__ == "__main__":
    main(sys.argv[1:])
