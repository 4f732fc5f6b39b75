"""The console script `clinometer`: run, report, and ask what there is to know.

Exit codes: 0 as expected, 1 new failures, 2 usage, 3 incomplete.
"""

from __future__ import annotations

import click

from clinometer.cli.backend import backend
from clinometer.cli.campaign import campaign
from clinometer.cli.cases import explain, repro
from clinometer.cli.inspect import operations, spec
from clinometer.cli.journals import atlas, diff, report
from clinometer.cli.run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(package_name="clinometer", message="clinometer %(version)s")
def main() -> None:
    """Clinometer: are your derivatives right?"""


for command in (run, campaign, report, backend, spec, operations, atlas, diff, repro, explain):
    main.add_command(command)
