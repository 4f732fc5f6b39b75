"""Products of arrays: what the rows of linear algebra mean by them."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.reference.arithmetic.dispatch import contract
from clinometer.reference.arithmetic.summation import LETTERS


def vecdot(x: Any, y: Any) -> Any:
    return np.sum(x * y, axis=-1)


def dot(x: Any, y: Any) -> Any:
    """np.dot: the last axis of x with the last but one of y."""
    return tensordot(x, y, 1 if len(y.shape) < 2 else ([-1], [-2]))


def inner(x: Any, y: Any) -> Any:
    return tensordot(x, y, ([-1], [-1]))


def tensordot(x: Any, y: Any, axes: Any) -> Any:
    """Contract the last `axes` axes of x with the first of y, or the axes that two lists pair."""
    nx, ny = len(x.shape), len(y.shape)
    left, right = (range(nx - axes, nx), range(axes)) if isinstance(axes, int) else axes
    lx, ly = list(LETTERS[:nx]), list(LETTERS[nx : nx + ny])
    for i, j in zip(left, right, strict=True):
        ly[j] = lx[i]
    out = [c for c in lx + ly if not (c in lx and c in ly)]
    return contract(x, y, labels=("".join(lx), "".join(ly)), out="".join(out))


def kron(x: Any, y: Any) -> Any:
    n = max(len(x.shape), len(y.shape))
    sx, sy = (1,) * (n - len(x.shape)) + x.shape, (1,) * (n - len(y.shape)) + y.shape
    lx, ly = LETTERS[:n], LETTERS[n : 2 * n]
    out = "".join(a + b for a, b in zip(lx, ly, strict=True))
    blocks = contract(np.reshape(x, sx), np.reshape(y, sy), labels=(lx, ly), out=out)
    return np.reshape(blocks, tuple(a * b for a, b in zip(sx, sy, strict=True)))


def cross(x: Any, y: Any, axis: int = -1) -> Any:
    a, b = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    around = ((1, 2), (2, 0), (0, 1))
    return np.moveaxis(np.stack([a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in around], axis=-1), -1, axis)


def einsum(subscripts: str, *operands: Any) -> Any:
    """np.einsum, with ellipses, letters that come twice in one operand, and no arrow."""
    left, arrow, out = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    extra = max((len(x.shape) - len(t) + 3 for t, x in zip(terms, operands, strict=True) if "..." in t), default=0)
    batch = "".join(c for c in LETTERS if c not in left)[:extra]
    if not arrow:
        letters = left.replace(",", "").replace(".", "")
        out = "..." * ("..." in left) + "".join(c for c in sorted(set(letters)) if letters.count(c) == 1)
    labels, arrays = [], []
    for term, x in zip(terms, operands, strict=True):
        lead = len(x.shape) - len(term) + 3
        label, x = without_repeats(term.replace("...", batch[extra - lead :] if lead else ""), x)
        labels.append(label)
        arrays.append(x)
    return contract(*arrays, labels=tuple(labels), out=out.replace("...", batch))


def without_repeats(label: str, x: Any) -> tuple[str, Any]:
    """Take the diagonal along axes of one letter, until each letter stands once."""
    for c in sorted(set(label)):
        while label.count(c) > 1:
            i, j = label.index(c), label.rindex(c)
            x = np.diagonal(x, axis1=i, axis2=j)
            label = label[:i] + label[i + 1 : j] + label[j + 1 :] + c
    return label, x


def trace(x: Any, offset: int = 0) -> Any:
    return np.sum(np.diagonal(x, offset=offset, axis1=-2, axis2=-1), axis=-1)
