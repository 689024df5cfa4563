"""Query proposal networks for SemanticKITTI's grid."""

from __future__ import annotations

from dataclasses import replace

from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.methods.qpn.model import QPNConfig

QPN_MONOOCC = QPNConfig(task=SEMANTIC_KITTI.task)
"""MonoOcc's, with heads at three scales."""
QPN_VOXFORMER = replace(QPN_MONOOCC, level_weights=(1.0,))
"""VoxFormer's, with the head at half resolution alone."""

PUBLISHED = (QPN_MONOOCC, QPN_VOXFORMER)
"""Networks whose checkpoints the authors gave out."""
