"""Random programs: drawn, rewritten, made small."""
