"""SSCBench-KITTI-360."""

from voxway.data.entry import Dataset

DATASETS = {"sscbench-kitti360": Dataset(benchmark="voxway.data.kitti360.benchmark:SSCBENCH_KITTI360")}
