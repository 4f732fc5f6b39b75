"""Several calls of one library: kept open side by side, in threads, in another process."""

from __future__ import annotations

import contextlib
import inspect
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
from clinometer.backends.protocol import as_list
from clinometer.harness.check import Check
from clinometer.harness.findings import Relation, Unsupported
from clinometer.harness.interruption import heard, insist
from clinometer.harness.scripts.writer import identical
from clinometer.harness.transcript import Transcript
from clinometer.reference.case import Case
from clinometer.reference.program.tracing import trace
from clinometer.strategies import fixed_case

Drawn = Case | Sequence[Case]
PATIENCE = 2.0  # seconds that one thread waits for the other


def single_points(drawn: Drawn) -> list[Case]:
    """Return cases of one point each, the first and the last that a draw has: a draw is a case, or several."""
    cases = (drawn,) if isinstance(drawn, Case) else drawn
    return [case.at(i) for case in cases for i in sorted({0, case.points - 1})]


class Calls(Transcript):
    """Calls of one library, each with a number in the transcript."""

    needs = ("vjp",)

    def __init__(self, check: Check):
        super().__init__(check)
        self.functions: dict[str, Callable[..., Any]] = {}
        self.points: list[Case] = []
        self.count = 0

    def define(self, case: Case) -> str:
        """Return the name of a function that is the program of a case."""
        name = f"f{len(self.functions) + 1}" if self.functions else "f"
        self.given[name], self.functions[name] = case.program, self.check.function(case)
        return name

    def place(self, case: Case) -> int:
        """Return the number that the arrays of a case have in the script."""
        known = next((i for i, one in enumerate(self.points, 1) if one is case), 0)
        if known:
            return known
        self.points.append(case)
        arrays = dict(zip(case.program.inputs, case.inputs, strict=True)) | {"ct": case.cotangents[0]}
        self.given |= {f"{name}{len(self.points)}": x[0, ...] for name, x in arrays.items()}
        return len(self.points)

    def asked(self, f: str, case: Case) -> str:
        """Return an expression of the value and the pullback of a function at a case."""
        place = self.place(case)
        return self.dialect.vjp.format(f=f, names=", ".join(f"{name}{place}" for name in case.program.inputs))


class Call:
    """One function at one point, differentiated, and open: the pullback may be asked later.

    Parameters
    ----------
    calls : Calls
    case : Case
        Of one point and one output.
    function : str, optional
        The name of one that is defined; else it is made anew.
    said : bool
        Whether the transcript has it; else it is within a function of the transcript.
    """

    def __init__(self, calls: Calls, case: Case, function: str = "", said: bool = True):
        self.calls, self.check, self.case, self.said = calls, calls.check, case, said
        self.held: list[np.ndarray] | None = None
        function = function or calls.define(case)
        calls.count += 1
        self.number, check = calls.count, self.check
        check.case = case
        check.points += 1
        with calls:
            self.inputs = [check.native(np.array(x[0])) for x in case.inputs]
            self.ct = check.native(np.array(case.cotangents[0][0]))
            self.say(f"out{self.number}, pullback{self.number} = {calls.asked(function, case)}")
            with check.backend_call("vjp"):
                self.value, self.pullback = check.backend.vjp(calls.functions[function], *self.inputs)

    def say(self, line: str) -> None:
        """Write a line down."""
        self.calls.lines += [line] * self.said

    def pull(self) -> list[Any]:
        """Return the library's gradients."""
        self.check.case = self.case
        self.say(f"gradients{self.number} = pullback{self.number}(ct{self.calls.place(self.case)})")
        with self.calls, self.check.backend_call("pullback"):
            found = as_list(self.pullback(self.ct), n := len(self.case.inputs))
        length = f"len(gradients{self.number})"
        self.calls.require(len(found) == n, f"the pullback gives {len(found)} gradients for {n} inputs", f"{length} == {n}")
        return found

    def gradients(self) -> list[np.ndarray]:
        """Return the gradients as numpy has them, in memory of their own."""
        with self.calls:
            return [self.check.numpy(g, "a gradient") for g in self.pull()]

    def kept(self, given: Sequence[Any]) -> list[np.ndarray]:
        """Return copies of gradients that were pulled last; a script has them as `before_0` and so on."""
        self.calls.given["deepcopy"] = "from copy import deepcopy"
        for i in range(len(given)):
            self.say(f"before_{i} = deepcopy({self.side(i).left})")
        with self.calls:
            return [np.array(self.check.numpy(g, "a gradient")) for g in given]

    def side(self, which: int, before: bool = False) -> Relation:
        """Return what a script says of a gradient that was pulled last, and of what it was before."""
        return Relation(self.calls.read(f"gradients{self.number}[{which}]"), f"before_{which}" if before else "")

    def holds(self) -> None:
        """Hold the value and the gradients against the truth; numbers that have held already need no second hearing."""
        with self.calls:
            found = [self.check.numpy(self.value, "value"), *self.gradients()]
            if self.held is not None and all(map(identical, found, self.held)):
                return
            about = Relation(self.calls.read(f"out{self.number}"))
            self.check.agrees(found[0][None], self.case.truth.values[0], self.case, "value", about=about)
            for which, (got, want) in enumerate(zip(found[1:], self.case.truth.gradients, strict=True)):
                self.check.agrees(got[None], want, self.case, "reverse", which, about=self.side(which))
        self.held = found


# ----- threads: a script takes `together` over as it stands -----

THREADS = "import contextlib\nimport threading\nfrom concurrent.futures import ThreadPoolExecutor\nfrom typing import Any\n\n\n"


def together(vjp: Any, functions: Any, arguments: Any, cotangents: Any, patience: float) -> Any:
    """Return value and gradients of each function, all differentiated at the same time, in a thread each.

    A library with one lock for all has its threads wait in vain.
    """
    barrier = threading.Barrier(len(functions))

    def wait() -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(patience)

    def one(f: Any, xs: Any, ct: Any) -> Any:
        def meeting(*zs: Any) -> Any:
            wait()
            y = f(*zs)
            wait()
            return y

        try:
            y, pullback = vjp(meeting, *xs)
            wait()
            return [y, *pullback(ct)]
        except BaseException:
            barrier.abort()  # nobody need wait for this one
            raise

    with ThreadPoolExecutor(len(functions)) as threads:
        return list(threads.map(one, functions, arguments, cotangents))


def at_once(check: Check, cases: Sequence[Case]) -> tuple[Calls, list[list[np.ndarray]]]:
    """Return value and gradients of each case, all differentiated at the same time, in a thread each."""
    calls = Calls(check)
    names = [calls.define(case) for case in cases]
    places = [calls.place(case) for case in cases]
    xs = [f"({', '.join(f'{x}{n}' for x in case.program.inputs)},)" for n, case in zip(places, cases, strict=True)]
    said = ", ".join(f"[{', '.join(each)}]" for each in (names, xs, [f"ct{n}" for n in places]))
    calls.given["together"] = THREADS + inspect.getsource(together).rstrip()
    vjp = calls.dialect.vjp.format(f="f", names="*xs")
    calls.lines.append(f"found = together(lambda f, *xs: {vjp}, {said}, {PATIENCE})")
    arguments = [[check.native(np.array(x[0])) for x in case.inputs] for case in cases]
    cts = [check.native(np.array(case.cotangents[0][0])) for case in cases]
    functions = [calls.functions[name] for name in names]
    with calls, check.backend_call("in threads"):
        found = together(check.backend.vjp, functions, arguments, cts, PATIENCE)
        return calls, [[check.numpy(a) for a in each] for each in found]


# ----- another process -----

REPEATED = {
    "elementwise": lambda ad, x, y: ad.sin(x) * ad.exp(y * 0.25) + x / (y * y + 1.0),
    "reduction": lambda ad, x, y: ad.sum(ad.tanh(x * y)) * ad.sum(x),
    "product": lambda ad, x, y: ad.matmul(x, y),
    "normalised": lambda ad, x, y: x / ad.sqrt(ad.sum(x * x) + 1.0) * y,
}


def repeated(backend: Backend) -> dict[str, list[str]]:
    """Return value and gradients of a few programs, bit by bit: what another process is to repeat."""
    check, found = Check(backend), {}
    for name, case in repeatable(check).items():
        call = Call(Calls(check), case)
        arrays = [np.asarray(check.numpy(call.value)), *call.gradients()]
        found[name] = [array.tobytes().hex() for array in arrays]
    return found


def repeatable(check: Check) -> dict[str, Case]:
    """Return the cases of those programs whose operations a backend has."""
    dtype, rng, found = "float32" if "float32" in check.reals else check.real, np.random.default_rng(0), {}
    for name, function in REPEATED.items():
        program = trace(function)
        inputs = [rng.integers(-16, 17, (40, 40)) / 8 for _ in program.inputs]  # sums of their products have no order
        if all(map(check.has, program.operations())):
            found[name] = fixed_case(program, inputs, dtype)
    return found


def printed(check: Check, case: Case) -> Calls:
    """Return the transcript of what prints the value and the gradients of a case in all digits."""
    calls = Calls(check)
    calls.lines.append(f"out, pullback = {calls.asked(calls.define(case), case)}")
    answers = ["out", *(f"pullback(ct1)[{i}]" for i in range(len(case.inputs)))]
    calls.lines += [f"print({calls.read(answer)}.tolist())" for answer in answers]
    return calls


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
    command = [sys.executable, "-m", "clinometer.harness.concurrency", f"{where}:{kind.__qualname__}"]
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
    with heard():
        try:
            backend = load(selection)
        except BackendProblem as problem:
            insist(problem.__cause__)
            sys.stderr.write(f"{problem}\n")
            return NO_BACKEND
        sys.stdout.write(json.dumps(repeated(backend)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
