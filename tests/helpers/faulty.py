"""Backends with one fault each, for a run to meet; chosen as `faulty.py:NAME`."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from clinometer.backends.reference.adapter import Reference


class Steep(Reference):
    """Gradients are half as large again as they should be."""

    name = "steep"
    second_witness = False

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        return y, lambda ct: [1.5 * g for g in pullback(ct)]


class Backward(Steep):
    """Gradients point the other way."""

    name = "backward"

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        return y, lambda ct: [-g for g in pullback(ct)]


class Crashing(Reference):
    """One operation takes the process with it."""

    name = "crashing"

    def __init__(self) -> None:
        super().__init__()
        self.xp.exp = lambda x: os.kill(os.getpid(), signal.SIGKILL)


class Leaving(Reference):
    """One operation asks the interpreter to exit."""

    name = "leaving"

    def __init__(self) -> None:
        super().__init__()
        self.xp.exp = lambda x: sys.exit("no licence")


class Sparse(Reference):
    """One operation is not there, another one is not implemented."""

    name = "sparse"

    def __init__(self) -> None:
        super().__init__()
        del self.xp.sin
        self.xp.cos = self.missing

    def missing(self, x: Any) -> Any:
        raise NotImplementedError("no cosine on this device")


class WithoutPullback:
    """A member is missing."""

    name = "without_pullback"
    xp = Reference().xp

    def asarray(self, x: Any) -> Any:
        return x

    def to_numpy(self, x: Any) -> Any:
        return x
