"""Worlds of random rigs, as drives of one's own with voxel labels."""

from voxway.world.layouts.rigs.config import RigsWorldConfig, rigs_world

__all__ = ["RigsWorldConfig", "rigs_world"]
