"""Benchmarks' data: a folder per dataset, and what they share: files, steps, prepared files, checks."""
