"""SSCBench-KITTI-360."""

from voxway.data.entry import Dataset

DATASET = Dataset(benchmark="voxway.data.kitti360.benchmark:SSCBENCH_KITTI360")
