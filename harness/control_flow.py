"""How a backend carries programs out: its operations, within control flow in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clinometer.backends import Backend
from clinometer.reference.program.control_flow import PythonControlFlow


class BackendControlFlow(PythonControlFlow):
    """Control flow in Python, around a backend's operations; a gradient within a program is the backend's."""

    def __init__(self, backend: Backend):
        super().__init__()
        self.backend = backend

    def gradient(self, f: Callable[[Any], Any], x: Any) -> Any:
        if hasattr(self.backend.xp, "gradient"):  # in the library's own words, as a script prints it
            return self.backend.xp.gradient(f, x)
        y, pullback = self.backend.vjp(f, x)
        return pullback(self.backend.asarray(np.ones_like(self.backend.to_numpy(y))))[0]
