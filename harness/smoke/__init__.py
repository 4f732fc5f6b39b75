"""Whether an adapter does what its members promise: each asked once, in seconds."""
