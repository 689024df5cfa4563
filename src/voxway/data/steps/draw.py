"""Pictures drawn from points: depth images from any scan, classes per pixel from a labelled one."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from voxway.core.sample import Sample
from voxway.core.task import IGNORE
from voxway.ops.draw import draw_depth, draw_depth_published, draw_values


def draw_depth_images(
    sample: Sample, rule: Literal["nearest", "published"], range_m: tuple[float, float] | None
) -> Sample:
    """With depth images of its points: metres along each optical axis, 0 where no point falls.

    Args:
        sample: with points and cameras; ``T_cam_points`` among its extras takes the place of the cameras' poses.
        rule: see `DataConfig.depth_rule`.
        range_m: see `DataConfig.depth_range_m`.
    """
    assert sample.points is not None and sample.cameras is not None
    points, cameras = sample.points[:, :3], sample.cameras
    if "T_cam_points" in sample.extras:
        cameras = replace(cameras, T_cam_ego=sample.extras["T_cam_points"].double())
    if rule == "published" and range_m is not None:
        return replace(sample, depth=draw_depth_published(points, cameras, range_m))
    return replace(sample, depth=draw_depth(points.double(), cameras, range_m=range_m))


def draw_semantics(sample: Sample) -> Sample:
    """With classes per pixel from its labelled points: training ids, 255 where no labelled point falls."""
    assert sample.points is not None and sample.point_labels is not None and sample.cameras is not None
    drawn = draw_values(sample.points[:, :3].double(), sample.point_labels, sample.cameras, IGNORE)
    return replace(sample, semantics_2d=drawn)
