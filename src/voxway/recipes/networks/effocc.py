"""EFFOcc's networks, published and small, for the tasks of three surround-view benchmarks."""

from __future__ import annotations

from dataclasses import replace

from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.methods.effocc.bev import ResidualConfig, SecondConfig
from voxway.methods.effocc.camera import CameraConfig
from voxway.methods.effocc.lidar import LidarConfig
from voxway.methods.effocc.model import EffOccConfig
from voxway.methods.effocc.supervision import Supervision
from voxway.methods.shared.class_weights import balanced_weights
from voxway.methods.shared.depth_bins import DepthBins
from voxway.recipes.networks import voxel_counts

OCC3D_NUSCENES_WEIGHTS = balanced_weights(voxel_counts.OCC3D_NUSCENES)
"""Class weights from the voxels of the training set; no published run uses them."""
OPENOCCUPANCY_WEIGHTS = balanced_weights(voxel_counts.OPENOCCUPANCY_NUSCENES)
"""Class weights of OpenOccupancy's cross-entropy, from the voxels of its training set."""
WAYMO_HARD_EXAMPLE_WEIGHTS = (
    21.9967298, 7.5044698, 10.5976300, 12.1810797, 15.1439403, 13.0355215, 9.8612343, 13.6443185, 15.1212364,
    21.9967298, 6.2016710, 5.7420518, 9.7687129, 3.4607401, 4.1522682, 1.0,
)  # fmt: skip
"""Published class weights of the loss with hard examples on Occ3D-Waymo."""

OCC3D_SUPERVISION = Supervision(masks=OCC3D_NUSCENES.masks)
"""Cross-entropy alone, as in every published run on Occ3D-nuScenes."""
OPENOCCUPANCY_SUPERVISION = Supervision(terms="four", class_weights=OPENOCCUPANCY_WEIGHTS)
"""All four losses."""
WAYMO_SUPERVISION = Supervision(
    terms="hard-examples", masks=OCC3D_WAYMO.masks, class_weights=WAYMO_HARD_EXAMPLE_WEIGHTS
)
"""Cross-entropy whose hardest fifth counts again."""

FUSION_R18 = EffOccConfig(task=OCC3D_NUSCENES.task, supervision=OCC3D_SUPERVISION)
"""The paper's fusion network and teacher."""
FUSION_R50 = replace(FUSION_R18, camera=CameraConfig(backbone="resnet50"))
"""The same with a larger image backbone."""
FUSION_SWIN_B = replace(
    FUSION_R18,
    camera=CameraConfig(backbone="swin-base", reductions=(16, 32), neck="concatenate", width=512, context=256),
)
"""The largest fusion network, for images of 512 x 1408."""
WAYMO_R18 = replace(FUSION_R18, task=OCC3D_WAYMO.task, supervision=WAYMO_SUPERVISION)
"""The fusion network on Occ3D-Waymo."""
WAYMO_LIDAR = replace(WAYMO_R18, camera=None, supervision=Supervision(masks=OCC3D_WAYMO.masks))
"""LiDAR alone on Occ3D-Waymo, which learnt from plain cross-entropy."""
OPENOCCUPANCY_R18 = replace(
    FUSION_R18,
    task=OPENOCCUPANCY_NUSCENES.task,
    camera=CameraConfig(depth_bins=DepthBins(end=60.0, step=1.0)),
    lidar=LidarConfig(cell=(0.025, 0.025, 0.2)),
    supervision=OPENOCCUPANCY_SUPERVISION,
)
"""The fusion network on OpenOccupancy."""
FLASHOCC_R50 = replace(
    FUSION_R18,
    camera=CameraConfig(backbone="resnet50", reductions=(16, 32), width=256, lidar_depth=False),
    lidar=None,
    second=None,
    residual=ResidualConfig(),
)
"""FlashOcc: cameras alone, the baseline."""
STUDENT_R50 = replace(FLASHOCC_R50, residual=ResidualConfig(channels=512))
"""The camera network that learns from the fusion network: its map has the teacher's channels."""

PUBLISHED = (
    FUSION_R18,
    FUSION_R50,
    FUSION_SWIN_B,
    WAYMO_R18,
    WAYMO_LIDAR,
    OPENOCCUPANCY_R18,
    FLASHOCC_R50,
    STUDENT_R50,
)
"""Networks whose checkpoints the authors have or could have given out."""

_SMALL_BINS = DepthBins(step=1.0)
SMALL_FUSION = replace(
    FUSION_R18,
    bev_factor=2,
    camera=CameraConfig(backbone="resnet10t", reductions=(8, 16), width=32, context=16, depth_bins=_SMALL_BINS),
    lidar=LidarConfig(cell=(0.4, 0.4, 0.4), widths=(16, 32)),
    fused=32,
    second=SecondConfig(widths=(32, 48), layers=1, level_channels=24),
    head_width=32,
)
"""A sibling that trains on a processor, for images of 64 x 176: 0.8 m cells, few channels, the full voxel grid."""
SMALL_CAMERA = replace(
    SMALL_FUSION,
    camera=CameraConfig(
        backbone="resnet10t",
        reductions=(8, 16),
        width=32,
        context=16,
        depth_bins=_SMALL_BINS,
        lidar_depth=False,
    ),
    lidar=None,
    second=None,
    residual=ResidualConfig(widths=(32, 48, 64), channels=48),
)
"""Its student: cameras alone, a map with as many channels."""
SMALL_LIDAR = replace(SMALL_FUSION, camera=None)
"""The same from LiDAR alone."""
