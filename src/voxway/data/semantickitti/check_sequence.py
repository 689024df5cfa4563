"""What all frames of a sequence share: are calibration, poses, times and labels of points in order?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from jaxtyping import Float

from voxway.core.errors import InputError
from voxway.data.checks.report import Report
from voxway.data.semantickitti.keys import parse_key
from voxway.data.semantickitti.layout import read_point_labels, read_times
from voxway.data.semantickitti.odometry import Calibration
from voxway.data.semantickitti.places import SequenceFiles, numbered
from voxway.data.semantickitti.sequence import calibration_of, poses_of

_FOCAL_PX = (650.0, 780.0)
_BASELINE_M = (0.50, 0.58)
_STEP_M = 5.0
"""Farthest that a car gets between two scans 0.1 s apart."""
_TURN_RAD = 0.35
_FROM_SEMANTIC_KITTI = "Fetch it again from semantic-kitti.org."
_FROM_KITTI = "Fetch it again from KITTI odometry."


def check_calibration(files: SequenceFiles, calibration: Calibration, report: Report) -> None:
    """Note numbers that no car of KITTI's has; `calibration` holds the cameras that a run reads."""
    for name, P in (("P2", calibration.P2), ("P3", calibration.P3)):
        if P is not None and not _FOCAL_PX[0] < P[0, 0] < _FOCAL_PX[1]:
            what = f"{name} has a focal length of {P[0, 0]:.0f} px; KITTI's lie between {_FOCAL_PX[0]:.0f} and "
            report.add(
                "warning", files.calibration, f"{what}{_FOCAL_PX[1]:.0f}", "Check that pictures were not resized."
            )
    baseline = None
    with suppress(InputError):  # a car of one camera
        baseline = calibration_of(files, (2, 3)).baseline
    if baseline is not None and not _BASELINE_M[0] < baseline < _BASELINE_M[1]:
        what = f"cameras 2 and 3 stand {baseline:.3f} m apart; KITTI's stand about 0.54 m apart"
        report.add("warning", files.calibration, what, _FROM_KITTI)
    if calibration.T_cam_velo[2, 0] < 0.9:
        what = "Tr does not turn the LiDAR's forward axis into the camera's; it may be inverted"
        report.add("error", files.calibration, what, _FROM_KITTI)


def check_drive(files: SequenceFiles, keys: Sequence[str], needed: bool, released: int | None, report: Report) -> None:
    """Note times and poses that cannot be.

    Args:
        files: of the sequence.
        keys: frames that a run reads.
        needed: whether it reads poses.
        released: scans of the released sequence, where this is one.
        report: where findings are noted.
    """
    if files.times.exists():
        try:
            if (np.diff(read_times(files.times)) <= 0).any():
                report.add("warning", files.times, "times do not increase", _FROM_KITTI)
        except InputError as error:
            report.add_error(error, "warning")  # no run reads it
    if not files.poses.exists():
        return  # where a run reads it, that was noted for its frames
    severity = "error" if needed else "warning"
    try:
        poses = poses_of(files)
    except InputError as error:
        report.add_error(error, severity)
        return
    if released is not None and len(poses) != released:
        report.add(severity, files.poses, f"{len(poses)} poses for {released} scans", _FROM_SEMANTIC_KITTI)
    beyond = [key for key in keys if parse_key(key)[1] >= len(poses)]
    if beyond:
        what = f"lines: {len(poses)} poses; {len(beyond)} of {len(keys)} frames have none, the first {beyond[0]}"
        report.add(severity, files.poses, what, "It needs a line per scan, from scan 0 on.")
    _check_motion(files, poses, report)


def _check_motion(files: SequenceFiles, poses: Float[np.ndarray, "n 4 4"], report: Report) -> None:
    motion = np.linalg.inv(poses[:-1]) @ poses[1:]
    distance = np.linalg.norm(motion[:, :3, 3], axis=1)
    turn = np.arccos(np.clip((np.trace(motion[:, :3, :3], axis1=1, axis2=2) - 1) / 2, -1, 1))
    jumps = np.flatnonzero((distance > _STEP_M) | (turn > _TURN_RAD))
    if len(jumps):
        first = int(jumps[0])
        what = f"{len(jumps)} jumps, the first by {distance[first]:.1f} m and {turn[first]:.2f} rad after scan {first}"
        report.add("warning", files.poses, what, "Check that poses belong to this sequence and none are left out.")


def check_point_labels(files: SequenceFiles, report: Report) -> None:
    """Note labels that are not of their scan's size, and holes: scans without labels between such that have some."""
    labelled = set(numbered(files.folder / "labels", ("label",)))
    for frame in sorted(labelled):
        scan, labels = files.scan(frame), files.point_labels(frame)
        if scan.exists() and 4 * labels.stat().st_size != scan.stat().st_size:
            try:
                read_point_labels(labels, scan.stat().st_size // 16)
            except InputError as error:
                report.add_error(error)
    dense = any(frame + 1 in labelled for frame in labelled)  # not where only every fifth scan has labels
    holes = [frame for frame in files.scans() if frame not in labelled] if dense else []
    if holes:
        what = f"file: expected present, found absent; {len(holes)} scans between labelled ones have no labels"
        remedy = "Complete the labels: `voxway prepare truth` reads those of all scans."
        report.add("error", files.point_labels(holes[0]), what, remedy)
