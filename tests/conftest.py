"""What the tests share: their helpers, the same draws every day, and journals, pages and a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The tests are imported by file, without packages, so helpers and planted backends have to be made findable.
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "helpers")]

import synthetic_journals

from clinometer.reports.html import page

# Windows has neither the signals nor the forks that these ask for.
collect_ignore = (
    []
    if os.name == "posix"
    else [
        "cli/test_cases.py",
        "cli/test_processes.py",
        "harness/test_interruption.py",
        "harness/test_scripts_fail.py",
        "test_documents.py",
    ]
)

# Only Linux has all that these look at: processes in /proc, and orphans that are adopted.
collect_ignore += [] if sys.platform == "linux" else ["hostile"]

settings.register_profile("the same every day", derandomize=True, database=None)
settings.load_profile("the same every day")

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# Warnings that are not ours to mend, as filters, and where they come from.
WARNINGS = (
    "ignore:`torch.jit.script` is deprecated:DeprecationWarning",  # torch's own rules of forward mode, when first needed
    # autograd's vspaces, of a complex gradient that it takes for a real one: a finding, and not ours
    r"ignore:Casting complex values to real discards the imaginary part::autograd\.numpy\.",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Make every warning an error, in these tests alone: a run of the suites from a checkout loads this file too."""
    strict = pytest.mark.filterwarnings("error", *WARNINGS)
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(strict, append=False)


@pytest.fixture(scope="session")
def journals(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four journals: good, mixed, cut short, and of a backend that could not be loaded."""
    return synthetic_journals.small(tmp_path_factory.mktemp("journals"))


@pytest.fixture(scope="session")
def report(journals: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the four journals."""
    out = tmp_path_factory.mktemp("report") / "index.html"
    page.write(journals, out)
    return out


@pytest.fixture(scope="session")
def real_journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a real run, on a backend whose values and gradients are wrong: real, complex, at kinks, and raising."""
    path = tmp_path_factory.mktemp("real") / "wrong.jsonl"
    chapters = [f"clinometer.suites.test_{name}" for name in ("value", "grad", "dtype", "kink")]
    words = ["--backend", f"{HERE / 'helpers' / 'wrong.py'}:Wrong", "--journal", str(path), "--profile", "quick"]
    chosen = " or ".join(f"[{name}-" for name in ("exp", "matmul", "softmax", "clip", "tanh"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs", *chapters, *words, "-k", chosen]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return path


@pytest.fixture(scope="session")
def large_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 50 000 results on five backends."""
    folder = tmp_path_factory.mktemp("large")
    page.write(synthetic_journals.large(folder), folder / "index.html")
    return folder / "index.html"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's chromium, driven by playwright."""
    api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing; apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Any]]:
    """A function that opens a page and waits until it is ready.

    The visit counts requests in `page.requests` and gathers what went wrong in `page.complaints`; the test
    fails on a complaint even if it does not look.
    """
    contexts, pages = [], []

    def opened(path: Path, hash: str = "", *, ready: bool = True, **context: Any) -> Any:
        contexts.append(chromium.new_context(**({"viewport": {"width": 1280, "height": 900}} | context)))
        found = contexts[-1].new_page()
        pages.append(found)
        found.requests, found.complaints = [], []
        found.on("request", lambda request: found.requests.append(request.url))
        found.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.on("console", lambda said: found.complaints.append(said.text) if said.type in ("error", "warning") else None)
        found.goto(f"file://{path}{hash}")
        if ready:
            found.wait_for_selector("html[data-ready]", state="attached")
        return found

    yield opened
    complaints = [complaint for found in pages for complaint in found.complaints]
    for context in contexts:
        context.close()
    assert not complaints
