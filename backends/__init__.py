"""The libraries under examination: a protocol, a registry, and one adapter a file.

An adapter imports its library when it is made, not when this package is imported.
"""

from clinometer.backends.protocol import Backend, Tape, capabilities, dtypes
from clinometer.backends.registry import BackendProblem, known, load

__all__ = ["Backend", "BackendProblem", "Tape", "capabilities", "dtypes", "known", "load"]
