"""Programs: pure functions as data, carried out, traced and printed."""
