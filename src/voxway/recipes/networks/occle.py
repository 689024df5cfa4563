"""OccLE's networks: our readings of the paper, and small ones. No network of the authors is known to us."""

from __future__ import annotations

from dataclasses import replace

from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.methods.occle import OccLEConfig
from voxway.methods.occle.fusion import FusionConfig
from voxway.methods.occle.geometry import GeometryConfig
from voxway.methods.occle.semantic import SemanticConfig
from voxway.methods.occle.supervision import Supervision
from voxway.methods.occle.unet2d import ImageConfig
from voxway.methods.occle.voxels import VoxelConfig
from voxway.recipes.networks import voxel_counts

EFFB7_IMAGE = ImageConfig(backbone="tf_efficientnet_b7", head=2560, base=2560)
"""The image encoder of most networks of this family."""
LITE_IMAGE = ImageConfig(
    backbone="tf_efficientnet_lite0",
    base=256,
    width=32,
    norm="frozen-statistics",
    weights="package",
    mean=(127.5, 127.5, 127.5),
    std=(127.5, 127.5, 127.5),
)
"""A small image encoder whose ImageNet weights an ordinary package carries."""

OCCLE_R50 = OccLEConfig(task=SEMANTIC_KITTI.task, supervision=Supervision(class_counts=voxel_counts.SEMANTIC_KITTI))
"""Our reading on SemanticKITTI, with ResNet-50. Class weights come from all labels here; recipes count theirs."""
OCCLE_EFFB7 = replace(OCCLE_R50, semantic=SemanticConfig(image=EFFB7_IMAGE))
"""The same with EfficientNet-B7."""
OCCLE_R50_OCC3D = replace(
    OCCLE_R50,
    task=OCC3D_NUSCENES.task,
    frames=1,
    full_intensity=255.0,
    lag="column",
    geometry=GeometryConfig(view="around"),
    supervision=Supervision(class_counts=tuple(map(float, voxel_counts.OCC3D_NUSCENES))),
)
"""Our reading on Occ3D-nuScenes: six cameras, and the sweeps of one frame, whose points have an age of their own."""

OCCLE_LITE = replace(
    OCCLE_R50,
    width=32,
    frames=1,
    semantic=SemanticConfig(image=LITE_IMAGE, voxels=VoxelConfig(widths=(16,)), widths=(16, 24, 32, 32), header=32),
    geometry=GeometryConfig(
        voxels=VoxelConfig(widths=(16,), max_points=5), widths=(16, 24, 32), groups=4, head_width=16, head_groups=4
    ),
    fusion=FusionConfig(tokens=64, inner=128, rounds=1),
    head_width=16,
    head_groups=4,
)
"""Half as wide, of one frame, with the small image encoder."""


def _small(forms: Supervision) -> Supervision:
    """Losses of a training of few steps, in which the prediction, too, hears of what LiDAR's rays hit and pass."""
    return replace(
        forms, lovasz=0.0, pixels="map", projection_mode="visible", predicted_evidence=0.5, predicted_labels=0.5
    )


SMALL = replace(
    OCCLE_LITE,
    coarsening=(4, 4, 4),
    width=24,
    semantic=SemanticConfig(
        image=ImageConfig(backbone="resnet18", base=128, width=24, norm="group"),
        voxels=VoxelConfig(widths=(16,)),
        widths=(16, 24, 32),
        header=24,
    ),
    geometry=GeometryConfig(
        voxels=VoxelConfig(widths=(16,), max_points=5), widths=(16, 16, 24), groups=4, head_width=24, head_groups=4
    ),
    fusion=FusionConfig(tokens=32, states=8, rounds=1, inner=64, rank=4, squeeze=8),
    head_width=24,
    branch_rate=1.0,
    encoder_rate=1.0,
    head_rate=5.0,
    class_prior=True,
    supervision=_small(OCCLE_R50.supervision),
)
"""OccLE for a laptop: working voxels of 0.8 m, narrow, no ImageNet weights. Lovász-softmax sorts every fine voxel once
for each class, which takes longer than all else together. Its few steps need the head's start and rate: on the
task of ``bench/occle_claims.py``, after 120 steps with all labels, nothing held out was called occupied without; with
both, IoU was 65 and mIoU 7.0."""
SMALL_OCC3D = replace(
    SMALL,
    task=OCC3D_NUSCENES.task,
    full_intensity=255.0,
    lag="column",
    coarsening=(4, 4, 4),
    geometry=replace(SMALL.geometry, view="around"),
    supervision=_small(OCCLE_R50_OCC3D.supervision),
)
"""The same for Occ3D-nuScenes."""
