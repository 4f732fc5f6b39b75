"""Hostile backends: real ones that misbehave, each in its way, and what a run makes of them."""
