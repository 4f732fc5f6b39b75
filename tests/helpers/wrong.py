"""A backend that is wrong in several ways, for a run that writes evidence of each kind; chosen as `wrong.py:Wrong`."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.backends.reference.adapter import Reference


class Wrong(Reference):
    """The last entry of each gradient is half as large again as it should be, that of tanh's value too; clip raises."""

    name = "wrong"
    second_witness = False

    def __init__(self) -> None:
        super().__init__()
        tanh = self.xp.tanh
        self.xp.tanh = lambda x: 1.5 * tanh(x)
        self.xp.clip = self.failing

    def failing(self, *args: Any, **params: Any) -> Any:
        raise KeyError("no kernel for clip")

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        return y, lambda ct: [steeper(g) for g in pullback(ct)]


def steeper(g: Any) -> Any:
    """Return a gradient whose last entry is half as large again."""
    g = np.array(g)
    g[(-1,) * g.ndim] *= 1.5
    return g
