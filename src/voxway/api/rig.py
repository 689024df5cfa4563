"""Rig: the cameras of a vehicle, as people have them: intrinsics, poses, picture sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import ArrayLike

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.geometry_faults import intrinsics_fault, offset_fault, rigid_fault, view_fault
from voxway.data.checks.pictures import check_principal_point

_VEHICLE_M = 20.0
"""A lorry's length: farthest that a camera stands from the ego frame's origin."""
_STEEPEST = 0.87
"""Sine of 60 degrees: how steeply a camera may look down at the road."""
_POSES = (
    "Give each camera's pose in the ego frame (x ahead, y left, z up): a rotation and a translation in metres that map "
    "camera coordinates (x right, y down, z ahead) to it."
)


@dataclass(frozen=True)
class Rig:
    """Pinhole cameras of one vehicle, in the order of their pictures.

    Raises:
        InputError: numbers of matrices differ, a matrix has another shape or is not finite, a focal length is not
            positive, or a pose is not that of an upright camera on a vehicle.
    """

    intrinsics: Float64[np.ndarray, "n 3 3"]
    """K of the pictures as recorded, pixels."""
    poses: Float64[np.ndarray, "n 4 4"]
    """`T_ego_cam`: camera (x right, y down, z ahead) to ego (x ahead, y left, z up), metres."""

    @classmethod
    def of(cls, intrinsics: ArrayLike, poses: ArrayLike) -> Rig:
        """A rig from one matrix of each kind, or from a sequence of them.

        Raises:
            InputError: see the class; the error names the camera.
        """
        K = _matrices("intrinsics", intrinsics, 3, "Give K in pixels: [[fx, 0, cx], [0, fy, cy], [0, 0, 1]].")
        T = _matrices("poses", poses, 4, _POSES)
        if len(K) != len(T):
            raise _bad("poses", f"{len(K)}, one for each camera's intrinsics", len(T), "Give both for every camera.")
        for number, (own, pose) in enumerate(zip(K, T)):
            if (wrong := intrinsics_fault(own)) is not None:
                raise wrong.error("rig", f"intrinsics[{number}]", "Give K in pixels, row by row.")
            wrong = rigid_fault(pose) or offset_fault(pose[:3, 3], _VEHICLE_M) or view_fault(pose, _STEEPEST)
            if wrong is not None:
                raise wrong.error("rig", f"poses[{number}]", _POSES)
        return cls(K, T)

    def __len__(self) -> int:
        return len(self.intrinsics)

    def cameras(self, sizes_px: Sequence[tuple[int, int]]) -> Cameras:
        """The cameras for pictures of these sizes (height, width).

        Raises:
            InputError: another number of pictures, or a picture of another size than its intrinsics are for.
        """
        if len(sizes_px) != len(self):
            remedy = "Give one picture for each camera, in the same order."
            raise _bad("images", f"{len(self)}, one for each camera", len(sizes_px), remedy)
        for number, (size, K) in enumerate(zip(sizes_px, self.intrinsics)):
            check_principal_point(f"image {number}", size, K)
        T_cam_ego = np.linalg.inv(self.poses)
        return Cameras.pinhole(torch.from_numpy(self.intrinsics), torch.from_numpy(T_cam_ego), torch.tensor(sizes_px))


def _matrices(name: str, given: ArrayLike, side: int, remedy: str) -> np.ndarray:
    try:
        matrices = np.array(given, np.float64)
    except (TypeError, ValueError) as error:
        raise _bad(name, f"matrices of {side} x {side} numbers", error, remedy) from None
    matrices = matrices[None] if matrices.ndim == 2 else matrices
    if matrices.ndim != 3 or matrices.shape[1:] != (side, side):
        raise _bad(name, f"(n, {side}, {side}), a matrix for each camera", matrices.shape, remedy)
    finite = np.isfinite(matrices).all((1, 2))
    if not finite.all():
        raise _bad(f"{name}[{int(np.flatnonzero(~finite)[0])}]", "finite numbers", "NaN or infinity", remedy)
    return matrices


def _bad(field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file="rig", field=field, expected=expected, found=found, remedy=remedy)
