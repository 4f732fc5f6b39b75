"""What must come out of a problem, with the tolerance of every number."""
