"""A cluster of Dask: many machines, or a few processes of this one, that a run's tasks are sent to.

Nothing of Dask is imported before somebody asks for it.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import logging
import queue
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from clinometer.cli import station
from clinometer.cli.crew import Gone

INSTALL = "pip install 'clinometer[cluster]'"
CONNECTING = 10.0  # seconds that a scheduler has to answer
CLOSING = 5.0  # seconds that workers have to end their processes
# Of a cluster of our own. What Dask measures of itself all the while is 6 % of a core; nobody looks at it here. A worker that
# was killed is started again by its nanny, which the cluster would close if it were away at the time of its look.
CONFIGURATION = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.deploy.lost-worker-timeout": "1h",
}


class Unreachable(Gone):
    """There is no such cluster, or it cannot do what is asked; the message is a sentence."""


@contextlib.contextmanager
def connected(scheduler: str = "", local: int = 0) -> Iterator[Cluster]:
    """Yield a cluster: that of a scheduler, or so many processes of this machine.

    Raises
    ------
    Unreachable
    """
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as error:
        raise Unreachable(f"Dask is not installed here ({error}); {INSTALL}.") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters of it we say ourselves
    with contextlib.ExitStack() as stack:
        if local:
            stack.enter_context(importlib.import_module("dask.config").set(CONFIGURATION))
            try:
                made = distributed.LocalCluster(
                    n_workers=local,
                    processes=True,
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",
                    memory_limit=0,  # what asks has its own
                    silence_logs=logging.CRITICAL,
                    preload=["clinometer.cli.station"],
                )
            except (OSError, RuntimeError) as error:
                raise Unreachable(f"a cluster of {local} processes cannot be started: {error}.") from None
            stack.callback(made.close, timeout=CLOSING)
            scheduler = made.scheduler_address
        try:
            client = distributed.Client(scheduler, timeout=CONNECTING, set_as_default=False)
        except (OSError, ValueError) as error:  # a TimeoutError is one as well
            begin = "start one with `dask scheduler`, and workers with `dask worker`"
            raise Unreachable(f"no Dask scheduler answers at {scheduler}; {begin}. ({error})") from None
        stack.callback(client.close, timeout=CLOSING)
        found = Cluster(client, f"a local cluster of {local}" if local else scheduler)
        found.check()
        yield found


def local(text: str) -> int:
    """Return how many processes `local:8` asks for; 0 if it is something else."""
    found = re.fullmatch(r"local:([1-9]\d*)", text)
    return int(found[1]) if found else 0


class Cluster:
    """A cluster, and the inboxes of the runs on it.

    Parameters
    ----------
    client : distributed.Client
    name : str

    Attributes
    ----------
    share : int
        How many threads a run is given of its own, where several are asked side by side: what a worker needs to collect, and
        to load a backend, is paid once a run. 0 for all.
    """

    def __init__(self, client: Any, name: str):
        self.client, self.name, self.share = client, name, 0
        self._crews: dict[str, list[str]] = {}  # the workers of each run
        self._choosing = threading.Lock()
        self.nonce, self._numbers = secrets.token_hex(6), itertools.count(1)
        self._inboxes: dict[str, queue.SimpleQueue[Any]] = {}
        client.subscribe_topic(station.topic_of(f"{self.nonce}-"), self._deliver)

    def check(self) -> None:
        """Refuse a cluster whose workers have not our version.

        Raises
        ------
        Unreachable
        """
        ours = station.identity()
        for worker, theirs in self.client.run(station.identity, on_error="return").items():
            if theirs != ours:
                has = f"has clinometer {theirs['clinometer']}" if isinstance(theirs, dict) else f"cannot import it ({theirs})"
                want = f"install clinometer {ours['clinometer']} with the extra [cluster] there"
                raise Unreachable(f"worker {worker} of {self.name} {has}; {want}.")

    def enlist(self, inbox: queue.SimpleQueue[Any]) -> str:
        """Return a name for a run, whose events come to an inbox from now on."""
        run = f"{self.nonce}-{next(self._numbers)}"
        self._inboxes[run], self._crews[run] = inbox, []
        return run

    def submit(self, task: str, key: str, run: str, *words: Any) -> Any:
        """Have a task of `cli.station` done; when it is over, its key comes to the inbox with the future."""
        priority = -int(run.rpartition("-")[2])  # the runs that were begun first end first
        where = {"workers": crew, "allow_other_workers": True} if (crew := self._crews[run]) else {}
        future = self.client.submit(getattr(station, task), *words, key=key, priority=priority, pure=False, **where)
        inbox = self._inboxes[run]
        future.add_done_callback(lambda done: inbox.put((key, done)))
        return future

    def threads(self, run: str = "") -> int:
        """Return how many tasks can be done at once; of a run, by the workers that are its own.

        Raises
        ------
        Unreachable
        """
        try:
            there: dict[str, int] = self.client.nthreads()
        except (OSError, RuntimeError) as error:
            raise Unreachable(f"the scheduler of {self.name} cannot be reached any more ({error}).") from None
        return sum(there[it] for it in (self._crew(run, there) if self.share and run else there))

    def _crew(self, run: str, there: dict[str, int]) -> list[str]:
        """Return the workers of a run: those that it has, and others that no run has, up to its share."""
        with self._choosing:
            taken = {it for other, crew in self._crews.items() if other != run for it in crew}
            crew = [it for it in self._crews[run] if it in there]
            for worker in there:
                if worker not in taken and worker not in crew and sum(there[it] for it in crew) < self.share:
                    crew.append(worker)
            self._crews[run] = crew
            return crew

    def settled(self, key: str) -> None:
        """Forget a task that is over."""
        self.client.loop.add_callback(self.client.scheduler.event_clear, name=key)

    def dismiss(self, run: str, futures: Sequence[Any]) -> None:
        """End a run everywhere: its tasks, and its processes on each worker."""
        del self._inboxes[run], self._crews[run]
        with contextlib.suppress(Exception):  # who cannot be reached has nothing more to be told
            self.client.cancel(list(futures), force=True) if futures else None
            self.client.run(station.close, run, on_error="ignore")

    def _deliver(self, event: tuple[float, dict[str, Any]]) -> None:
        key = event[1]["key"]
        inbox = self._inboxes.get(key.rsplit("-", 2)[0])
        if inbox is not None:
            inbox.put((key, event[1]))

    def result(self, future: Any) -> bytes | None:
        """Return what a task has returned; None if its worker was lost.

        Raises
        ------
        Unreachable
            It could not even begin.
        """
        from distributed import CancelledError, KilledWorker

        try:
            answer: bytes = future.result()
        except (KilledWorker, CancelledError):
            return None
        except Exception as error:
            raise Unreachable(f"a worker could not do a task ({type(error).__name__}: {error}); {INSTALL} there.") from None
        return answer
