"""A new adapter: a folder with what can be read off a library's namespace, and with what is left to write."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from clinometer.backends.matching import NOT_THERE, OF_ITS_OWN, Library, Line, library, lines
from clinometer.backends.registry import BackendProblem
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.catalogue.rows import Group

TEMPLATES = Path(__file__).parent / "templates"
FILES = {"adapter.py": "adapter.py.jinja", "operations.py": "operations.py.jinja", "test_adapter.py": "test_adapter.py.jinja"}

# How arrays are taken out, by what they have; the first that fits.
TO_NUMPY = {
    ("detach", "numpy"): "np.array(x.detach().numpy())",
    ("numpy",): "np.array(x.numpy())",
    ("to_numpy",): "np.array(x.to_numpy())",
    ("__array__",): "np.array(x)",
    ("data",): "np.array(x.data)",
}
TRANSFORMS = ("vjp", "jvp", "vmap", "jit")  # functions of functions that a library has under these names
MAKERS = ("tensor", "array", "asarray")  # functions that make arrays; else it is their class


def written(name: str, modules: Sequence[str], folder: Path) -> tuple[Path, list[Line]]:
    """Write the folder of a new adapter.

    Parameters
    ----------
    name : str
        Of the backend.
    modules : sequence of str
        Modules of the library in which its functions are looked up.
    folder : Path
        Where the files go.

    Returns
    -------
    Path, list of Line
        The file of the adapter, and what became of each operation.

    Raises
    ------
    BackendProblem
        The name is none, the library cannot be imported, or one of the files is there already.
    """
    import jinja2  # here: nothing else in this room needs it

    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise BackendProblem(f"{name!r} is no name of a backend: use letters, digits, - and _, a letter first")
    there = [file for file in (*FILES, "__init__.py") if (folder / file).exists()]
    if there:
        raise BackendProblem(
            f"{folder / there[0]} is there already, and nothing is overwritten; name another folder with --output"
        )
    found = library(modules)
    done = lines(found)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,  # noqa: S701  # Python, no page
    )  # fmt: skip
    known = _known(name, modules, found, done)
    folder.mkdir(parents=True, exist_ok=True)
    for file, template in FILES.items():
        _write(folder / file, environment.get_template(template).render(known))
    _write(folder / "__init__.py", f'"""An adapter of {modules[0]} for Clinometer."""\n')
    return folder / "adapter.py", done


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:  # of a full disk it does not name the file
        raise OSError(error.errno, error.strerror, str(path)) from error


def _known(name: str, modules: Sequence[str], found: Library, done: Sequence[Line]) -> dict[str, Any]:
    """Return what the templates are told."""
    groups = {group: [line for line in done if line.words and CATALOGUE[line.op].group is group] for group in Group}
    called = {space for space, _ in found.spaces if any(f"{space}." in line.words for line in done)}
    transforms, maker = _transforms(found), _maker(found)
    keeping = _keeping(found) if maker == found.array else ""
    return {
        "name": name,
        "class_name": class_name(name),
        "library": modules[0].partition(".")[0],
        "distribution": _distribution(modules[0]),
        "imports": _imports(
            {each.rpartition(".")[0] for each in (maker, found.array, *transforms.values()) if "." in each}, numpy=True
        ),
        "asarray": f"{maker}(np.array(x){keeping})" if maker else "np.array(x)",
        "leaf": _leaf(found),
        "to_numpy": next((text for names, text in TO_NUMPY.items() if found.attributes.issuperset(names)), "np.array(x)"),
        "transforms": transforms,
        "backward": "vjp" not in transforms and "backward" in found.attributes,
        "spaces": _imports(called, numpy=any("np." in line.words for line in done)),
        "groups": {group.value: members for group, members in groups.items() if members},
        "absent": textwrap.wrap(", ".join(line.op for line in done if line.why == NOT_THERE), 118),
        "own": textwrap.wrap(", ".join(line.op for line in done if line.why == OF_ITS_OWN), 118),
        "others": [line for line in done if line.why not in ("", NOT_THERE, OF_ITS_OWN)],
    }


def _imports(modules: Collection[str], *, numpy: bool) -> list[str]:
    """Return the lines that import modules, in order."""
    return [f"import {module}" for module in sorted([*modules, *(["numpy as np"] if numpy else [])])]


def _maker(found: Library) -> str:
    """Return what makes an array of numpy's; nothing, where numpy's serve."""
    own = {space: module for space, module in found.spaces if space in found.modules}
    names = [f"{space}.{name}" for name in MAKERS for space, module in own.items() if callable(getattr(module, name, None))]
    return next(iter(names), found.array)


def _leaf(found: Library) -> str:
    """Return a copy of a primal that asks for a gradient, as far as names show how."""
    if "requires_grad" in found.made_with:
        return f"{found.array}(self.to_numpy(x){_keeping(found)}, requires_grad=True)"
    return f"self.asarray(self.to_numpy(x)){'.requires_grad_()' * ('requires_grad_' in found.attributes)}"


def _keeping(found: Library) -> str:
    """Return what an array is given beside its values, so that it keeps their dtype."""
    dtype = found.made_with.get("dtype")
    return ", dtype=x.dtype" if dtype is not None and dtype.default is not None else ""


def class_name(name: str) -> str:
    """Return the name of a backend's class."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_]", name))


def _distribution(module: str) -> str:
    """Return the name under which a module was installed."""
    return next(iter(metadata.packages_distributions().get(module.partition(".")[0], [])), "")


def _transforms(found: Library) -> dict[str, str]:
    """Return those of `TRANSFORMS` that the library has, with how they are called."""
    own = [(space, module) for space, module in found.spaces if space in found.modules]
    pairs = [(name, space) for name in TRANSFORMS for space, module in own if callable(getattr(module, name, None))]
    return {name: f"{space}.{name}" for name, space in reversed(pairs)}
