"""Depth from a rectified stereo pair by semi-global matching (OpenCV), the source that needs no trained network."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8

from voxway.core.errors import MissingExtra

LARGEST_DISPARITY_PX = 128
"""At KITTI's focal length and baseline, 3 m."""


def stereo_depth(
    left: UInt8[np.ndarray, "h w 3"], right: UInt8[np.ndarray, "h w 3"], focal_baseline: float
) -> Float32[np.ndarray, "h w"]:
    """Metres along the optical axis for every pixel of the left image; 0 where no match was found.

    Args:
        left: RGB.
        right: RGB, rectified to the same rows.
        focal_baseline: focal length (px) times baseline (m), as in ``-P3[0, 3] + P2[0, 3]`` of KITTI's calibration.

    Raises:
        MissingExtra: OpenCV is not installed.
    """
    try:
        import cv2
    except ImportError:
        raise MissingExtra("opencv-python-headless", "stereo", "depth from stereo pairs") from None
    matcher = cv2.StereoSGBM.create(
        minDisparity=0,
        numDisparities=LARGEST_DISPARITY_PX,
        blockSize=5,
        # Penalties of small and large disparity jumps as OpenCV recommends for three channels of 5 x 5 pixels.
        P1=8 * 3 * 5**2,
        P2=32 * 3 * 5**2,
        disp12MaxDiff=1,
        uniquenessRatio=10,
        speckleWindowSize=100,
        speckleRange=2,
        mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )
    # The matcher drops the leftmost disparities' worth of columns unless there is something to search there.
    border = ((0, 0), (LARGEST_DISPARITY_PX, 0), (0, 0))
    padded = [np.pad(image[..., ::-1], border, mode="edge") for image in (left, right)]
    disparity = matcher.compute(*padded)[:, LARGEST_DISPARITY_PX:].astype(np.float32) / 16
    return np.where(disparity > 0.5, focal_baseline / np.maximum(disparity, 0.5), 0).astype(np.float32)
