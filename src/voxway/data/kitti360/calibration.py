"""KITTI-360's calibration: the constants that released code works with, or the dataset's own files where they are.

Frames: `cam` is the rectified left camera (x right, y down, z ahead), `velo` the LiDAR (x ahead, y left, z up).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from voxway.core.errors import InputError
from voxway.core.files import present, reading
from voxway.core.geometry_faults import intrinsics_fault, offset_fault, rotation_fault

_LEFT = np.array([[552.554261, 0, 682.049453, 0], [0, 552.554261, 238.769549, 0], [0, 0, 1, 0]])
_RIGHT = np.array([[552.554261, 0, 682.049453, -328.318735], [0, 552.554261, 238.769549, 0], [0, 0, 1, 0]])
_T_VELO_CAM = np.array(
    [
        [0.04307104361, -0.08829286498, 0.995162929, 0.8043914418],
        [-0.999004371, 0.007784614041, 0.04392796942, 0.2993489574],
        [-0.01162548558, -0.9960641394, -0.08786966659, -0.1770225824],
        [0, 0, 0, 1],
    ]
)
_REMEDY = "Fetch KITTI-360's calibration again, or remove the folder: constants serve without."


@dataclass(frozen=True)
class Calibration:
    """Where the pair is and what it sees.

    Attributes:
        projections: rectified left camera (metres) to homogeneous pixels of the left and the right picture.
        T_cam_velo: LiDAR to rectified left camera, metres.
    """

    projections: Float[np.ndarray, "2 3 4"]
    T_cam_velo: Float[np.ndarray, "4 4"]


def constants() -> Calibration:
    """What released code works with; the files of the dataset agree to the digits that they print."""
    return Calibration(np.stack([_LEFT, _RIGHT]), np.linalg.inv(_T_VELO_CAM))


def calibration_files(folder: Path) -> tuple[Path, ...]:
    """The files that a calibration is read from; none where constants serve."""
    files = (folder / "perspective.txt", folder / "calib_cam_to_velo.txt")
    return files if all(present(path) for path in files) else ()


def read_calibration(folder: Path | str) -> Calibration:
    """The calibration of a copy: from its files, or the constants where it has none.

    Raises:
        InputError: a file without a line or with other numbers than it must have, or matrices that cannot be.
    """
    files = calibration_files(Path(folder))
    if not files:
        return constants()
    perspective, to_velo = files
    rows = _rows(perspective)
    projections = [_numbers(perspective, rows, f"P_rect_{camera:02d}", 12).reshape(3, 4) for camera in (0, 1)]
    for camera, P in enumerate(projections):
        wrong = intrinsics_fault(P[:, :3]) or offset_fault(np.linalg.solve(P[:, :3], P[:, 3]))
        if wrong is not None:
            raise wrong.error(perspective, f"P_rect_{camera:02d}", _REMEDY)
    with reading(to_velo, _REMEDY):
        values = _parsed(to_velo, "camera to LiDAR", to_velo.read_text(errors="replace"), 12)
    T_velo_raw = np.vstack([values.reshape(3, 4), [0, 0, 0, 1]])
    R_rect = np.eye(4)
    if "R_rect_00" in rows:
        R_rect[:3, :3] = _numbers(perspective, rows, "R_rect_00", 9).reshape(3, 3)
    for name, rotation, path in (("R_rect_00", R_rect, perspective), ("camera to LiDAR", T_velo_raw, to_velo)):
        wrong = rotation_fault(rotation[:3, :3]) or offset_fault(rotation[:3, 3])
        if wrong is not None:
            raise wrong.error(path, name, _REMEDY)
    return Calibration(np.stack(projections), R_rect @ np.linalg.inv(T_velo_raw))


def _rows(path: Path) -> dict[str, str]:
    with reading(path, _REMEDY):
        lines = path.read_text(errors="replace").splitlines()
    return {name.strip(): values for name, colon, values in (line.partition(":") for line in lines) if colon}


def _numbers(path: Path, rows: dict[str, str], name: str, count: int) -> np.ndarray:
    if name not in rows:
        expected, found = f"a line '{name}: ' with {count} numbers", f"lines {sorted(rows)[:6]}"
        raise InputError(file=path, field=name, expected=expected, found=found, remedy=_REMEDY)
    return _parsed(path, name, rows[name], count)


def _parsed(path: Path, name: str, text: str, count: int) -> np.ndarray:
    try:
        values = np.array([float(word) for word in text.split()])
    except ValueError as error:
        raise InputError(file=path, field=name, expected=f"{count} numbers", found=error, remedy=_REMEDY) from None
    if len(values) != count or not np.isfinite(values).all():
        found = f"{len(values)} numbers" if len(values) != count else "a number that is not finite"
        raise InputError(file=path, field=name, expected=f"{count} finite numbers", found=found, remedy=_REMEDY)
    return values


def write_calibration(folder: Path, calibration: Calibration) -> dict[Path, bytes]:
    """Contents of the calibration's files, as KITTI-360 has them; the rectification is left out."""
    lines = [
        f"P_rect_{camera:02d}: {' '.join(f'{value:.12e}' for value in P.ravel())}\n"
        for camera, P in enumerate(calibration.projections)
    ]
    T_velo_cam = np.linalg.inv(calibration.T_cam_velo)[:3]
    return {
        folder / "perspective.txt": "".join(lines).encode(),
        folder / "calib_cam_to_velo.txt": (" ".join(f"{value:.12e}" for value in T_velo_cam.ravel()) + "\n").encode(),
    }
