"""Hypothesis: the first example of a run pays for warming up torch, so examples have no deadline."""

from hypothesis import settings

settings.register_profile("voxway", deadline=None)
settings.load_profile("voxway")
