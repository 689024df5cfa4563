"""KITTI odometry's text files: calibration, poses and times.

Frames: `velo` is the LiDAR (x forward, y left, z up), `cam` the left grey camera 0 (x right, y down, z forward).
Source: KITTI odometry development kit (calib.txt, times.txt) and SemanticKITTI (poses.txt).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from voxway.core.contents import contents
from voxway.core.errors import InputError
from voxway.core.faults import Fault
from voxway.core.files import write_bytes
from voxway.core.geometry_faults import drive_fault, intrinsics_fault, offset_fault, rotation_fault, times_fault


@dataclass(frozen=True)
class Calibration:
    """Where one sequence's colour cameras are and what they see.

    Attributes:
        P2: velodyne-rectified camera 0 (metres) to homogeneous pixels of the left colour camera.
        P3: the same for the right colour camera.
        T_cam_velo: velodyne to camera 0, metres (`Tr` of the file, padded to 4x4).
    """

    P2: Float[np.ndarray, "3 4"]
    P3: Float[np.ndarray, "3 4"]
    T_cam_velo: Float[np.ndarray, "4 4"]

    @property
    def baseline(self) -> float:
        """Distance between the colour cameras in metres, along the image rows; positive when 3 is right of 2."""
        centre_2, centre_3 = (np.linalg.solve(P[:, :3], P[:, 3]) for P in (self.P2, self.P3))
        return float(centre_2[0] - centre_3[0])

    def projection(self, camera: int) -> Float[np.ndarray, "3 4"]:
        """P of camera 2 or 3."""
        return {2: self.P2, 3: self.P3}[camera]


def read_calibration(path: Path | str) -> Calibration:
    """Read a sequence's calib.txt (P0, P1, P2, P3, Tr; only P2, P3 and Tr are used).

    Raises:
        InputError: the file or a line is missing or there twice, a number cannot be read, P2 or P3 are no projections
            of cameras on a car, or Tr is not a rigid transform from a LiDAR to a camera that look the same way.
    """
    rows = {}
    for line in _text(path, "KITTI odometry's data_odometry_calib.zip").splitlines():
        name, colon, values = (part.strip() for part in line.partition(":"))
        if colon and rows.setdefault(name, values) != values:
            raise _bad(path, name, "one line of that name", "two that differ", _CALIBRATION_REMEDY)
    P2, P3 = _matrix(path, rows, "P2"), _matrix(path, rows, "P3")
    T_cam_velo = np.vstack([_matrix(path, rows, "Tr"), [0, 0, 0, 1]])
    for name, P in (("P2", P2), ("P3", P3)):
        wrong = intrinsics_fault(P[:, :3]) or offset_fault(np.linalg.solve(P[:, :3], P[:, 3]))
        if wrong is not None:
            raise wrong.error(path, name, _CALIBRATION_REMEDY)
    wrong = rotation_fault(T_cam_velo[:3, :3]) or offset_fault(T_cam_velo[:3, 3]) or _ahead_fault(T_cam_velo)
    if wrong is not None:
        raise wrong.error(path, "Tr", _CALIBRATION_REMEDY)
    return Calibration(P2, P3, T_cam_velo)


def write_calibration(path: Path | str, calibration: Calibration) -> None:
    """Write a calib.txt in KITTI's layout; P0 is P2 without its offsets, P1 the same moved by the baseline."""
    P0 = calibration.P2.copy()
    P0[:, 3] = 0
    P1 = P0.copy()
    P1[0, 3] = -P0[0, 0] * calibration.baseline
    rows = {"P0": P0, "P1": P1, "P2": calibration.P2, "P3": calibration.P3, "Tr": calibration.T_cam_velo[:3]}
    lines = [f"{name}: {' '.join(f'{value:.12e}' for value in matrix.ravel())}\n" for name, matrix in rows.items()]
    write_bytes(path, "".join(lines).encode())


def read_poses(path: Path | str, T_cam_velo: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "n 4 4"]:
    """Read poses.txt as LiDAR poses `T_world_velo`, metres; the world is the first LiDAR frame.

    The file holds camera-0 poses P, so a LiDAR pose is ``inv(Tr) P Tr``.

    Raises:
        InputError: missing or empty file, a line without 12 finite numbers, a rotation that is not orthogonal, or
            poses that are not those of a car that drives ahead.
    """
    poses = []
    for number, line in _lines(path):
        values = _numbers(path, f"line {number}", line, 12)
        pose = np.vstack([values.reshape(3, 4), [0, 0, 0, 1]])
        if (wrong := rotation_fault(pose[:3, :3])) is not None:
            raise wrong.error(path, f"line {number}", "The matrix is damaged or of another layout; fetch it again.")
        poses.append(pose)
    T_world_velo = np.linalg.inv(T_cam_velo) @ np.stack(poses) @ T_cam_velo
    if (wrong := drive_fault(T_world_velo)) is not None:
        raise wrong.error(path, "poses", "Write the poses of camera 0 (x right, y down, z ahead), camera to world.")
    return T_world_velo


def write_poses(
    path: Path | str, T_world_velo: Float[np.ndarray, "n 4 4"], T_cam_velo: Float[np.ndarray, "4 4"]
) -> None:
    """Write LiDAR poses as a poses.txt of camera-0 poses."""
    poses = T_cam_velo @ T_world_velo @ np.linalg.inv(T_cam_velo)
    lines = [" ".join(f"{value:.12e}" for value in pose[:3].ravel()) + "\n" for pose in poses]
    write_bytes(path, "".join(lines).encode())


def read_times(path: Path | str) -> Float[np.ndarray, "n"]:
    """Read times.txt: seconds since the first scan.

    Raises:
        InputError: missing or empty file, a line without exactly one finite number, or times that run backwards or are
            not in seconds.
    """
    values = np.array([_numbers(path, f"line {number}", line, 1)[0] for number, line in _lines(path)])
    if (wrong := times_fault(values)) is not None:
        raise wrong.error(path, "times", "Write seconds since the first scan, a line for each.")
    return values


def write_times(path: Path | str, times: Float[np.ndarray, "n"]) -> None:
    """Write times.txt."""
    write_bytes(path, "".join(f"{time:.6e}\n" for time in times).encode())


_AHEAD = 0.9
"""Cosine of the greatest angle between the LiDAR's and the camera's axes."""
_CALIBRATION_REMEDY = (
    "Take calib.txt from KITTI odometry's data_odometry_calib.zip; the copies in some mini releases lack Tr."
)


def _text(path: Path | str, source: str) -> str:
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise _bad(path, "file", "present", "absent", f"It comes with {source}.") from None
    except OSError as error:  # a folder, a path below a file, or no permission
        raise _bad(path, "file", "a file", error.strerror, f"It comes with {source}.") from None
    if (kind := contents(data)) is not None:
        raise _bad(path, "contents", "text", kind.name, kind.remedy)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad(path, "contents", "text", error.reason, f"Fetch it again; it comes with {source}.") from None


def _lines(path: Path | str) -> list[tuple[int, str]]:
    """Lines that are not blank, with their numbers from 1."""
    text = _text(path, "the sequence's labels and odometry files")
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise _bad(path, "contents", "one line per scan", "an empty file", "Fetch the file again.")
    return lines


def _matrix(path: Path | str, rows: dict[str, str], name: str) -> np.ndarray:
    if name not in rows:
        raise _bad(path, name, f"a line '{name}: ' with 12 numbers", f"lines {sorted(rows)}", _CALIBRATION_REMEDY)
    return _numbers(path, name, rows[name], 12).reshape(3, 4)


def _numbers(path: Path | str, field: str, text: str, count: int) -> np.ndarray:
    expected = f"{count} finite number{'s' if count > 1 else ''}"
    words = text.split()
    try:
        values = np.array([float(word) for word in words])
    except ValueError as error:
        raise _bad(path, field, expected, error, "Fetch the file again.") from None
    if len(values) != count:
        raise _bad(path, field, expected, f"{len(values)} numbers", "Fetch the file again; a line is cut or joined.")
    if not np.isfinite(values).all():
        bad = words[int(np.flatnonzero(~np.isfinite(values))[0])]
        raise _bad(path, field, expected, bad, "Fetch the file again, or leave this frame out.")
    return values


def _ahead_fault(T_cam_velo: np.ndarray) -> Fault | None:
    """Whether the LiDAR's forward axis is not the camera's, or the camera does not stand upright."""
    ahead, upright = T_cam_velo[2, 0], -T_cam_velo[1, 2]
    if ahead >= _AHEAD and upright >= _AHEAD:
        return None
    expected = "the LiDAR's x ahead, y left, z up mapped to the x right, y down, z ahead of a camera that looks ahead"
    angle = np.rad2deg(np.arccos(np.clip(ahead, -1, 1)))
    hint = "; it may be inverted (camera to LiDAR)" if T_cam_velo[0, 2] >= _AHEAD else ""
    return Fault(expected, f"one that looks {angle:.0f} degrees aside{hint}")


def _bad(path: Path | str, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=remedy)
