"""Checks that surround-view datasets share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64

from voxway.data.checks.report import Report

_AROUND_RAD = np.deg2rad(100)
"""Widest gap between the directions of neighbouring cameras that look all around."""
_REACH_M = 4.0


def check_cameras(
    report: Report, source: object, T_ego_cam: Mapping[str, Float64[np.ndarray, "4 4"]], around: bool = True
) -> None:
    """Note cameras that do not stand on a car and look level, all to different sides, and together all around it.

    Args:
        report: where to note it.
        source: the file, for findings.
        T_ego_cam: camera (x right, y down, z ahead) to ego (x ahead, y left, z up), by name.
        around: whether they should leave no gap.
    """
    remedy = "Check that calibrations map cameras to the car, and not the reverse, and belong to these cameras."
    directions = []
    for name, T in T_ego_cam.items():
        if abs(T[2, 2]) > 0.5 or T[2, 1] > -0.5:
            report.add("error", source, f"{name} does not look level and upright", remedy)
        if np.abs(T[:3, 3]).max() > _REACH_M:
            report.add("error", source, f"{name} stands {np.abs(T[:3, 3]).max():.1f} m off the car's origin", remedy)
        directions.append(np.arctan2(T[1, 2], T[0, 2]))
    turns = np.sort(directions)
    gaps = np.diff(np.append(turns, turns[0] + 2 * np.pi))
    if gaps.min() < np.deg2rad(5):
        report.add("error", source, "two cameras look the same way", remedy)
    if around and gaps.max() > _AROUND_RAD:
        what = f"no camera looks into a sector of {np.rad2deg(gaps.max()):.0f} degrees"
        report.add("error", source, what, remedy)
