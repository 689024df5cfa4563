"""Configurations of published networks and of their small siblings, each for its benchmark's task."""
