"""MonoOcc's networks, published and small, for SemanticKITTI's task."""

from __future__ import annotations

from dataclasses import replace

from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.methods.monoocc.model import MonoOccConfig

CLASS_WEIGHTS = (
    0.446, 0.603, 0.852, 0.856, 0.747, 0.734, 0.801, 0.796, 0.818, 0.557,
    0.653, 0.568, 0.683, 0.560, 0.603, 0.530, 0.688, 0.574, 0.716, 0.786,
)  # fmt: skip
"""10 / ln(voxel count + 0.001), rounded to three digits, of the SemanticKITTI training set."""

MONOOCC_S = MonoOccConfig(task=SEMANTIC_KITTI.task, class_weights=CLASS_WEIGHTS)
"""The paper's student with ResNet-50."""
MONOOCC_L = replace(MONOOCC_S, backbone="internimage-xl", frozen_stages=-1)
"""The paper's student with InternImage-XL, all of which is trained."""

PUBLISHED = (MONOOCC_S, MONOOCC_L)
"""Networks whose checkpoints the authors gave out. A file says itself how many views it looks at."""

SMALL = replace(
    MONOOCC_S,
    coarsening=(4, 4, 4),
    plane=(128, 256),
    width=64,
    heads=4,
    points=2,
    hidden=128,
    seed_layers=2,
    completion_layers=2,
    image_layers=1,
    backbone="resnet18",
    reduction=8,
    norm="group",
    frozen_stages=-1,
    dropout=0.0,
    query_start="position",
)
"""MonoOcc for a laptop: working voxels of 0.8 m, half the width, no ImageNet weights."""
