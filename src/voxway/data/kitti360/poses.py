"""KITTI-360's poses: a line for every frame that has one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from voxway.core.errors import InputError
from voxway.core.files import reading
from voxway.core.geometry_faults import rigid_fault

_REMEDY = "Fetch KITTI-360's poses (data_poses.zip) again."


def read_poses(path: Path | str, T_cam_velo: Float[np.ndarray, "4 4"]) -> dict[int, Float[np.ndarray, "4 4"]]:
    """Read cam0_to_world.txt as LiDAR poses `T_world_velo`, metres, by frame number.

    Raises:
        InputError: missing file, a line without a frame and 16 finite numbers, or a matrix that is not rigid.
    """
    with reading(path, _REMEDY):
        lines = Path(path).read_text(errors="replace").splitlines()
    poses = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        frame, pose = _parsed(path, number, line.split())
        if (wrong := rigid_fault(pose)) is not None:
            raise wrong.error(path, f"line {number}", _REMEDY)
        poses[frame] = pose @ T_cam_velo
    return poses


def _parsed(path: Path | str, number: int, words: list[str]) -> tuple[int, np.ndarray]:
    try:
        values = np.array([float(word) for word in words[1:]])
        frame = int(words[0])
    except ValueError as error:
        raise _bad(path, number, error) from None
    if len(values) != 16 or not np.isfinite(values).all():
        raise _bad(path, number, f"{len(words)} words")
    return frame, values.reshape(4, 4)


def _bad(path: Path | str, number: int, found: object) -> InputError:
    expected = "a frame number and 16 finite numbers"
    return InputError(file=path, field=f"line {number}", expected=expected, found=found, remedy=_REMEDY)


def poses_text(T_world_velo: Mapping[int, Float[np.ndarray, "4 4"]], T_cam_velo: Float[np.ndarray, "4 4"]) -> bytes:
    """LiDAR poses by frame number as a cam0_to_world.txt."""
    T_velo_cam = np.linalg.inv(T_cam_velo)
    rows = ((frame, (pose @ T_velo_cam).ravel()) for frame, pose in sorted(T_world_velo.items()))
    return "".join(f"{frame} {' '.join(f'{value:.12e}' for value in row)}\n" for frame, row in rows).encode()
