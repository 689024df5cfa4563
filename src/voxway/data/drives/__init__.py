"""Drives of one's own rigs, with voxel labels: files, reader and checks."""

from voxway.data.entry import Dataset

DATASET = Dataset(
    benchmark="voxway.data.drives.benchmark:OWN",
    config="voxway.data.drives.config:DrivesConfig",
    check="voxway.data.drives.check:check_drives",
)
