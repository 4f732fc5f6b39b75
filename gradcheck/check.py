"""One's own function: a custom gradient, or a whole loss, held against finite differences of the function itself.

A drop-in where people write `torch.autograd.gradcheck`, on any backend:

    check_gradients(f, x, w)

Nothing is known of the function but its values, so the tolerances are what the differences themselves promise, and
what rounding is seen to do to the gradient close by. Where they promise too little nothing is decided, and said so.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from clinometer.backends import Backend, capabilities, support_of
from clinometer.gradcheck.examination import Inspection
from clinometer.gradcheck.function import GradientError, UserFunction, arguments, chosen
from clinometer.gradcheck.report import GradientReport, Row

__tracebackhide__ = True  # pytest shows the line of the user's


def check_gradients(
    f: Callable[..., Any],
    *args: Any,
    backend: str | Backend = "torch",
    order: int = 1,
    seed: int = 0,
    directions: int = 8,
    raise_exception: bool = True,
) -> GradientReport:
    """Check the gradients of a function of one's own.

    In float64: each gradient against adaptive finite differences of `f`, the linearity and the purity of the pullback,
    forward mode against reverse mode where `f` has both, and a second point.

    Parameters
    ----------
    f : callable
        From arrays of the backend to one, or to a tuple of them.
    args : array, nested list, float
        Of numpy or of the backend. Integers, and all that is no array, are constants; so are tensors that require no
        grad, if another one does. float32 is raised to float64: in fewer digits differences tell little.
    backend : str or Backend
        A known name, `module:attribute`, or `path/to/file.py:attribute`.
    order : int
        With 2 the gradient is differentiated as well, and held against differences of itself. Not so by default: many
        a custom gradient is meant to be differentiated once.
    seed : int
        Of cotangents and directions; it repeats a run.
    directions : int
        How many random ones, for an argument of more than 512 entries.
    raise_exception : bool
        Without it a report that is false is returned where a gradient is wrong, or a number undecided.

    Returns
    -------
    GradientReport

    Raises
    ------
    GradientError
        A gradient is wrong, or not every number could be decided at this point.
    ValueError, TypeError
        Bad arguments.
    """
    if order not in (1, 2):
        raise ValueError(f"order={order!r}: gradients are checked of order 1 or 2")
    if directions < 1:
        raise ValueError(f"directions={directions!r}: at least one is needed")
    library = _library(backend)
    with quiet():
        given = arguments(args, library)
    report = GradientReport(library.name)
    report.rows = [Row(a.name, a.constant) for a in given if a.constant]
    subject = UserFunction(f, given, library)
    _called(subject, args)
    cause = _inspected(subject, report, order, seed, directions)
    if report.message and raise_exception:
        raise GradientError(report.message, report.outcome) from cause  # from here: the way to it is none of the user's
    return report


def _library(backend: str | Backend) -> Backend:
    """Return the library that is to differentiate, which has to work in float64."""
    with quiet():
        library = chosen(backend)
    if "float64" not in support_of(library).dtypes:
        raise ValueError(f"{library.name} does not work in float64, without which finite differences tell little")
    return library


def _inspected(subject: UserFunction, report: GradientReport, order: int, seed: int, directions: int) -> BaseException | None:
    """Ask all that is asked of a function, fill its report, and return what the library has raised where that is wrong."""
    try:
        with np.errstate(all="ignore"), quiet():
            inspection = Inspection(subject, report, np.random.default_rng(seed), directions)
            inspection.run()
            _second_order(inspection, order, seed)
        _decided(report)
    except GradientError as error:
        report.outcome, report.message = error.outcome, str(error)
        return error.__cause__
    return None


def _decided(report: GradientReport) -> None:
    """Raise, unless every number was decided."""
    which = [what for row in report.rows for what in row.undecided]
    if which:
        more = f" and {len(which) - 3} more" if len(which) > 3 else ""
        text = f"cannot tell: finite differences decide {report.decided} of {report.numbers} numbers"
        text += f", but not the gradient of {', '.join(which[:3])}{more}"
        raise GradientError(f"{text}; f may be too noisy there, or not smooth: move the point", "cannot tell")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep from the user what a library says of its own age; what f says by itself was said when it was called."""
    with warnings.catch_warnings():
        for kind in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", kind)
        yield


def _called(subject: UserFunction, args: tuple[Any, ...]) -> None:
    """Call f once: what it raises is its user's, who may not know that float32 was raised."""
    try:
        subject.values(subject.xs)
    except Exception as error:
        if any("float32" in str(getattr(a, "dtype", "")) for a in args):
            error.add_note("check_gradients works in float64: make the parameters of f float64 too, as with module.double()")
        raise


def _second_order(inspection: Inspection, order: int, seed: int) -> None:
    subject, report = inspection.subject, inspection.report
    if order == 1:
        report.skipped.append("second order; order=2 asks for it")
    elif "nested" not in capabilities(subject.backend):
        report.skipped.append(f"second order: {subject.backend.name} does not differentiate a gradient")
    else:
        rng = np.random.default_rng([seed, 2])
        for k in inspection.live:
            ct = inspection.cotangent(np.sum(inspection.weights(k), axis=0), k)
            Inspection(subject.gradient(k, ct), report, rng, inspection.directions, "second order: ").run()


__all__ = ["GradientError", "GradientReport", "check_gradients"]
