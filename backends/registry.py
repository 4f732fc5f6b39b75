"""Backends by name: built in, from an entry point, or from a module or file of the user's."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import operator
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from clinometer.backends.protocol import Backend
from clinometer.backends.raised import in_one_line, is_a

GROUP = "clinometer.backends"

# name -> where it is, what it is. One line a backend; nothing is imported before it is chosen. A variant of a backend, such as
# another way to differentiate in one library, has a line of its own, `library:variant`, and often a method that makes it.
BUILT_IN = {
    "reference": ("clinometer.backends.reference.adapter:Reference", "plain numpy with a small tape; always there"),
    "torch": ("clinometer.backends.torch.adapter:Torch", "PyTorch: tape and forward mode"),
    "autograd": ("clinometer.backends.autograd.adapter:Autograd", "HIPS autograd: functional, on numpy"),
}


class BackendProblem(Exception):
    """A backend cannot be used; the message says which, why and what to do, in one line."""


def known() -> dict[str, str]:
    """Return the names that `load` knows without a path, variants too, each with one line about it."""
    found = {name: about for name, (_, about) in BUILT_IN.items()}
    for point in metadata.entry_points(group=GROUP):
        found.setdefault(point.name, f"from the entry point {point.value}")
    return found


def load(name: str) -> Backend:
    """Return the backend of a name, made and checked.

    Parameters
    ----------
    name : str
        A built-in name, or an entry point of the group "clinometer.backends", either with its variant if it has one, as
        `torch:func`; `module:attribute`; or `path/to/file.py:attribute`. The attribute is a backend or a callable that
        makes one, and may be that of a class: `module:Class.made`. What a known name begins is never a module.

    Raises
    ------
    BackendProblem
        No such backend; its import or its making fails; or a member is not there, or is not what it must be. Its cause is
        what was raised: of a KeyboardInterrupt only who listens for signals can tell whether one has sent it.
    """
    attribute = _find(name)
    try:
        backend: Backend = attribute() if callable(attribute) else attribute
    except BaseException as error:  # whatever an adapter may raise, its user gets a sentence
        raise BackendProblem(f"backend {name!r} could not be made: {in_one_line(error)}{_mend(name, error)}") from error
    from clinometer.backends.members import Unfit, examine_members  # here: they know the catalogue, and a list needs no such

    try:
        examine_members(backend)
    except Unfit as unfit:
        raise BackendProblem(f"backend {name!r}: {unfit}") from unfit.__cause__
    return backend


def _find(name: str) -> Any:
    if name in BUILT_IN:
        return _attribute(name, *BUILT_IN[name][0].split(":"))
    for point in metadata.entry_points(group=GROUP):
        if point.name == name:
            where, _, attribute = point.value.partition("[")[0].strip().partition(":")  # extras may follow, in brackets
            if not where or not attribute:
                raise BackendProblem(f"backend {name!r}: its entry point is {point.value!r}, where module:attribute is due")
            return _attribute(name, where.strip(), attribute.strip())
    library, colon, variant = name.partition(":")
    if colon and library in known():
        own = [each for each in sorted(known()) if each.startswith(f"{library}:")]
        raise BackendProblem(
            f"backend {library!r} has no variant {variant!r}; it has {', '.join(own) if own else 'none'}; "
            f"a module {library!r} of yours is named by its file: path/to/{library}.py:{variant}.{_near(name)}"
        )
    where, colon, attribute = name.rpartition(":")
    if not colon:
        raise BackendProblem(
            f"there is no backend {name!r}; known are {', '.join(sorted(known()))}; "
            f"or give module:attribute or path/to/file.py:attribute.{_near(name)}"
        )
    return _attribute(name, where, attribute)


def _near(name: str) -> str:
    """Return the question whether the known name that is closest was meant, if one is close."""
    close = difflib.get_close_matches(name, known(), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _attribute(name: str, where: str, attribute: str) -> Any:
    in_file = where.endswith(".py")
    if in_file and not _is_file(where):
        raise BackendProblem(f"backend {name!r}: there is no file {where}")
    try:
        module = _from_file(Path(where)) if in_file else importlib.import_module(where)
    except BaseException as error:  # whatever an adapter may raise, its user gets a sentence
        absent = is_a(error, ModuleNotFoundError) and getattr(error, "name", "") == where.partition(".")[0]
        hint = f".{_near(name)}" if absent and _near(name) else _mend(name, error)
        raise BackendProblem(f"backend {name!r} could not be imported: {in_one_line(error)}{hint}") from error
    try:
        return operator.attrgetter(attribute)(module)
    except AttributeError:
        close = difflib.get_close_matches(attribute, vars(module), n=1)
        hint = f". Did you mean {close[0]!r}?" if close else ""
        raise BackendProblem(f"backend {name!r}: {where} has no attribute {attribute!r}{hint}") from None
    except BaseException as error:  # of a module that answers for itself
        raise BackendProblem(f"backend {name!r}: to look at {attribute!r} in {where} raises {in_one_line(error)}") from error


def _is_file(where: str) -> bool:
    try:
        return Path(where).is_file()
    except (OSError, ValueError):  # a name that no system takes
        return False


def _from_file(path: Path) -> Any:
    # A name for this file alone, and of a package, so that `from .operations import OPERATIONS` finds what lies beside it.
    digest = hashlib.blake2b(str(path.resolve()).encode(), digest_size=4).hexdigest()
    name, beside = f"clinometer_backend_{path.stem}_{digest}", [str(path.parent.resolve())]
    for old in [each for each in sys.modules if each.startswith(f"{name}.")]:
        del sys.modules[old]  # as the file itself, they are read anew
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=beside)
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


def _mend(name: str, error: BaseException) -> str:
    if is_a(error, ModuleNotFoundError) and name in BUILT_IN:
        return f"; install it with: pip install 'clinometer[{name.partition(':')[0]}]'"
    return ""
