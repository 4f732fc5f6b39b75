"""Backends by name: built in, from an entry point, or from a module or file of the user's."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from clinometer.backends.protocol import MEMBERS, Backend

GROUP = "clinometer.backends"

# name -> where it is, what it is. One line a backend; nothing is imported before it is chosen.
BUILT_IN = {
    "reference": ("clinometer.backends.reference.adapter:Reference", "plain numpy with a small tape; always there"),
    "torch": ("clinometer.backends.torch.adapter:Torch", "PyTorch: tape and forward mode"),
    "autograd": ("clinometer.backends.autograd.adapter:Autograd", "HIPS autograd: functional, on numpy"),
}


class BackendProblem(Exception):
    """A backend cannot be used; the message says which, why and what to do, in one line."""


def known() -> dict[str, str]:
    """Return the names that `load` knows without a path, each with one line about it."""
    found = {name: about for name, (_, about) in BUILT_IN.items()}
    for point in metadata.entry_points(group=GROUP):
        found.setdefault(point.name, f"from the entry point {point.value}")
    return found


def load(name: str) -> Backend:
    """Return the backend of a name, made and checked.

    Parameters
    ----------
    name : str
        A built-in name, an entry point of the group "clinometer.backends", `module:attribute`, or
        `path/to/file.py:attribute`. The attribute is a backend or a callable that makes one.

    Raises
    ------
    BackendProblem
        No such backend; its import or its making fails; or it lacks a member.
    """
    attribute = _find(name)
    try:
        backend = attribute() if callable(attribute) else attribute
    except Exception as error:  # whatever an adapter may raise, its user gets a sentence
        raise BackendProblem(f"backend {name!r} could not be made: {_in_one_line(error)}{_mend(name, error)}") from error
    missing = [member for member in MEMBERS if not hasattr(backend, member)]
    if missing:
        raise BackendProblem(
            f"backend {name!r} lacks {', '.join(map(repr, missing))}; a backend has the members {', '.join(MEMBERS)} "
            "(see docs/plugging-in-a-backend.md)"
        )
    return backend


def _find(name: str) -> Any:
    if name in BUILT_IN:
        return _attribute(name, *BUILT_IN[name][0].split(":"))
    for point in metadata.entry_points(group=GROUP):
        if point.name == name:
            return _attribute(name, *point.value.split(":"))
    where, colon, attribute = name.rpartition(":")
    if not colon:
        close = difflib.get_close_matches(name, known(), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise BackendProblem(
            f"there is no backend {name!r}; known are {', '.join(sorted(known()))}; "
            f"or give module:attribute or path/to/file.py:attribute.{hint}"
        )
    return _attribute(name, where, attribute)


def _attribute(name: str, where: str, attribute: str) -> Any:
    try:
        module = _from_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
    except FileNotFoundError:
        raise BackendProblem(f"backend {name!r}: there is no file {where}") from None
    except Exception as error:  # whatever an adapter may raise, its user gets a sentence
        raise BackendProblem(f"backend {name!r} could not be imported: {_in_one_line(error)}{_mend(name, error)}") from error
    if not hasattr(module, attribute):
        raise BackendProblem(f"backend {name!r}: {where} has no attribute {attribute!r}")
    return getattr(module, attribute)


def _from_file(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(path)
    name = f"clinometer_backend_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # a .py file has a spec and a loader
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look a class's module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _in_one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _mend(name: str, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and name in BUILT_IN:
        return f"; install it with: pip install 'clinometer[{name}]'"
    return ""
