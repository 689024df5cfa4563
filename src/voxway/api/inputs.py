"""A sample from what people hold: pictures, a rig, points. What can be made from them is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import ArrayLike
from PIL import Image
from torch import Tensor

from voxway.api.rig import Rig
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.geometry_faults import rigid_fault, upright_fault
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Sample
from voxway.data.files.images import read_image, to_rgb
from voxway.data.files.scan_faults import place_fault
from voxway.prepare.proposals import propose, propose_from_stereo

_POSE = "Give T_world_ego: ego (x ahead, y left, z up) to a world with z up, metres."
Picture = str | Path | Image.Image | np.ndarray | Tensor
"""A file, a Pillow image, or uint8 (height, width, 3) RGB."""


def plain_sample(
    grid: VoxelGrid,
    images: Picture | Sequence[Picture],
    rig: Rig,
    *,
    points: ArrayLike | None = None,
    pose: ArrayLike | None = None,
    key: str = "frame",
) -> Sample:
    """A sample of one moment, as recorded.

    Args:
        grid: of the network, in the ego frame.
        images: a picture for each camera.
        rig: the cameras.
        points: LiDAR points (p, c) in the ego frame: x, y, z in metres, then the columns that the network knows.
        pose: `T_world_ego`, metres.
        key: what the moment is called.

    Raises:
        InputError: pictures and cameras do not fit, or points or pose are not what they must be.
    """
    several = list(images) if isinstance(images, Sequence) and not isinstance(images, str) else [images]
    pictures = [_picture(image, number) for number, image in enumerate(several)]
    cameras = rig.cameras([(picture.shape[0], picture.shape[1]) for picture in pictures])
    height, width = (int(size) for size in cameras.size_px.max(0).values)
    stacked = torch.zeros(len(pictures), 3, height, width, dtype=torch.uint8)
    for slot, picture in zip(stacked, pictures):
        slot[:, : picture.shape[0], : picture.shape[1]] = torch.tensor(picture).permute(2, 0, 1)
    return Sample(
        key=key,
        grid=grid,
        cameras=cameras,
        images=stacked,
        points=None if points is None else cloud(points, 3),
        pose=None if pose is None else _pose(pose),
    )


def _pose(pose: ArrayLike) -> Tensor:
    try:
        T_world_ego = np.array(pose, np.float64)
    except (TypeError, ValueError) as error:
        raise _no_pose(error) from None
    if T_world_ego.shape != (4, 4) or not np.isfinite(T_world_ego).all():
        raise _no_pose(f"shape {T_world_ego.shape}, or NaN")
    if (wrong := rigid_fault(T_world_ego) or upright_fault(T_world_ego, "a vehicle")) is not None:
        raise wrong.error("pose", "T_world_ego", _POSE)
    return torch.from_numpy(T_world_ego)


def _no_pose(found: object) -> InputError:
    return InputError(file="pose", field="T_world_ego", expected="a 4 x 4 matrix", found=found, remedy=_POSE)


def cloud(points: ArrayLike, columns: int) -> Tensor:
    """Points as float32 (p, c).

    Args:
        points: x, y, z in metres, and more columns.
        columns: how many there must be at least.

    Raises:
        InputError: no points, too few columns, a number that is not finite, or points that no LiDAR measured.
    """
    array = np.asarray(points.cpu() if isinstance(points, Tensor) else points)
    if array.ndim != 2 or array.shape[1] < columns or not len(array) or array.dtype.kind not in "fiu":
        raise InputError(
            file="points",
            field="shape",
            expected=f"(p, c) numbers, p points of at least {columns} columns: x, y, z in metres, then intensity "
            "and so on, as the network's dataset has them",
            found=f"{array.dtype} {array.shape}",
            remedy="Give one row per point; fill columns that your sensor lacks with 0.",
        )
    if not np.isfinite(array).all():
        raise InputError(
            file="points",
            field="values",
            expected="finite numbers",
            found=f"{int((~np.isfinite(array)).any(1).sum())} rows with NaN or infinity",
            remedy="Leave these points out.",
        )
    array = array.astype(np.float32)
    if (wrong := place_fault(array)) is not None:
        raise wrong.error("points", "values", "Give points in metres, in the ego frame: x ahead, y left, z up.")
    return torch.from_numpy(array)


def proposals_of(
    sample: Sample, right: Picture | None, baseline_m: float | None
) -> tuple[Tensor, Literal["lidar", "stereo"]]:
    """Query proposals from a sample's points, or from its first picture and the right one of a rectified pair.

    Args:
        sample: with points, or with a picture.
        right: the right picture, of the same size and intrinsics.
        baseline_m: distance of the two cameras.

    Raises:
        InputError: neither points nor a right picture, or one without the baseline.
        MissingExtra: stereo without OpenCV.
    """
    if right is None:
        if sample.points is None:
            raise InputError(
                file="predict",
                field="points, right",
                expected="what to make query proposals from: points=, or right= and baseline_m=",
                found="neither",
                remedy="Give the LiDAR points of the moment, the right picture of a rectified pair, or a Sample with "
                "proposals.",
            )
        return propose(sample.points[:, :3], sample.grid), "lidar"
    pair = _with_right(sample, right, baseline_m)
    assert pair.images is not None and pair.cameras is not None
    return propose_from_stereo(sample.grid, pair.images, pair.cameras), "stereo"


def rectified_pair(sample: Sample, right: Picture | None, baseline_m: float | None) -> Sample:
    """The sample for a network that looks at a rectified pair: with the right picture, and with the frame in which both
    cameras only stand at another place, which is the left camera's own where nobody said another.

    Args:
        sample: with the pictures of both cameras, or with the left one's.
        right: the right picture, where the sample lacks it.
        baseline_m: distance of the two cameras, for that picture.

    Raises:
        InputError: a right picture of another size, or without the baseline.
    """
    if sample.cameras is None or sample.images is None:
        return sample
    if right is not None and sample.cameras.count == 1:
        sample = _with_right(sample, right, baseline_m)
    assert sample.cameras is not None
    return replace(sample, extras={"T_rect_ego": sample.cameras.T_cam_ego[0], **sample.extras})


def _with_right(sample: Sample, right: Picture, baseline_m: float | None) -> Sample:
    """The first picture and the right one, with a camera for each."""
    if baseline_m is None or not 0 < baseline_m < 10:
        raise InputError(
            file="predict",
            field="baseline_m",
            expected="the distance of the two cameras in metres",
            found=baseline_m,
            remedy="KITTI's is 0.54.",
        )
    assert sample.images is not None and sample.cameras is not None
    picture = _picture(right, 1)
    if picture.shape[:2] != sample.images.shape[-2:]:
        raise InputError(
            file="right",
            field="size",
            expected=f"{tuple(sample.images.shape[-2:])} px (height, width), as the left picture has",
            found=picture.shape[:2],
            remedy="Give a rectified pair of one size.",
        )
    pair = torch.stack([sample.images[0], torch.from_numpy(picture).permute(2, 0, 1)])
    return replace(sample, images=pair, cameras=_pair(sample.cameras[:1], baseline_m))


def _pair(left: Cameras, baseline_m: float) -> Cameras:
    """The left camera (1,), and another that stands beside it."""
    T = left.T_cam_ego.clone()
    T[:, 0, 3] -= baseline_m
    names = ("K", "size_px", "T_image")
    same = {name: torch.cat([getattr(left, name)] * 2) for name in names}
    return Cameras(T_cam_ego=torch.cat([left.T_cam_ego, T]), **same)


def _picture(image: Picture, number: int) -> UInt8[np.ndarray, "h w 3"]:
    if isinstance(image, str | Path):
        return read_image(image)
    if isinstance(image, Image.Image):
        return to_rgb(image, f"image {number}")
    array = image.cpu().numpy() if isinstance(image, Tensor) else np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise InputError(
            file=f"image {number}",
            field="shape",
            expected="uint8 (height, width, 3), RGB",
            found=f"{array.dtype} {array.shape}",
            remedy="Move the channels last and scale to 0..255; files and Pillow images are taken, too.",
        )
    return array
