"""Points drawn into pictures: by hand, against the slow twin, and the published rule beside the exact one."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from tests.oracles import draw as oracle
from voxway.core.camera import Cameras
from voxway.ops.draw import Border, draw_depth, draw_depth_published, draw_values, nearest_points

FORWARD = torch.tensor([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]).double()


def cameras(*sizes_px: tuple[int, int]) -> Cameras:
    count = len(sizes_px)
    K = torch.tensor([[10.0, 0, 8], [0, 10, 4], [0, 0, 1]]).expand(count, 3, 3)
    return Cameras.pinhole(K, FORWARD.expand(count, 4, 4), torch.tensor(sizes_px))


def cloud(seed: int, count: int = 400) -> torch.Tensor:
    """Points all around, many of them twice."""
    points = 12 * torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    return torch.cat([points, points[: count // 2]])


def test_points_land_on_their_pixels_and_the_nearest_wins() -> None:
    points = torch.tensor([[10.0, 0, 0], [5.0, 0, 0], [20.0, 0, 0], [10.0, 2.0, 1.0], [-5.0, 0, 0], [1.0, 50.0, 0]])
    values = torch.tensor([1, 2, 3, 4, 5, 6]).to(torch.uint8)
    expected = torch.full((1, 9, 17), 255, dtype=torch.uint8)
    expected[0, 4, 8], expected[0, 3, 6] = 2, 4
    assert torch.equal(draw_values(points, values, cameras((9, 17)), 255), expected)
    depth = draw_depth(points, cameras((9, 17)))
    assert depth[0, 4, 8] == 5
    assert depth[0, 3, 6] == 10
    assert depth.count_nonzero() == 2


def test_a_smaller_picture_stands_in_the_top_left_corner() -> None:
    points = torch.tensor([[10.0, 0, 0], [10.0, -7.4, -3.4]])
    picture = draw_values(points, torch.tensor([1, 2]), cameras((9, 17), (6, 10)), 0)
    assert picture.shape == (2, 9, 17)
    assert picture[0, 7, 15] == 2
    assert picture[1].sum() == 1
    assert draw_depth(points, cameras((9, 17), (6, 10))).shape == (2, 9, 17)


def test_borders_differ_by_half_a_pixel() -> None:
    """Columns -0.4, 0.4, 16.4 and 16.7 of 17, all in row 4 (one picture's u = 8 - y at 10 m)."""
    points = torch.tensor([[10.0, 8.4, 0], [10.0, 7.6, 0], [10.0, -8.4, 0], [10.0, -8.7, 0]]).double()
    one = cameras((9, 17))
    for border, left, right in (("visible", 1, 3), ("rounded", 1, 2)):
        point, _ = nearest_points(points[1:], one, border)
        assert (point[0, 4, 0].item() + 1, point[0, 4, 16].item() + 1) == (left, right)
    first = [nearest_points(points[:1], one, border)[0].max().item() for border in ("visible", "rounded")]
    assert first == [-1, 0]


def test_the_range_includes_its_start_and_not_its_end() -> None:
    points = torch.tensor([[1.0, 0, 0], [45.0, 4.5, 0], [0.9, -0.09, 0], [44.9, 8.98, 0]]).double()
    depth = draw_depth(points, cameras((9, 17)), range_m=(1.0, 45.0))
    assert sorted(depth[depth > 0].tolist()) == pytest.approx([1.0, 44.9])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("border", get_args(Border))
@pytest.mark.parametrize("range_m", [None, (1.0, 14.0)])
def test_equals_the_twin(dtype: torch.dtype, border: Border, range_m: tuple[float, float] | None) -> None:
    both = cameras((9, 17), (6, 10))
    for seed in range(3):
        points = cloud(seed, 1500).to(dtype)
        point, depth = nearest_points(points, both, border, range_m)
        expected = oracle.nearest_points(points, both, border, range_m or (0.0, np.inf))
        assert (expected >= 0).sum() > 20
        np.testing.assert_array_equal(point, expected)
        drawn = draw_depth(points, both, border=border, range_m=range_m)
        assert drawn.dtype == torch.float32
        for camera in range(2):
            at = depth[camera, point[camera].clamp(min=0)].float().where(point[camera] >= 0, torch.tensor(0.0))
            assert torch.equal(drawn[camera], at)


def test_no_points_draw_nothing() -> None:
    none = torch.zeros(0, 3)
    assert (draw_values(none, torch.zeros(0, dtype=torch.uint8), cameras((4, 5)), 255) == 255).all()
    assert not draw_depth(none, cameras((4, 5))).any()
    assert not draw_depth_published(none, cameras((4, 5)), (1.0, 45.0)).any()


def test_the_published_rule_by_hand() -> None:
    """Nearest wins, 1 m is in, 45 m is out, pixels round to the nearest, points behind are not drawn."""
    points = torch.tensor([[0.0, 0, 5], [0, 0, 4], [2, 0, 1], [0, 2, 45], [-4, 0, 2.0], [0, 0, -3]])
    plain = Cameras.pinhole(torch.eye(3)[None], torch.eye(4)[None], torch.tensor([[3, 5]]))
    move = torch.tensor([[[1.0, 0, 2], [0, 1, 1], [0, 0, 1]]]).double()
    depth = draw_depth_published(points, replace(plain, T_image=move), (1.0, 45.0))
    expected = torch.zeros(1, 3, 5)
    expected[0, 1, 2], expected[0, 1, 4], expected[0, 1, 0] = 4, 1, 2
    assert torch.equal(depth, expected)


def test_the_published_rule_is_the_exact_one_but_for_ranks_that_rounding_makes_equal() -> None:
    """In 153 pixels, float32 tells ranks apart that differ by 2e-5: 2 mm of depth."""
    one, points = cameras((9, 17)), cloud(5, 4000)
    exact = draw_depth(points, one, border="rounded", range_m=(1.0, 45.0))
    published = draw_depth_published(points, one, (1.0, 45.0))
    assert torch.equal(exact > 0, published > 0)
    assert (exact - published).abs().max() < 2e-3
    assert (exact > 0).sum() > 100


def test_the_published_rule_takes_a_farther_point_in_low_rows() -> None:
    """Pixel 1,999,999 of 1000 x 2000: ranks are a multiple of 1/8, so 20.5 and 20 m are one, and 34 m is not."""
    K = torch.tensor([[[1.0, 0, 1999], [0, 1, 999], [0, 0, 1]]])
    large, place = Cameras.pinhole(K, torch.eye(4)[None], torch.tensor([[1000, 2000]])), 1_999_999
    points = torch.tensor([[0.0, 0, 20.5], [0, 0, 20.0], [0, 0, 34.0]])
    assert draw_depth(points, large, border="rounded").view(-1)[place] == 20
    assert draw_depth_published(points, large, (1.0, 45.0)).view(-1)[place] in (20, 20.5)
