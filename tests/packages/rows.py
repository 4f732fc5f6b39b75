"""What a row of the tables is made of: arguments, and functions that are named by a dotted path.

A row is a function that imports what it needs and returns the function to examine; then for each argument a shape, of
which numbers are drawn from the normal distribution, or a function that makes it.
"""

from __future__ import annotations

import importlib
from typing import Any

import torch

Row = tuple[Any, ...]


def unit(*shape: int) -> Any:
    """Numbers between 0.1 and 0.9."""
    return lambda: 0.1 + 0.8 * torch.rand(shape)


def positive(*shape: int) -> Any:
    """Numbers between 0.5 and 2.5."""
    return lambda: 0.5 + 2 * torch.rand(shape)


def small(*shape: int, scale: float = 0.3) -> Any:
    """Numbers of a smaller normal distribution."""
    return lambda: scale * torch.randn(shape)


def rotation() -> Any:
    """Three orthonormal matrices of determinant one."""
    q, _ = torch.linalg.qr(torch.randn(3, 3, 3))
    return q * torch.linalg.det(q)[:, None, None]


def found(path: str) -> Any:
    """Return what a dotted path names."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError:
        return getattr(found(module), name)


def call(path: str, *rest: Any, **how: Any) -> Any:
    """Return a row's function: that of a path, with some arguments fixed."""
    return lambda: (lambda g: lambda *xs: g(*xs, *rest, **how))(found(path))


def method(path: str, *made: Any, then: str = "__call__", **how: Any) -> Any:
    """Return a row's function: a method of an object of the class that a path names."""

    def make() -> Any:
        thing = found(path)(*made, **how)
        return getattr(thing.double() if isinstance(thing, torch.nn.Module) else thing, then)

    return make
