"""Waymo with Occ3D's voxels: files, reader, checks."""
