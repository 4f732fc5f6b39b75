"""HIPS autograd: transforms of functions on numpy arrays. No method catches an exception."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import numpy

from clinometer.backends.dialect import namespace
from clinometer.backends.support import Absent, Refusal, Support

# What a slice, an index or an older function says here, since autograd has no derivative of the function of the name.
INSTEAD = {
    "cumulative_sum": "np.cumulative_sum(x, axis=0)",
    "cumulative_prod": "np.cumulative_prod(x, axis=0)",
    "matrix_transpose": "np.matrix_transpose(x)",
    "flip": "np.flip(x)",
    "unstack": "np.stack(np.unstack(x))",
    "diagonal": "np.linalg.diagonal(x)",
    "take": "np.take(x, [0], axis=0)",
    "vecdot": "np.vecdot(x, x)",
    "eigvalsh": "np.linalg.eigvalsh(x)",
    "svdvals": "np.linalg.svdvals(x)",
    "matrix_norm": "np.linalg.matrix_norm(x)",
}
UNSUPPORTED = (
    Absent(
        ("det", "slogdet", "inv", "solve", "cholesky", "qr", "lstsq", "pinv", "eigh", "eigvalsh", "svd", "svdvals"),
        ("float16",),
        "LAPACK knows no half precision",
    ),
    Absent(
        ("sigmoid", "silu", "logit", "gelu", "erf", "erfc", "erfinv", "lgamma", "digamma", "i0", "i1"),
        ("float16",),
        "scipy's functions answer in a wider dtype",
    ),
    Absent(("rfft", "irfft", "fft", "ifft"), ("float16",), "numpy's Fourier transforms answer in a wider dtype"),
    Absent(("ndtr", "log_ndtr"), ("float16", "float32"), "scipy's distributions compute in float64"),
    Refusal("^AssertionError: Only constant mode padding is supported", "np.pad(x, 1, 'edge')"),
    Refusal("^AssertionError: Can't handle extra leading dims", "np.broadcast_to(x, (2, *x.shape))"),
    Refusal("^TypeError: array type float16 is unsupported in linalg", "np.linalg.norm(x.astype('float16'), 'nuc')"),
    Refusal(
        "^LinAlgError: [0-9]-dimensional array given. Array must be two-dimensional", "np.linalg.lstsq(x[None], x[None])[0]"
    ),
)


@contextmanager
def independence_is_no_news() -> Iterator[None]:
    """Silence the warning of an output that no input reaches; its gradient is zero, and a suite asks for that."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Output seems independent of input", UserWarning)
        yield


class Autograd:
    """Numpy arrays: reverse mode for all operations, forward mode for those that have a rule."""

    name = "autograd"
    support = Support(("float16", "float32", "float64", "complex64", "complex128"), nests=True, unsupported=UNSUPPORTED)

    def __init__(self) -> None:
        import autograd  # here, not above: a broken install must not stop the other backends
        from autograd.tracer import getval

        from clinometer.backends.autograd import helpers
        from clinometer.backends.autograd.scripts import DIALECT

        self._autograd, self._getval, self._vjp, self.dialect = autograd, getval, helpers.vjp, DIALECT
        self.xp = namespace(DIALECT.table)
        self.versions = {"autograd": metadata.version("autograd"), "numpy": numpy.__version__}

    def asarray(self, x: numpy.ndarray) -> Any:
        return numpy.array(x)

    def to_numpy(self, x: Any) -> numpy.ndarray:
        return numpy.asarray(self._getval(x))

    def vjp(self, f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Sequence[Any]]]:
        with independence_is_no_news():
            value, pullback = self._vjp(f, *primals)
        return value, pullback

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        with independence_is_no_news():
            return self._autograd.make_jvp(f, tuple(range(len(primals))))(*primals)(tuple(tangents))
