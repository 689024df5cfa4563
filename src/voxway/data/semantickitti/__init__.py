"""SemanticKITTI scene completion: files, reader, checks and submissions."""

from voxway.data.entry import Dataset

DATASET = Dataset(
    benchmark="voxway.data.semantickitti.benchmark:SEMANTIC_KITTI",
    config="voxway.data.semantickitti.config:SemanticKITTIConfig",
    check="voxway.data.semantickitti.check:check_semantickitti",
    server="voxway.data.semantickitti.submission:FILES",
    class_table="voxway.data.semantickitti:pseudo_labels.json",
    drives="voxway.data.semantickitti.drive:open_drives",
    jobs={
        "truth": "voxway.data.semantickitti.voxel_files:prepare_truth",
        "targets": "voxway.data.semantickitti.voxel_files:prepare_targets",
    },
    street="voxway.data.semantickitti.street:STREET_NAMES",
)
