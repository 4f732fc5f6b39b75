"""What asks a clause: cells, the check, evidence, and the plugin for pytest. Nothing is imported before it is wanted."""
