"""Lifted points without matrix inverses are those of the operator."""

from __future__ import annotations

import torch

from voxway.core.camera import Cameras
from voxway.measure.made_up import ring
from voxway.methods.shared.export.lifted_points import inverse_2x2, inverse_3x3, lifted_points
from voxway.ops.bev_pool import frustum, frustum_points


def test_inverses_by_hand():
    assert inverse_2x2(torch.tensor([[2.0, 1], [1, 1]])).tolist() == [[1, -1], [-1, 2]]
    assert inverse_3x3(torch.tensor([[2.0, 0, 4], [0, 4, 2], [0, 0, 1]])).tolist() == [
        [0.5, 0, -2],
        [0, 0.25, -0.5],
        [0, 0, 1],
    ]


def test_inverses_equal_the_library():
    matrices = torch.randn(5, 2, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(inverse_3x3(matrices), torch.linalg.inv(matrices))
    torch.testing.assert_close(inverse_2x2(matrices[..., :2, :2]), torch.linalg.inv(matrices[..., :2, :2]))


def test_points_equal_the_operator():
    """Also where images were scaled, cropped and turned, and where the ego frame is mirrored."""
    cameras = ring(3, (64, 176)).move_ego(torch.diag(torch.tensor([1.0, -1, 1, 1])))
    turn = torch.tensor([[0.44, -0.03, 5.0], [0.03, 0.44, -140], [0, 0, 1]])
    cameras = cameras.transform_image(turn, (64, 176))
    template = frustum((64, 176), (4, 11), torch.arange(1, 45, 0.5))
    given = (cameras.K.float(), cameras.T_cam_ego.float(), cameras.T_image.float())
    assert isinstance(cameras, Cameras)
    torch.testing.assert_close(lifted_points(*given, template), frustum_points(cameras, template), atol=2e-3, rtol=1e-5)
