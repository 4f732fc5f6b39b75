"""The number systems of the truth: numpy's functions rewritten onto primitives, replicas that round, and dual numbers."""
