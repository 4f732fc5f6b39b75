"""The picture of the report in docs: `python tests/screenshot.py JOURNAL...` takes docs/report.png anew.

    clinometer run torch autograd reference --profile quick
    python tests/screenshot.py clinometer-report/*.jsonl

It needs Debian's chromium, as the browser tests do.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from playwright.sync_api import sync_playwright

from clinometer.reports.html import page
from conftest import CHROMIUM, QUIET

OUTPUT = Path(__file__).parent.parent / "docs" / "report.png"
SIZE = {"width": 1180, "height": 1040}


@click.command()
@click.argument("journals", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--output", default=OUTPUT, type=click.Path(path_type=Path))
@click.option("--dark", is_flag=True)
def main(journals: tuple[Path, ...], output: Path, dark: bool) -> None:
    """Write the report of some journals, and take a picture of its first page."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = Path(folder) / "index.html"
        page.write(list(journals), report)
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        shown = browser.new_page(viewport=SIZE, color_scheme="dark" if dark else "light")  # type: ignore[arg-type]
        shown.goto(f"file://{report}")
        shown.wait_for_selector("html[data-ready]", state="attached")
        shown.screenshot(path=output)
        browser.close()


if __name__ == "__main__":
    main()
