"""What the network is told of its cameras: a rectified pair, by KITTI's projections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError

VECTOR = 30
"""Numbers by which a camera is described."""
_REMEDY = "Give the left and the right picture of one rectified pair, in that order, with the calibration of each."


@dataclass(frozen=True, kw_only=True)
class StereoRig:
    """Pairs of cameras, the left one first, in the terms of the published code.

    Attributes:
        P: projections from the rectified frame (metres) to pixels of the pictures as recorded, float64.
        T_ego_rect: rectified frame to ego, float64.
        T_image: pixels as recorded to pixels that the network sees, float64.
        size_px: (height, width) of the pictures that the network sees.
    """

    P: Float[Tensor, "b 2 3 4"]
    T_ego_rect: Float[Tensor, "b 4 4"]
    T_image: Float[Tensor, "b 2 3 3"]
    size_px: tuple[int, int]

    @classmethod
    def of(cls, cameras: Cameras, T_rect_ego: Float[Tensor, "b 4 4"], keys: tuple[str, ...]) -> StereoRig:
        """The rig of cameras (b, 2) whose pictures are of one size.

        Args:
            cameras: left and right.
            T_rect_ego: ego to the rectified frame, in which both cameras only stand at another place.
            keys: frames, for errors.

        Raises:
            InputError: not two cameras, or no rectified pair with the left one first.
        """
        if cameras.count != 2:
            raise _wrong(keys, "cameras", "2, left and right", cameras.count)
        # Calibrations are printed with few digits: the transpose of a rotation is not its inverse to the last of them.
        T_ego_rect = torch.linalg.inv(T_rect_ego.to(cameras.T_cam_ego))
        inside = cameras.T_cam_ego @ T_ego_rect[:, None]
        turned = (inside[..., :3, :3] - torch.eye(3).to(inside)).abs().amax()
        if turned > 0.02:
            raise _wrong(keys, "T_cam_ego", "cameras turned alike, as rectified ones are", f"turned by {turned:.3f}")
        focal = cameras.K[..., 0, 0]
        if ((focal[:, 0] - focal[:, 1]).abs() > 0.01 * focal[:, 0]).any():
            raise _wrong(keys, "K", "one focal length, as rectified cameras have", focal.tolist())
        rig = cls(
            P=cameras.K @ inside[..., :3, :],
            T_ego_rect=T_ego_rect,
            T_image=cameras.T_image,
            size_px=(int(cameras.size_px[0, 0, 0]), int(cameras.size_px[0, 0, 1])),
        )
        if (rig.baseline <= 0).any():
            found = ", ".join(f"{metres:.2f} m" for metres in rig.baseline.tolist())
            raise _wrong(keys, "baseline", "the second camera to the right of the first", found)
        return rig

    @property
    def baseline(self) -> Float[Tensor, "b"]:
        """Metres from the left camera to the right one."""
        left, right = (self.P[:, side, 0, 3] / self.P[:, side, 0, 0] for side in (0, 1))
        return left - right

    @property
    def disparity(self) -> Float[Tensor, "b"]:
        """Pixels as recorded times metres: disparity times depth, from the left focal length and the baseline."""
        return self.P[:, 0, 0, 0] * self.baseline

    def steps(
        self, depths: Float[Tensor, "d"], reduction: int, form: Literal["released", "intended"]
    ) -> Float[Tensor, "b d"]:
        """Disparity of every depth bin in pixels of the features.

        The released code takes ``disparity / 4 / (k + 1)`` for bin k. With its features 8 pixels apart that is where
        depths of (k + 1) / 2 metres are: the step of its bins, but 1.5 m nearer, and the resize left out.

        Args:
            depths: metres of the bins, which count where they are meant to.
            reduction: pixels that the network sees per feature pixel.
            form: as released, or where the bins are.
        """
        if form == "released":
            return self.disparity[:, None] / 4 / torch.arange(1, len(depths) + 1).to(self.disparity)
        return (self.disparity * self.T_image[:, 0, 0, 0])[:, None] / (reduction * depths.to(self.disparity))

    def vector(self, side: int) -> Float[Tensor, "b v"]:
        """The numbers that describe the left (0) or the right (1) camera to the network, float32.

        Entries of the intrinsics with their fourth column, the change of pixels, an unused change of the ego frame (the
        identity), and the pose of the rectified frame, which is the same for both.
        """
        P, T_image = self.P[:, side], self.T_image[:, side]
        unmoved = P.new_tensor([1.0, 0.0, 0.0, 1.0, 1.0]).expand(len(P), 5)
        intrinsics = P[:, [0, 1, 0, 1, 0, 1, 2], [0, 1, 2, 2, 3, 3, 3]]
        change = T_image[:, [0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]]
        return torch.cat([intrinsics, change, unmoved, self.T_ego_rect[:, :3].flatten(1)], 1).float()

    def lift(self, template: Float[Tensor, "d h w 3"]) -> Float[Tensor, "b d h w 3"]:
        """Ego points (metres) of a frustum template in the left camera, in the precision of the template.

        The order of operations is the published one, as points on the borders of cells fall by their rounding.
        """
        P, T_image = self.P[:, 0].to(template), self.T_image[:, 0].to(template)
        undo = torch.linalg.inv(T_image[:, :2, :2])
        pixels = _apply(undo, template[..., :2] - T_image[:, None, None, None, :2, 2])
        depth = template[..., 2:].expand(*pixels.shape[:-1], 1)
        image = torch.cat([pixels * depth, depth], -1) - P[:, None, None, None, :, 3]
        T_ego_rect = self.T_ego_rect.to(template)
        back = T_ego_rect[:, :3, :3] @ torch.linalg.inv(P[:, :, :3])
        return _apply(back, image) + T_ego_rect[:, None, None, None, :3, 3]


def _apply(matrix: Float[Tensor, "b c c"], points: Float[Tensor, "b d h w c"]) -> Float[Tensor, "b d h w c"]:
    return (matrix[:, None, None, None] @ points[..., None])[..., 0]


def _wrong(keys: tuple[str, ...], field: str, expected: object, found: object) -> InputError:
    return InputError(file=f"batch {', '.join(keys)}", field=field, expected=expected, found=found, remedy=_REMEDY)
