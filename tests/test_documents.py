"""What the documents show is true: their scripts run, and print what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FINDING = re.compile(
    r"^### (?P<title>.+?)$.*?^```python\n(?P<script>.*?)^```\n+```text\n(?P<output>.*?)^```$", re.MULTILINE | re.DOTALL
)
FINDINGS = [match.groupdict() for match in FINDING.finditer((ROOT / "docs/findings.md").read_text("utf-8"))]


def printed(script: str) -> str:
    """Return what a script prints in a fresh interpreter, and the last line of the exception that ends it."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
    return done.stdout + (done.stderr.strip().splitlines()[-1] if done.returncode else "")


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding["title"])
def test_a_finding_shows_what_it_says(finding: dict[str, str]) -> None:
    """The script of a finding runs without Clinometer and prints the output that stands beside it."""
    assert "clinometer" not in finding["script"]
    assert printed(finding["script"]).split() == finding["output"].split()


def test_every_finding_has_a_script_and_its_output() -> None:
    """Each heading of a finding is followed by a script and what it prints."""
    headings = re.findall(r"^### (.+)$", (ROOT / "docs/findings.md").read_text("utf-8"), re.MULTILINE)
    assert [finding["title"] for finding in FINDINGS] == headings


def test_the_script_of_the_readme_runs() -> None:
    """The script that README.md shows runs, and prints torch's zeros beside what is right."""
    readme = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert block is not None
    script = "\n".join(line.removeprefix("  ") for line in block.group(1).splitlines())
    output = printed(script)
    assert "-9.0" in output
