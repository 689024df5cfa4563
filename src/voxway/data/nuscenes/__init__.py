"""nuScenes key frames with Occ3D's, OpenOccupancy's or SurroundOcc's voxels: files, readers, checks."""

from voxway.data.entry import Dataset

OCC3D = Dataset(
    benchmark="voxway.data.nuscenes.benchmark:OCC3D_NUSCENES",
    config="voxway.data.nuscenes.config:Occ3DNuScenesConfig",
    check="voxway.data.nuscenes.check:check_nuscenes",
    server="voxway.data.nuscenes.submission:OCC3D_FILES",
    class_table="voxway.data.nuscenes:pseudo_labels.json",
    street="voxway.data.nuscenes.street:STREET_NAMES",
    drives="voxway.data.nuscenes.drive:open_drives",
)
OPENOCCUPANCY = Dataset(
    benchmark="voxway.data.nuscenes.benchmark:OPENOCCUPANCY_NUSCENES",
    config="voxway.data.nuscenes.config:OpenOccupancyConfig",
    check="voxway.data.nuscenes.check:check_nuscenes",
    server="voxway.data.nuscenes.submission:OPENOCCUPANCY_FILES",
    class_table="voxway.data.nuscenes:pseudo_labels.json",
    drives="voxway.data.nuscenes.drive:OPENOCCUPANCY_DRIVES",
)
SURROUNDOCC = Dataset(
    benchmark="voxway.data.nuscenes.benchmark:SURROUNDOCC_NUSCENES",
    config="voxway.data.nuscenes.config:SurroundOccConfig",
    check="voxway.data.nuscenes.check:check_nuscenes",
    server="voxway.data.nuscenes.submission:SURROUNDOCC_FILES",
    class_table="voxway.data.nuscenes:pseudo_labels.json",
    drives="voxway.data.nuscenes.drive:SURROUNDOCC_DRIVES",
)
OPENOCC = Dataset(
    benchmark="voxway.data.nuscenes.benchmark:OPENOCC_NUSCENES",
    config="voxway.data.nuscenes.config:OpenOccConfig",
    check="voxway.data.nuscenes.check:check_nuscenes",
    server="voxway.data.nuscenes.submission:OPENOCC_FILES",
    class_table="voxway.data.nuscenes:pseudo_labels.json",
    street="voxway.data.nuscenes.street:OPENOCC_STREET_NAMES",
    drives="voxway.data.nuscenes.drive:OPENOCC_DRIVES",
)
