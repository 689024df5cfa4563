"""SSCBench-KITTI-360: files, reader and checks."""

from voxway.data.entry import Dataset

DATASET = Dataset(
    benchmark="voxway.data.kitti360.benchmark:SSCBENCH_KITTI360",
    config="voxway.data.kitti360.config:KITTI360Config",
    check="voxway.data.kitti360.check:check_kitti360",
    street="voxway.data.kitti360.street:STREET_NAMES",
)
