"""VLScene's networks, published and small."""

from __future__ import annotations

from dataclasses import replace

from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.methods.shared.class_weights import balanced_weights
from voxway.methods.shared.depth_bins import DepthBins
from voxway.methods.vlscene import VLSceneConfig
from voxway.recipes.networks import voxel_counts

CLASS_WEIGHTS = balanced_weights(voxel_counts.SEMANTIC_KITTI)

VLSCENE = VLSceneConfig(task=SEMANTIC_KITTI.task, class_weights=CLASS_WEIGHTS)
"""The paper's network on SemanticKITTI."""

KITTI360_WEIGHTS = (
    0.464, 0.595, 0.865, 0.871, 0.717, 0.657, 0.852, 0.541, 0.602, 0.567, 0.607, 0.540, 0.636, 0.513, 0.564, 0.701,
    0.774, 0.580, 0.690,
)  # fmt: skip
"""As the authors' later network for SSCBench-KITTI-360 has them."""
VLSCENE_KITTI360 = VLSceneConfig(task=SSCBENCH_KITTI360.task, class_weights=KITTI360_WEIGHTS, points=False)
"""The same on SSCBench-KITTI-360, which has no labelled points. Its configuration was not published; this is that of
the authors' later network."""

PUBLISHED = (VLSCENE,)
"""Networks whose checkpoints the authors gave out."""

SMALL = replace(
    VLSCENE,
    coarsening=(4, 4, 4),
    backbone="resnet18",
    reductions=(8, 16),
    norm="group",
    width=48,
    stereo_features=32,
    depth_bins=DepthBins(start=2.0, end=58.0, step=1.0),
    stereo_bins="intended",
    stereo_groups=8,
    dropout=0.0,
    propagation=5,
    sparse_widths=(24, 32, 48),
    head_width=32,
    gate="intended",
    points=False,
    guidance=None,
)
"""VLScene for a laptop: working voxels of 0.8 m, narrow, no ImageNet weights."""
SMALL_KITTI360 = replace(SMALL, task=SSCBENCH_KITTI360.task, class_weights=KITTI360_WEIGHTS)
"""The same for SSCBench-KITTI-360."""
