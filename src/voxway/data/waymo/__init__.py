"""Waymo with Occ3D's voxels: files, reader, checks."""

from voxway.data.waymo.reader import Occ3DWaymo, Occ3DWaymoConfig

__all__ = ["Occ3DWaymo", "Occ3DWaymoConfig"]
