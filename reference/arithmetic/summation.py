"""Einstein's sum of plain arrays, and the letters of its axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def einsum(labels: Sequence[str], out: str, *arrays: np.ndarray, **how: Any) -> np.ndarray:
    """np.einsum, but where there is nothing to sum: numpy 2.4 may then write past the end of an empty result."""
    if all(np.size(a) for a in arrays):
        return np.einsum(",".join(labels) + "->" + out, *arrays, **how)
    sizes: dict[str, int] = {}
    lead = []  # what an ellipsis stands for
    for label, a in zip(labels, arrays, strict=True):
        named = label.removeprefix("...")
        cut = np.ndim(a) - len(named)
        lead.append(np.shape(a)[:cut])
        sizes |= zip(named, np.shape(a)[cut:], strict=True)
    shape = (*np.broadcast_shapes(*lead), *(sizes[c] for c in out.removeprefix("...")))
    return np.zeros(shape, np.result_type(*arrays))


LETTERS = "abcdefghijklmnopqrstuvwxyz"
