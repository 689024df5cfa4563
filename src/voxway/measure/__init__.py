"""Made-up frames, operations, seconds and memory: what networks cost, without any data."""
