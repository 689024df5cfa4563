"""The street that a process works on, kept between jobs: building one takes as long as many frames."""

from __future__ import annotations

from functools import lru_cache

from voxway.world.sensors.scene import Caster
from voxway.world.street.street import Street, build_street


@lru_cache(maxsize=1)
def cached_street(seed: int, name: str, frames: int, *, roadworks: bool) -> Street:
    """`build_street`, remembered for the arguments of the last call."""
    return build_street(seed, name, frames, roadworks=roadworks)


@lru_cache(maxsize=1)
def cached_street_and_caster(seed: int, name: str, frames: int, *, roadworks: bool) -> tuple[Street, Caster]:
    """The street, and its static part ready for rays."""
    street = cached_street(seed, name, frames, roadworks=roadworks)
    return street, Caster(street.static)
