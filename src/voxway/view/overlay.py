"""Overlay: voxels or points drawn onto the camera image, to see at a glance whether calibration and grid are right."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Integer, UInt8

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.task import Task
from voxway.view.photos import check_camera
from voxway.view.raster import Rays
from voxway.view.render import draw_volume
from voxway.view.shade import display_colours

_RAMP = np.array([(214, 40, 40), (247, 127, 0), (252, 211, 77), (82, 183, 136), (30, 96, 145), (58, 12, 100)], float)
"""Colours of points without labels, near to far."""

_RAMP_END_M = 50.0


def overlay(
    image: UInt8[np.ndarray, "h w 3"],
    cameras: Cameras,
    occupancy: Occupancy,
    *,
    camera: int = 0,
    opacity: float = 0.6,
) -> UInt8[np.ndarray, "h w 3"]:
    """Draw a volume as cubes over the image of one camera, nearer ones before farther ones.

    Args:
        image: RGB, as the cameras describe it (after any resize, crop or flip).
        cameras: cameras of one sample.
        occupancy: the volume, in the ego frame that the cameras are placed in; free and unknown are not drawn.
        camera: which of the cameras took the image.
        opacity: how much of the image the cubes hide, 0..1.

    Returns:
        RGB.

    Raises:
        InputError: the image has not the size that the cameras say, or there is no such camera.
    """
    one = _one_camera(image, cameras, camera)
    projection = one.projection[0].to(torch.float64).numpy()
    picture, pixels = draw_volume(occupancy, Rays.of(projection), image.shape[:2])
    seen = picture.face >= 0
    result = image.copy()
    result[seen] = np.round((1 - opacity) * image[seen] + opacity * pixels).astype(np.uint8)
    return result


def overlay_points(
    image: UInt8[np.ndarray, "h w 3"],
    cameras: Cameras,
    points: Float[np.ndarray, "p c"],
    *,
    labels: Integer[np.ndarray, "p"] | None = None,
    task: Task | None = None,
    camera: int = 0,
    radius_px: int = 1,
) -> UInt8[np.ndarray, "h w 3"]:
    """Draw LiDAR points over the image of one camera, nearer ones before farther ones.

    Args:
        image: RGB, as the cameras describe it (after any resize, crop or flip).
        cameras: cameras of one sample.
        points: x, y, z in ego metres, then anything.
        labels: training ids, which give points the colours of their classes; free and 255 are left out. Without them,
            colours go by depth, from red (near) to violet (50 m and more).
        task: the task whose ids the labels are.
        camera: which of the cameras took the image.
        radius_px: pixels around the one that a point falls onto which it colours as well.

    Returns:
        RGB.

    Raises:
        InputError: the image has not the size that the cameras say, there is no such camera, or labels came without
            their task.
    """
    if (labels is None) != (task is None):
        remedy = "Labels need the task whose ids they are."
        raise InputError(file="overlay", field="labels", expected="labels and task", found="one", remedy=remedy)
    one = _one_camera(image, cameras, camera)
    pixels, depth = (seen[0].numpy() for seen in one.project(torch.from_numpy(points[:, :3].astype(np.float64))))
    height, width = image.shape[:2]
    drawn = (depth > 0.1) & (pixels > -0.5).all(1) & (pixels < (width - 0.5, height - 0.5)).all(1)
    if labels is not None and task is not None:
        drawn &= np.isin(labels, task.occupied)
        colours = display_colours(task)[np.where(drawn, labels, 0)]
    else:
        colours = _by_depth(depth)
    order = np.flatnonzero(drawn)[np.argsort(-depth[drawn], kind="stable")]  # far ones first, so that near ones stay
    u, v = np.round(pixels[order]).astype(np.int64).T
    result = image.copy()
    for down in range(-radius_px, radius_px + 1):
        for across in range(-radius_px, radius_px + 1):
            rows, columns = np.clip(v + down, 0, height - 1), np.clip(u + across, 0, width - 1)
            result[rows, columns] = colours[order]
    return result


def _one_camera(image: np.ndarray, cameras: Cameras, camera: int) -> Cameras:
    """The camera that took the image, alone and on the CPU.

    Raises:
        InputError: the image has not the size that the cameras say, or there is no such camera.
    """
    check_camera(cameras, camera)
    size = tuple(cameras.size_px[camera].tolist())
    if image.shape != (*size, 3) or image.dtype != np.uint8:
        raise InputError(
            file="overlay",
            field="image",
            expected=f"uint8 {(*size, 3)} as camera {camera} says",
            found=f"{image.dtype} {image.shape}",
            remedy="Resize the cameras together with the image (`Cameras.resize`), channels last.",
        )
    return cameras[camera : camera + 1].to("cpu")


def _by_depth(depth: Float[np.ndarray, "p"]) -> UInt8[np.ndarray, "p 3"]:
    stops = np.linspace(0, _RAMP_END_M, len(_RAMP))
    return np.stack([np.interp(depth, stops, _RAMP[:, channel]) for channel in range(3)], -1).astype(np.uint8)
