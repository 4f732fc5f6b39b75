"""The vocabulary that runs, journals and reports share: outcomes, levels, profiles and exit codes, each said once."""

from __future__ import annotations

from typing import Literal, get_args

Outcome = Literal["pass", "fail", "error", "crash", "timeout", "invalid", "inconclusive", "unsupported", "notrun"]
Level = Literal["MUST", "SHOULD", "INFO"]
Class = Literal["universal", "set-valued", "convention", "informational"]
Profile = Literal["quick", "standard", "deep"]

# From good to bad to unknown: the order in which legends and counts are read.
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
RAN = frozenset({"pass", "fail", "error", "crash", "timeout"})
WRONG = RAN - {"pass"}
FAILURES = WRONG | {"invalid"}  # for which a run ends with 1, unless they are known

LEVELS: tuple[Level, ...] = get_args(Level)
MUST, SHOULD, INFO = LEVELS
CLASSES: tuple[Class, ...] = get_args(Class)
UNIVERSAL, SET_VALUED, CONVENTION, INFORMATIONAL = CLASSES

PROFILES: tuple[Profile, ...] = get_args(Profile)  # from few examples to many
QUICK, STANDARD, DEEP = PROFILES

# Exit codes, of pytest with the plugin and of the console script.
EXPECTED, NEW_FAILURES, USAGE, INCOMPLETE = 0, 1, 2, 3
