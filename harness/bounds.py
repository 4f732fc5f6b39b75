"""What a backend says is bounded where it becomes a record: nobody reads ten megabytes, and journals and pages hold many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from clinometer.reference.text import clipped

LONGEST = 5_000  # characters of a text
OTHERS: Mapping[str, int] = {"trace": 50_000, "script": 200_000, "program": 100_000, "answer": 1_000, "point": 500}
MANY = 10_000  # entries of a list

R = TypeVar("R", bound=msgspec.Struct)


def bounded(record: R) -> R:
    """Return a record whose texts are of a length that can be read; one that was longer says how much is left out."""
    fields = {name: _bounded(getattr(record, name), OTHERS.get(name, LONGEST)) for name in record.__struct_fields__}
    return msgspec.structs.replace(record, **fields)


def _bounded(value: Any, most: int) -> Any:
    match value:
        case str():
            return clipped(value, most)
        case msgspec.Struct():
            return bounded(value)
        case list():
            return [_bounded(item, most) for item in value[:MANY]]
        case dict():
            return {clipped(key, most): _bounded(item, most) for key, item in list(value.items())[:MANY]}
    return value
