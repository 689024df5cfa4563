"""The street that a process works on, kept between jobs: building one takes as long as many frames."""

from __future__ import annotations

from functools import lru_cache

from voxway.world.sensors.scene import Caster
from voxway.world.street.street import Street, build_street


def cached_street(seed: int, name: str, frames: int, *, roadworks: bool, shifted: bool = False) -> Street:
    """`build_street`, remembered for the arguments of the last call."""
    return _street(seed, name, frames, roadworks, shifted)


def cached_street_and_caster(
    seed: int, name: str, frames: int, *, roadworks: bool, shifted: bool = False
) -> tuple[Street, Caster]:
    """The street, and its static part ready for rays."""
    return _street_and_caster(seed, name, frames, roadworks, shifted)


@lru_cache(maxsize=1)
def _street(seed: int, name: str, frames: int, roadworks: bool, shifted: bool) -> Street:
    return build_street(seed, name, frames, roadworks=roadworks, shifted=shifted)


@lru_cache(maxsize=1)
def _street_and_caster(seed: int, name: str, frames: int, roadworks: bool, shifted: bool) -> tuple[Street, Caster]:
    street = _street(seed, name, frames, roadworks, shifted)
    return street, Caster(street.static)
