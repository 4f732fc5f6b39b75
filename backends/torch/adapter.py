"""PyTorch: all that a suite may ask of it. No method catches an exception."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from clinometer.backends.dialect import namespace
from clinometer.backends.support import Absent, Refusal, Support

HALF = ("float16", "bfloat16")
UNSUPPORTED = (
    Absent(
        ("det", "slogdet", "inv", "solve", "lstsq", "cholesky", "qr", "eigh", "eigvalsh", "svd", "svdvals", "pinv"),
        HALF,
        "LAPACK knows no half precision",
    ),
    Absent(("rfft", "irfft", "fft", "ifft"), HALF, "the library of Fourier transforms knows no half precision"),
    Absent(("median",), HALF, "torch.quantile knows no half precision"),
    Absent(("cond",), ("forward",), "torch.cond has no forward mode"),
    Refusal(
        r"^RuntimeError: derivative for aten::\w+ is not implemented", "torch.autograd.grad(torch.heaviside(x, x).sum(), x)"
    ),
    Refusal("^RuntimeError: .*Low precision dtypes not supported", "torch.linalg.inv(x.half())"),
    Refusal(r"^RuntimeError: quantile\(\) input tensor must be non-empty", "torch.quantile(x[:0], 0.5)"),
    Refusal("^ValueError: step must be greater than zero", "x[::-1]"),
)
# What the table says in other words, since torch refuses these.
INSTEAD = {
    "sum": "torch.sum(x, initial=0.0)",
    "prod": "torch.prod(x, dim=(0, 1))",
    "max": "torch.amax(x, initial=0.0)",
    "min": "torch.amin(x, initial=0.0)",
    "count_nonzero": "torch.count_nonzero(x, dim=0, keepdim=True)",
    "dot": "torch.dot(x, x)",
    "trace": "torch.trace(x[None])",
    "flip": "torch.flip(x, None)",
    "pad": "torch.nn.functional.pad(x[0], (1, 1), mode='replicate')",
    "take": "torch.index_select(x, 0, torch.tensor([-1]))",
}

AUGMENTED = {"add": operator.iadd, "subtract": operator.isub, "multiply": operator.imul, "divide": operator.itruediv}


class ThreadState(threading.local):
    """How many derivatives are being taken around what is called, in this thread."""

    depth = functional = 0


class Tape:
    """Leaves, `backward` and `.grad`."""

    def leaf(self, x: Any) -> Any:
        return x.detach().clone().requires_grad_()

    def backward(self, y: Any, ct: Any | None = None, *, retain: bool = False) -> None:
        y.backward(ct, retain_graph=retain)

    def gradient(self, leaf: Any) -> Any | None:
        return leaf.grad

    def zero(self, leaf: Any) -> None:
        leaf.grad = None

    def grad(self, y: Any, leaves: Sequence[Any], ct: Any, *, graph: bool = False) -> Sequence[Any | None]:
        import torch

        return torch.autograd.grad(y, list(leaves), ct, retain_graph=True, create_graph=graph, allow_unused=True)

    def no_grad(self) -> AbstractContextManager[Any]:
        import torch

        return torch.no_grad()

    def update(self, op: str, x: Any, y: Any | None = None, *, key: Any = None) -> Any:
        from clinometer.backends.torch.helpers import indices

        key = indices(key)
        if op == "set":
            x[key] = y
        elif y is None:
            getattr(x, f"{op}_")()
        elif key is None:
            x = AUGMENTED[op](x, y)
        else:
            x[key] = AUGMENTED[op](x[key], y)
        return x


class Torch:
    """Tensors on the CPU: reverse mode by the tape, forward mode by `torch.func`."""

    name = "torch"
    support = Support((*HALF, "float32", "float64", "complex64", "complex128"), nests=True, unsupported=UNSUPPORTED)

    def __init__(self) -> None:
        import torch  # here, not above: a broken install must not stop the other backends

        from clinometer.backends.torch.scripts import DIALECT

        self._torch, self.dialect = torch, DIALECT
        self.xp = namespace(DIALECT.table)
        self.tape = Tape()
        self._around = ThreadState()
        self.versions = {"torch": torch.__version__}

    def asarray(self, x: np.ndarray) -> Any:
        if x.dtype.kind == "V":  # bfloat16, which is not one of numpy's own: handed over as bits
            return self._torch.from_numpy(np.array(x).view(np.int16)).view(self._torch.bfloat16)
        return self._torch.from_numpy(np.array(x))

    def to_numpy(self, x: Any) -> np.ndarray:
        if x.dtype is self._torch.bfloat16:
            return x.detach().view(self._torch.int16).numpy(force=True).view("bfloat16")  # as below
        return x.detach().numpy(force=True)  # a zero of forward mode has no memory otherwise

    def vjp(self, f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Sequence[Any]]]:
        if self._around.functional:  # inside jvp and vmap the tape does not see what torch.func does
            return self._torch.func.vjp(f, *primals)
        outer = self._around.depth > 0  # a derivative around this one wants the graph, and a leaf that is a node of it
        leaves = [x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in primals]
        with self._inside("depth"):
            y = f(*leaves)

        def pullback(ct: Any) -> Sequence[Any]:
            if not y.requires_grad:  # nothing of y depends on a leaf, and torch would raise
                return [self._torch.zeros_like(x) for x in primals]
            # An unused input would come back as None. The clauses say zero, so ask for zeros.
            grad = self._torch.autograd.grad
            return grad(y, leaves, ct, retain_graph=True, create_graph=self._around.depth > 0, materialize_grads=True)

        return (y if outer else y.detach()), pullback

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        with self._inside("functional"):
            return self._torch.func.jvp(f, tuple(primals), tuple(tangents))

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        def mapped(*xs: Any) -> Any:
            with self._inside("functional"):
                return self._torch.func.vmap(f)(*xs)

        return mapped

    def cond(self, test: Any, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
        return self._torch.cond(test, then, otherwise)

    @contextmanager
    def _inside(self, counter: str) -> Iterator[None]:
        """Count how many derivatives are being taken around what is called."""
        setattr(self._around, counter, getattr(self._around, counter) + 1)
        try:
            yield
        finally:
            setattr(self._around, counter, getattr(self._around, counter) - 1)
