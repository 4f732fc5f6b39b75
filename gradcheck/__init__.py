"""One's own function: a custom gradient, or a whole loss, held against finite differences of the function itself."""

from clinometer.gradcheck.check import GradientError, GradientReport, check_gradients

__all__ = ["GradientError", "GradientReport", "check_gradients"]
