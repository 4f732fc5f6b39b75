"""The libraries under examination: a protocol, a registry, and a folder for each.

An adapter imports its library when it is made, not when this package is imported.
"""

from clinometer.backends.dialect import namespace
from clinometer.backends.protocol import Backend, Tape, capabilities
from clinometer.backends.registry import BackendProblem, known, load
from clinometer.backends.support import Absent, Refusal, Support, support_of

__all__ = [
    "Absent",
    "Backend",
    "BackendProblem",
    "Refusal",
    "Support",
    "Tape",
    "capabilities",
    "known",
    "load",
    "namespace",
    "support_of",
]
