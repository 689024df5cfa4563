"""SSCBench-KITTI-360."""
