"""The journal of a run: its vocabulary, its records, and how they are written and read."""
