"""The words of scripts: those of a library's dialect, or of the adapter for a library that has none.

Helpers stand in a script as they stand here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clinometer.backends import Backend
from clinometer.backends.dialect import Dialect
from clinometer.backends.protocol import Spoken
from clinometer.reference.program.printing import plainly

backend: Any = None  # in a script, what its first lines have loaded


def gradients(f: Any, ct: Any, *xs: Any) -> Any:
    """Return the gradient of each input."""
    _, pullback = backend.vjp(f, *xs)
    return [backend.to_numpy(g) for g in pullback(ct)]


def derivative_of(f: Any, x: Any) -> Any:
    """Return what `slope` does, also where a value that is traced has no number yet."""
    y, pullback = backend.vjp(f, x)
    return pullback(backend.xp.ones_like(y))[0]


def slope(f: Any, x: Any) -> Any:
    """Return the derivative of a function that gives a single number."""
    y, pullback = backend.vjp(f, x)
    return pullback(backend.asarray(np.ones_like(backend.to_numpy(y))))[0]


def inner(u: Any, v: Any) -> Any:
    """Return the inner product of two arrays, in double precision."""
    return sum(a * b for a, b in zip(flat(u), flat(v), strict=True))


def flat(x: Any) -> Any:
    """Return the entries of an array of numpy's or of the backend's."""
    return (x if isinstance(x, np.ndarray) else backend.to_numpy(x)).ravel().tolist()


NESTED = {
    "reverse": """\
def gradient(f, which, ct):
    return lambda *xs: backend.vjp(f, *xs)[1](ct)[which]
""",
    "forward": """\
def tangent(f, dxs):
    return lambda *xs: backend.jvp(f, xs, dxs)[1]
""",
}
TAPE = {
    "leaf": "{x} = backend.tape.leaf({x})",
    "backward": "backend.tape.backward({y}, {ct})",
    "retained": "backend.tape.backward({y}, {ct}, retain=True)",
    "gradient": "backend.tape.gradient({x})",
    "kept": "backend.to_numpy(backend.tape.gradient({x})).copy()",
    "zero": "backend.tape.zero({x})",
    "grad": "backend.tape.grad({y}, [{leaves}], {ct}, graph={graph})",
    "no_grad": "with backend.tape.no_grad():",
}
TRANSFORMS = {
    **{name: f"backend.{name}" for name in ("vmap", "jit", "cond", "while_loop", "scan")},
    "vjp": "backend.vjp({f}, {names})[1]({ct})",
    "jvp": "backend.jvp({f}, [{names}], [{tangents}])[1]",
}


@dataclass(frozen=True)
class Adapter(Dialect):
    """The adapter's words: what a script says to a library without a dialect."""

    gradient: str = "slope"  # of a function, within a program

    def spell(self, op: str, args: Sequence[str], params: Mapping[str, Any]) -> str:
        if op == "gradient":
            return f"{self.gradient}({', '.join(args)})"
        return f"backend.xp.{plainly(op, args, params)}"


ADAPTER = "backend."  # what no line in a library's own words says


def words_for(backend: Backend, *needs: str) -> Dialect:
    """Return the words of a library, if its dialect has all those fields that are needed; else those for its adapter."""
    dialect = backend.dialect if isinstance(backend, Spoken) else None
    if dialect is not None and all(getattr(dialect, need) for need in needs):
        return dialect
    return adapter(backend)


def adapter(backend: Backend, selection: str = "") -> Adapter:
    """Return the words for the adapter of a backend that was chosen so."""
    return Adapter(
        gradient="backend.xp.gradient" if hasattr(backend.xp, "gradient") else Adapter.gradient,
        imports=f"import numpy as np\n\nfrom clinometer.backends import load\n\nbackend = load({selection!r})",
        table={},
        array="backend.asarray(np.array({values}, dtype='{dtype}'))",
        empty="backend.asarray(np.zeros({shape}, dtype='{dtype}'))",
        constant="np.array({values}, dtype='{dtype}')",
        numpy="backend.to_numpy({x})",
        vjp="backend.vjp({f}, {names})",
        reverse="{got} = gradients({f}, {ct}, {names})[{which}]",
        forward="{got} = backend.to_numpy(backend.jvp({f}, [{names}], [{tangents}])[1])",
        value="{got} = backend.to_numpy({f}({names}))",
        beside={
            "reverse": "{got} = backend.to_numpy(backend.vjp({f}, {names})[0])",
            "forward": "{got} = backend.to_numpy(backend.jvp({f}, [{names}], [{tangents}])[0])",
        },
        nested=NESTED,
        helpers=(gradients, derivative_of, slope, flat, inner),
        tape=TAPE,
        transforms=TRANSFORMS,
    )
