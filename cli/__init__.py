"""The console script `clinometer`."""
