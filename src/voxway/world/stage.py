"""The street that a process works on, kept between jobs: building one takes as long as many frames."""

from __future__ import annotations

from functools import lru_cache

from voxway.world.scene import Caster
from voxway.world.street import Street, build_street


@lru_cache(maxsize=1)
def street_of(seed: int, name: str, frames: int, roadworks: bool = False) -> Street:
    """`build_street`, remembered."""
    return build_street(seed, name, frames, roadworks=roadworks)


@lru_cache(maxsize=1)
def stage_of(seed: int, name: str, frames: int, roadworks: bool = False) -> tuple[Street, Caster]:
    """The street and its static part, ready for rays."""
    street = street_of(seed, name, frames, roadworks)
    return street, Caster(street.static)
