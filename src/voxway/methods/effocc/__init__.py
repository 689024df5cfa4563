"""EFFOcc: fusion networks that learn from few labels and teach camera networks (arXiv 2406.07042); with FlashOcc."""

from voxway.methods.effocc.model import (
    EFFOCC_SMALL_CAMERA,
    EFFOCC_SMALL_FUSION,
    EFFOCC_SMALL_LIDAR,
    FLASHOCC_R50,
    FUSION_R18,
    FUSION_R50,
    FUSION_SWIN_B,
    LIDAR_ONLY,
    OPENOCCUPANCY_R18,
    STUDENT_R50,
    WAYMO_R18,
    EffOcc,
    EffOccConfig,
)

__all__ = [
    "EFFOCC_SMALL_CAMERA",
    "EFFOCC_SMALL_FUSION",
    "EFFOCC_SMALL_LIDAR",
    "FLASHOCC_R50",
    "FUSION_R18",
    "FUSION_R50",
    "FUSION_SWIN_B",
    "LIDAR_ONLY",
    "OPENOCCUPANCY_R18",
    "STUDENT_R50",
    "WAYMO_R18",
    "EffOcc",
    "EffOccConfig",
]
