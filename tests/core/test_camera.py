"""Cameras and rigid transforms: projections invert, also after resize, crop and flip."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.transforms import invert, is_rigid, rigid, transform_points

SIZE = (60, 100)
FORWARD = torch.tensor([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]]).double()
"""Ego to camera axes for a camera that looks along x."""

yaws = st.floats(-math.pi, math.pi)
metres = st.floats(-20, 20)
changes = st.lists(
    st.one_of(
        st.tuples(st.just("resize"), st.tuples(st.integers(10, 200), st.integers(10, 200))),
        st.tuples(st.just("crop"), st.tuples(st.integers(0, 9), st.integers(0, 9))),
        st.tuples(st.just("flip"), st.none()),
    ),
    max_size=4,
)


def yaw_rotation(yaw: float) -> Tensor:
    """Rotation about the z axis, counter-clockwise seen from above."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    return torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], dtype=torch.float64)


def cameras(yaw: float = 0.0, position: tuple[float, float, float] = (0.0, 0.0, 0.0), count: int = 2) -> Cameras:
    """Cameras at one place, looking along yaw, yaw + 0.5 ... radians."""
    K = torch.tensor([[70.0, 0, 49.5], [0, 72, 29.5], [0, 0, 1]]).double().expand(count, 3, 3)
    turn = torch.stack([yaw_rotation(yaw + 0.5 * camera) for camera in range(count)])
    T_ego_cam = rigid(turn @ FORWARD.T, torch.tensor(position).double().expand(count, 3))
    return Cameras.pinhole(K, invert(T_ego_cam), torch.tensor(SIZE).expand(count, 2))


def altered(cams: Cameras, steps: list) -> Cameras:
    for name, argument in steps:
        if name == "resize":
            cams = cams.resize(argument)
        elif name == "crop":
            height, width = cams.size_px[0].tolist()
            if height <= argument[0] or width <= argument[1]:
                continue  # nothing would be left of it
            cams = cams.crop(*argument, (height - argument[0], width - argument[1]))
        else:
            cams = cams.flip()
    return cams


@given(yaws, st.tuples(metres, metres, metres), changes)
def test_project_undoes_unproject(yaw: float, position: tuple[float, float, float], steps: list) -> None:
    cams = altered(cameras(yaw, position), steps)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(2, 7, 2, generator=generator).double() * 100
    depth = torch.rand(2, 7, generator=generator).double() * 50 + 0.5
    points = cams.unproject(pixels, depth)
    for camera in range(2):
        found, found_depth = cams.project(points[camera])
        torch.testing.assert_close(found[camera], pixels[camera], atol=1e-7, rtol=1e-7)
        torch.testing.assert_close(found_depth[camera], depth[camera])


def test_known_pixels() -> None:
    pixels, depth = cameras(count=1).project(torch.tensor([[10.0, 0, 0], [10, 1, 0], [10, 0, 1], [-5, 0, 0]]).double())
    assert pixels[0, :3].tolist() == [[49.5, 29.5], [42.5, 29.5], [49.5, 22.3]]
    assert depth.tolist() == [[10, 10, 10, -5]]
    assert cameras(count=1).visible(pixels, depth).tolist() == [[True, True, True, False]]


@given(changes)
def test_a_point_stays_visible_or_not_through_resizing_and_flipping(steps: list) -> None:
    steps = [step for step in steps if step[0] == "resize"]
    points = torch.tensor([[10.0, 0, 0], [10, 6, 0], [10, -6.5, 0], [10, 7.5, 0], [-3, 0, 0]]).double()
    cams = cameras(count=1)
    assert (
        altered(cams, steps).visible(*altered(cams, steps).project(points)) == cams.visible(*cams.project(points))
    ).all()


def test_flipping_mirrors_columns_and_twice_changes_nothing() -> None:
    cams = cameras()
    point = torch.tensor([[10.0, 1, 0]]).double()
    plain, flipped = cams.project(point)[0], cams.flip().project(point)[0]
    torch.testing.assert_close(flipped[..., 0], 99 - plain[..., 0])
    torch.testing.assert_close(cams.flip().flip().projection, cams.projection)


def test_a_crop_shifts() -> None:
    cams, point = cameras(count=1), torch.tensor([[10.0, 1, 0.5]]).double()
    plain = cams.project(point)[0][0, 0]
    crop = cams.crop(5, 8, (40, 60))
    torch.testing.assert_close(crop.project(point)[0][0, 0], plain - torch.tensor([8, 5]))
    assert crop.size_px.tolist() == [[40, 60]]


def test_a_resize_scales_about_the_picture_s_corner() -> None:
    """The point of known pixel (42.5, 22.3) in 100 x 60 pixels; a first pixel's centre is half a pixel in."""
    cams, point = cameras(count=1), torch.tensor([[10.0, 1, 1]]).double()
    known = {"centres": [85.5, 10.9], "published": [85.0, 11.15]}
    for rule, pixel in known.items():
        resized = cams.resize((30, 200), rule)
        torch.testing.assert_close(resized.project(point)[0][0, 0], torch.tensor(pixel).double())
        assert resized.size_px.tolist() == [[30, 200]]
    torch.testing.assert_close(cams.resize((30, 200)).T_image, cams.resize((30, 200), "centres").T_image)


def test_resizing_and_flipping_in_either_order_is_the_same() -> None:
    """So it must be where both obey the centres of pixels; the published rule does not."""
    cams = cameras()
    torch.testing.assert_close(cams.resize((7, 33)).flip().T_image, cams.flip().resize((7, 33)).T_image)
    published = cams.resize((7, 33), "published")
    assert (published.flip().T_image - cams.flip().resize((7, 33), "published").T_image).abs().max() > 0.3
    torch.testing.assert_close(cams.resize((7, 33)).resize(SIZE).T_image, cams.T_image)


def test_the_fourth_column_of_a_kitti_projection_moves_the_camera() -> None:
    baseline_m = 0.54
    K = torch.tensor([[700.0, 0, 600], [0, 700, 180], [0, 0, 1]]).double()
    P = torch.cat([K, torch.tensor([[-700 * baseline_m], [0], [0]]).double()], 1)
    T_rect_ego = rigid(FORWARD, torch.zeros(3).double())
    cams = Cameras.from_projection(P[None], T_rect_ego[None], torch.tensor([[370, 1226]]))
    points = torch.tensor([[12.0, 1.5, -0.7], [30.0, -4.0, 1.0]]).double()
    seen = torch.cat([transform_points(T_rect_ego, points), torch.ones(2, 1).double()], 1) @ P.T
    pixels, depth = cams.project(points)
    torch.testing.assert_close(pixels[0], seen[:, :2] / seen[:, 2:])
    torch.testing.assert_close(depth[0], seen[:, 2])
    centre = invert(cams.T_cam_ego)[0, :3, 3]
    torch.testing.assert_close(centre, torch.tensor([0, -baseline_m, 0]).double())  # to the right of the ego


def test_projection_keeps_the_precision_of_the_points() -> None:
    pixels, depth = cameras().project(torch.tensor([[10.0, 0, 0]]))
    assert pixels.dtype == depth.dtype == torch.float32


def test_batches_project_like_their_samples() -> None:
    one, other = cameras(0.1), cameras(-0.4, (1.0, 2.0, 0.3)).flip()
    both = Cameras.stack([one, other])
    points = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(1)).double() * 10
    pixels, depth = both.project(points)
    assert both.count == 2 and pixels.shape == (2, 2, 5, 2)
    for i, single in enumerate((one, other)):
        torch.testing.assert_close(pixels[i], single.project(points[i])[0])
        torch.testing.assert_close(both[i].project(points[i])[1], depth[i])
    assert (both.to("cpu").visible(pixels, depth) == both.visible(pixels, depth)).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -70.0])
def test_impossible_intrinsics_are_refused(value: float) -> None:
    K = cameras().K.clone()
    K[1, 0, 0] = value
    with pytest.raises(ValueError, match="finite entries and positive focal lengths"):
        Cameras.pinhole(K, cameras().T_cam_ego, cameras().size_px)


def test_what_is_not_rigid_is_refused() -> None:
    scaled, mirrored, broken, moved = (torch.eye(4).double() for _ in range(4))
    scaled[:3, :3] *= 2
    mirrored[0, 0] = -1
    broken[0, 3] = float("nan")
    moved[3, 0] = 1
    for transform in (scaled, mirrored, broken, moved):
        assert not is_rigid(transform)
        with pytest.raises(ValueError, match="not a rigid transform"):
            Cameras.pinhole(cameras().K[:1], transform[None], torch.tensor([SIZE]))


def _transform(yaw: float, position: tuple[float, float, float]) -> Tensor:
    return rigid(yaw_rotation(yaw), torch.tensor(position).double())


@given(yaws, st.tuples(metres, metres, metres))
def test_a_pose_times_its_inverse_is_the_identity(yaw: float, position: tuple[float, float, float]) -> None:
    transform = _transform(yaw, position)
    assert is_rigid(transform)
    torch.testing.assert_close(transform @ invert(transform), torch.eye(4).double(), atol=1e-12, rtol=0)
    points = torch.tensor([[1.0, 2.0, 3.0]]).double()
    torch.testing.assert_close(transform_points(invert(transform), transform_points(transform, points)), points)


@given(yaws, yaws)
def test_transforms_compose(first: float, second: float) -> None:
    a, b = _transform(first, (1.0, 0.0, 2.0)), _transform(second, (-3.0, 4.0, 0.0))
    points = torch.tensor([[0.5, -2.0, 1.0], [3.0, 3.0, 3.0]]).double()
    torch.testing.assert_close(transform_points(a @ b, points), transform_points(a, transform_points(b, points)))


def test_points_of_a_mirrored_ego_frame_project_as_before():
    cams = cameras(0.3, (1.0, 2.0, 0.5))
    mirror = torch.diag(torch.tensor([-1.0, 1, 1, 1])).double()
    points = torch.randn(20, 3).double() * 10
    before, after = cams.project(points), cams.move_ego(mirror).project(transform_points(mirror, points))
    torch.testing.assert_close(after, before)
    torch.testing.assert_close(cams.move_ego(mirror).unproject(*after), cams.unproject(*before) * mirror.diag()[:3])
