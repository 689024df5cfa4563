"""OccLE's networks: our readings of the paper, of two sizes, and small ones."""

from __future__ import annotations

from dataclasses import replace

from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.methods.occle import OccLEConfig
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
