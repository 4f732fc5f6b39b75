"""`clinometer backend`: which backends there are."""

from __future__ import annotations

import click

from clinometer.cli import console
from clinometer.cli.plain import plain


@click.group()
def backend() -> None:
    """List backends, begin an adapter, and see whether it is whole."""


@backend.command("list")
@plain
def listed() -> None:
    """List the backends that can be named."""
    from clinometer.backends import registry  # here: other commands need no backend

    console.pairs(registry.known().items())
