"""What all commands share: bad input is answered with one sentence, never with a traceback."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

from clinometer.journal import vocabulary
from clinometer.journal.reader import BrokenJournal
from clinometer.journal.text import visible

Command = Callable[..., None]


def plain(command: Command) -> Command:
    """Answer bad input with one sentence on stderr and exit code 2."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except BrokenJournal as error:
            refuse(str(error))
        except BrokenPipeError:  # who reads has seen enough; click ends the process in silence
            raise
        except OSError as error:
            refuse(f"{error.filename or 'the output'}: {error.strerror or error}")

    return wrapped


def refuse(sentence: str) -> NoReturn:
    """Say what cannot be done, and end with exit code 2."""
    click.echo(f"clinometer: {visible(sentence)}", err=True)
    sys.exit(vocabulary.USAGE)


def print_json(rows: list[dict[str, Any]]) -> None:
    click.echo(json.dumps(rows, indent=2, default=str))
