"""`check_gradients` on functions of packages as they are: no objection may be false, and "cannot tell" is to be rare.

By hand, in an environment of its own, from the root of a checkout; each package is asked in a process of its own:

    python -m venv packages && packages/bin/pip install -e . -r tests/packages/requirements.txt
    OMP_NUM_THREADS=1 packages/bin/python tests/packages/run.py [PACKAGE ...]

Every objection must be one of `proofs.PROVEN`, which shows without check_gradients that the package is wrong.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import geometry
import networks
import probability
import signals
import torch
from proofs import PROVEN

from clinometer.gradcheck import GradientReport, check_gradients

FUNCTIONS = geometry.FUNCTIONS | probability.FUNCTIONS | signals.FUNCTIONS | networks.FUNCTIONS
PATIENCE = 600  # seconds for a package


def point(name: str, shapes: list[Any]) -> list[Any]:
    """Return random arguments: of a shape, numbers of the normal distribution; a function makes what it likes."""
    torch.manual_seed(zlib.crc32(name.encode()))
    return [shape() if callable(shape) else torch.randn(shape) for shape in shapes]


def asked(name: str, make: Callable[[], Callable[..., Any]], shapes: list[Any]) -> GradientReport | Exception:
    """Return the report on a function, or what kept it from being examined."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            args = point(name, shapes)
            return check_gradients(make(), *args, raise_exception=False)
    except Exception as error:
        return error


def verdict(name: str, report: GradientReport | Exception) -> tuple[str, str]:
    """Return an outcome, and what there is to say."""
    if not isinstance(report, GradientReport):
        return "not examined", f"{type(report).__name__}: {' '.join(str(report).split())[:200]}"
    if report.outcome == "fail":
        return ("proven" if name in PROVEN and PROVEN[name]() else "UNPROVEN"), report.message
    fineness = max((row.fineness for row in report.rows), default=0.0)
    return report.outcome, report.message or f"{report.numbers} numbers, tolerance at most {fineness:.1g} of the gradient"


def examine(package: str) -> None:
    """Print a line for each function of a package."""
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    for what, (make, *shapes) in FUNCTIONS[package].items():
        name, started = f"{package}: {what}", time.process_time()
        outcome, told = verdict(name, asked(name, make, shapes))
        print(f"{outcome:12} {name:56} {time.process_time() - started:6.1f} s  {told}", flush=True)


def output(package: str) -> list[str]:
    """Return the lines of a package; what did not end, or ended early, has one that says so."""
    command = [sys.executable, "-W", "ignore", __file__, "--one", package]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as late:
        text = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        return [*text.splitlines(), f"{'not examined':12} {package}: not done after {PATIENCE} s"]
    failed = [f"{'not examined':12} {package}: exit code {done.returncode}"] if done.returncode else []
    return done.stdout.splitlines() + failed


def main(packages: list[str]) -> int:
    """Examine packages one after the other; then print how many functions there were of which outcome."""
    counts: Counter[str] = Counter()
    passed = 0
    for package in packages:
        lines = output(package)
        print(*lines, sep="\n", flush=True)
        counts.update(line[:12].strip() for line in lines)
        passed += any(line.startswith(("pass", "proven")) for line in lines)
    told = ", ".join(f"{n} {outcome}" for outcome, n in counts.items())
    print(f"{counts.total()} functions of {len(packages)} packages, {passed} with a verdict: {told}")
    return 1 if counts["UNPROVEN"] or counts["not examined"] else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        examine(sys.argv[2])
    else:
        sys.exit(main(sys.argv[1:] or list(FUNCTIONS)))
