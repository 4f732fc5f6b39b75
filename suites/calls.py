"""Several calls of one library: kept open side by side, in threads, in another process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from clinometer.backends import Backend, BackendProblem, load
from clinometer.reference.program import trace
from clinometer.reference.truth import Case
from clinometer.strategies import fixed_case
from clinometer.suites.check import Check, Unsupported

Drawn = Case | tuple[Case, ...]
PATIENCE = 2.0  # seconds that one thread waits for the other


def single_points(drawn: Drawn) -> list[Case]:
    """Return cases of one point each, the first and the last that a draw has: a draw is a case, or several."""
    cases = drawn if isinstance(drawn, tuple) else (drawn,)
    return [case.at(i) for case in cases for i in sorted({0, case.points - 1})]


class Call:
    """One function at one point, differentiated, and open: the pullback may be asked later.

    Parameters
    ----------
    check : Check
    case : Case
        Of one point and one output.
    function : callable, optional
        The program of the case; else it is made anew.
    """

    def __init__(self, check: Check, case: Case, function: Callable[..., Any] | None = None):
        self.check, self.case = check, case
        self.held: list[np.ndarray] | None = None
        function = check.function(case) if function is None else function
        check.case = case
        check.points += 1
        inputs = [check.native(np.array(x[0])) for x in case.inputs]
        self.ct = check.native(np.array(case.cotangents[0][0]))
        with check.theirs("vjp"):
            self.value, self.pullback = check.backend.vjp(function, *inputs)

    def pull(self) -> list[Any]:
        """Return the library's gradients."""
        self.check.case = self.case
        with self.check.theirs("pullback"):
            found = list(self.pullback(self.ct))
        n = len(self.case.inputs)
        self.check.that(len(found) == n, f"the pullback gives {len(found)} gradients for {n} inputs", self.case)
        return found

    def gradients(self) -> list[np.ndarray]:
        """Return the gradients as numpy has them, in memory of their own."""
        return [self.check.numpy(g, "a gradient") for g in self.pull()]

    def holds(self) -> None:
        """Hold the value and the gradients against the truth; numbers that have held already need no second hearing."""
        found = [self.check.numpy(self.value, "value"), *self.gradients()]
        if self.held is not None and all(map(_identical, found, self.held)):
            return
        self.check.agrees(found[0][None], self.case.truth.values[0], self.case, "value")
        for which, (got, want) in enumerate(zip(found[1:], self.case.truth.gradients, strict=True)):
            self.check.agrees(got[None], want, self.case, "reverse", which)
        self.held = found


def _identical(x: np.ndarray, y: np.ndarray) -> bool:
    return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()


# ----- threads -----


def meeting(function: Callable[..., Any], barrier: threading.Barrier) -> Callable[..., Any]:
    """Return a function that waits in its middle until the other threads are in theirs."""

    def f(*xs: Any) -> Any:
        _wait(barrier)
        y = function(*xs)
        _wait(barrier)
        return y

    return f


def _wait(barrier: threading.Barrier) -> None:
    with contextlib.suppress(threading.BrokenBarrierError):  # a library with one lock for all has its threads wait in vain
        barrier.wait(PATIENCE)


def at_once(check: Check, cases: Sequence[Case]) -> list[list[np.ndarray]]:
    """Return value and gradients of each case, all differentiated at the same time, in a thread each."""
    barrier, backend = threading.Barrier(len(cases)), check.backend
    functions = [meeting(check.function(case), barrier) for case in cases]

    def one(case: Case, f: Callable[..., Any]) -> list[np.ndarray]:
        try:
            y, pullback = backend.vjp(f, *(backend.asarray(np.array(x[0])) for x in case.inputs))
            _wait(barrier)
            found = pullback(backend.asarray(np.array(case.cotangents[0][0])))
            return [check.numpy(a) for a in (y, *found)]
        except BaseException:
            barrier.abort()  # nobody need wait for this one
            raise

    with check.theirs("in threads"), ThreadPoolExecutor(len(cases)) as threads:
        return list(threads.map(one, cases, functions))


# ----- another process -----

REPEATED = {
    "elementwise": lambda ad, x, y: ad.sin(x) * ad.exp(y * 0.25) + x / (y * y + 1.0),
    "reduction": lambda ad, x, y: ad.sum(ad.tanh(x * y)) * ad.sum(x),
    "product": lambda ad, x, y: ad.matmul(x, y),
    "normalised": lambda ad, x, y: x / ad.sqrt(ad.sum(x * x) + 1.0) * y,
}


def repeated(backend: Backend) -> dict[str, list[str]]:
    """Return value and gradients of a few programs, bit by bit: what another process is to repeat."""
    check, found, rng = Check(backend), {}, np.random.default_rng(0)
    dtype = "float32" if "float32" in check.reals else check.real
    for name, function in REPEATED.items():
        program = trace(function)
        inputs = [rng.integers(-16, 17, (40, 40)) / 8 for _ in program.inputs]  # sums of their products have no order
        if all(hasattr(backend.xp, op) for op in program.operations()):
            call = Call(check, fixed_case(program, inputs, dtype))
            arrays = [np.asarray(check.numpy(call.value)), *call.gradients()]
            found[name] = [array.tobytes().hex() for array in arrays]
    return found


def anew(backend: Backend) -> dict[str, list[str]]:
    """Return what `repeated` gives in a process of its own, whose hashes have another seed.

    Raises
    ------
    Unsupported
        A backend that cannot be made from its class alone.
    """
    kind = type(backend)
    module = sys.modules.get(kind.__module__)
    if getattr(module, kind.__qualname__, None) is not kind:  # made by a function, say
        raise Unsupported(f"{backend.name} cannot be made anew from its class {kind.__qualname__}")
    # The module of a file has a name that only this process knows.
    where = module.__file__ if kind.__module__.startswith("clinometer_backend_") else kind.__module__  # type: ignore[union-attr]  # has it
    path = os.pathsep.join([*map(str, map(Path, sys.path)), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": str((os.getpid() % 1000) + 1)}
    command = [sys.executable, "-m", "clinometer.suites.calls", f"{where}:{kind.__qualname__}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603  # ourselves
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode == NO_BACKEND:
        raise Unsupported(f"{backend.name} cannot be made anew: {last}")
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {last}")
    answer: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def differing(ones: dict[str, list[str]], others: dict[str, list[str]]) -> Iterable[str]:
    """Yield the names of those that are not the same to the last bit."""
    return (name for name in ones if ones[name] != others.get(name))


NO_BACKEND = 4  # exit code


def main(selection: str) -> int:
    """Write what `repeated` gives of a backend."""
    try:
        backend = load(selection)
    except BackendProblem as problem:
        sys.stderr.write(f"{problem}\n")
        return NO_BACKEND
    sys.stdout.write(json.dumps(repeated(backend)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
