"""Plain numpy in the working precision, with a small tape: what a backend may look like."""
