"""Waymo with Occ3D's voxels: files, reader, checks."""

from voxway.data.entry import Dataset

DATASET = Dataset(
    benchmark="voxway.data.waymo.benchmark:OCC3D_WAYMO",
    config="voxway.data.waymo.config:Occ3DWaymoConfig",
    check="voxway.data.waymo.check:check_occ3d_waymo",
    server="voxway.data.waymo.submission:FILES",
    street="voxway.data.waymo.street:STREET_NAMES",
)
