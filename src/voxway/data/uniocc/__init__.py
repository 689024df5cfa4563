"""UniOcc: voxels of several datasets in one form, with their cameras: files, reader and check."""

from voxway.data.entry import Dataset

DATASET = Dataset(
    benchmark="voxway.data.uniocc.benchmark:UNIOCC",
    config="voxway.data.uniocc.config:UniOccConfig",
    check="voxway.data.uniocc.check:check_uniocc",
)
