"""What a VLScene graph is told of its cameras: computed inside the file, or constant."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from voxway.core.calibration import Calibration
from voxway.methods.shared.export.lifted_points import inverse_3x3, lifted_points
from voxway.methods.vlscene.export.stereo import shares_of_shifts
from voxway.methods.vlscene.model import VLScene
from voxway.methods.vlscene.rig import StereoRig
from voxway.ops.bev_pool import frustum, volume_cells


class RigTensors(NamedTuple):
    """What depends on calibration.

    Attributes:
        left: numbers that describe the left camera.
        right: numbers that describe the right one.
        shares: what every depth bin takes of every shift of the right features.
        cells: working voxel of every depth bin of every pixel; None where a table knows.
    """

    left: Float[Tensor, "1 v"]
    right: Float[Tensor, "1 v"]
    shares: Float[Tensor, "d s"]
    cells: Int[Tensor, "1 1 d h w"] | None


def complete(fixed: Calibration) -> Calibration:
    """The calibration with a rectified frame: the left camera's own where none is known."""
    return fixed if fixed.T_rect_ego is not None else replace(fixed, T_rect_ego=fixed.cameras.T_cam_ego[:, 0])


class FixedRig(nn.Module):
    """What depends on calibration, as constants. Shifts that no bin looks at are left out."""

    left: Tensor
    right: Tensor
    shares: Tensor

    def __init__(self, network: VLScene, rig: StereoRig, width: int) -> None:
        super().__init__()
        config = network.config
        steps = rig.steps(config.depth_bins.depths(), config.reductions[0], config.stereo_bins)[0]
        shares = shares_of_shifts(steps, all_shifts(network, width))
        self.shifts = shares.any(0).nonzero()[:, 0].tolist()
        self.register_buffer("left", rig.vector(0), persistent=False)
        self.register_buffer("right", rig.vector(1), persistent=False)
        self.register_buffer("shares", shares[:, self.shifts].float(), persistent=False)

    def forward(self) -> RigTensors:
        """The constants."""
        return RigTensors(self.left, self.right, self.shares, None)


class FreeRig(nn.Module):
    """What depends on calibration, from inputs of the file, by sums and products alone."""

    depths: Tensor

    def __init__(self, network: VLScene, size_px: tuple[int, int], size: tuple[int, int]) -> None:
        super().__init__()
        self.config, self.size_px, self.size = network.config, size_px, size
        self.shifts = all_shifts(network, size[1])
        self.register_buffer("depths", network.config.depth_bins.depths(), persistent=False)

    def forward(
        self,
        K: Float[Tensor, "1 2 3 3"],
        T_cam_ego: Float[Tensor, "1 2 4 4"],
        T_image: Float[Tensor, "1 2 3 3"],
        T_rect_ego: Float[Tensor, "1 4 4"],
    ) -> RigTensors:
        """From what `voxway.core.camera.Cameras` holds of both cameras, and the rectified frame."""
        turn = inverse_3x3(T_rect_ego[:, :3, :3])
        upper = torch.cat([turn, -(turn @ T_rect_ego[:, :3, 3:])], -1)
        T_ego_rect = torch.cat([upper, T_rect_ego[:, 3:]], 1)
        P = K @ (T_cam_ego @ T_ego_rect[:, None])[:, :, :3]
        rig = StereoRig(P=P, T_ego_rect=T_ego_rect, T_image=T_image, size_px=self.size_px)
        steps = rig.steps(self.depths, self.config.reductions[0], self.config.stereo_bins)[0]
        template = frustum(self.size_px, self.size, self.depths)
        points = lifted_points(K[:, :1], T_cam_ego[:, :1], T_image[:, :1], template)
        cells = volume_cells(points, self.config.working_grid)
        return RigTensors(rig.vector(0), rig.vector(1), shares_of_shifts(steps, self.shifts), cells)


def all_shifts(network: VLScene, width: int) -> list[int]:
    """Shifts in pixels at which features `width` wide are compared at all."""
    return list(range(min(network.config.depth_bins.count, width)))
