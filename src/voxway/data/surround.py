"""From pictures, calibration and points of one moment to a sample: what all surround-view readers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError, nearest
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Sample
from voxway.core.task import IGNORE
from voxway.data.augment import Augment, draw_flips, draw_image_change
from voxway.data.images import image_size, read_image
from voxway.data.resize import change_image, pixel_transform, plain_change

SURROUND_NEEDS = frozenset({"images", "points", "pose", "target", "depth"})
"""What surround-view readers can load."""


def check_needs(needs: frozenset[str]) -> None:
    """Refuse what surround-view readers cannot load.

    Raises:
        InputError: an unknown need.
    """
    for need in needs:
        if need not in SURROUND_NEEDS:
            raise nearest(need, sorted(SURROUND_NEEDS), "need of a surround-view reader")


def load_cameras(
    paths: Sequence[Path],
    K: Float64[np.ndarray, "n 3 3"],
    T_cam_ego: Float64[np.ndarray, "n 4 4"],
    size_px: tuple[int, int],
    augment: Augment | None,
    random: np.random.Generator,
    pictures: bool,
) -> tuple[Cameras, UInt8[Tensor, "n 3 h w"] | None]:
    """Cameras and, if asked for, their pictures, at the network's size; every picture draws its own augmentation.

    Raises:
        InputError: a picture is missing, damaged, or not the one that the calibration is for.
    """
    sizes = [image_size(path) for path in paths]
    changes = [
        plain_change(source, size_px) if augment is None else draw_image_change(augment, source[1], size_px[1], random)
        for source in sizes
    ]
    for path, size, intrinsics in zip(paths, sizes, K):
        check_size(path, size, intrinsics)
    cameras = Cameras.pinhole(torch.from_numpy(K), torch.from_numpy(T_cam_ego), torch.tensor(sizes))
    moves = [pixel_transform(source, change, size_px) for source, change in zip(sizes, changes)]
    cameras = replace(cameras, T_image=torch.stack(moves), size_px=torch.tensor(size_px).expand(len(paths), 2).clone())
    if not pictures:
        return cameras, None
    images = [change_image(read_image(path), change, size_px) for path, change in zip(paths, changes)]
    return cameras, torch.stack(images)


def check_size(path: Path, size_px: tuple[int, int], K: Float64[np.ndarray, "3 3"]) -> None:
    """Refuse a picture, (height, width) `size_px`, that intrinsics cannot belong to.

    Raises:
        InputError: the principal point does not lie around its middle, as after a resize or a crop.
    """
    (height, width), u, v = size_px, K[0, 2], K[1, 2]
    if not (width / 4 < u < 3 * width / 4 and height / 5 < v < 4 * height / 5):
        raise InputError(
            file=path,
            field="size",
            expected=f"a picture around the principal point ({u:.0f}, {v:.0f})",
            found=f"{width} x {height} px",
            remedy="Use the pictures in their original size, with their own calibration.",
        )


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What a key frame's label file says.

    Attributes:
        target: training ids, 255 for no truth.
        masks: by name, true where a voxel counts.
        labelled: false for a frame that must not supervise: its target is 255 and its masks are false throughout.
    """

    target: UInt8[np.ndarray, "x y z"]
    masks: Mapping[str, Bool[np.ndarray, "x y z"]]
    labelled: bool = True

    @classmethod
    def withheld(cls, grid: VoxelGrid, masks: Sequence[str]) -> Truth:
        """The truth of a frame that must not supervise."""
        unknown = np.full(grid.shape, IGNORE, np.uint8)
        return cls(target=unknown, masks={name: np.zeros(grid.shape, bool) for name in masks}, labelled=False)


def with_truth(sample: Sample, truth: Truth) -> Sample:
    """The sample with its target and masks."""
    masks = {name: torch.from_numpy(mask) for name, mask in truth.masks.items()}
    return replace(sample, target=torch.from_numpy(truth.target), masks=masks, labelled=truth.labelled)


def mirrored(sample: Sample, augment: Augment, random: np.random.Generator) -> Sample:
    """The sample after the scene was mirrored along x, y, both or neither, with all that stands in the ego frame."""
    flip_x, flip_y = draw_flips(augment, random)
    sign = torch.tensor([-1.0 if flip_x else 1.0, -1.0 if flip_y else 1.0, 1.0, 1.0]).double()
    T_new_ego = torch.diag(sign)
    axes: list[str] = [axis for axis, flip in (("x", flip_x), ("y", flip_y)) if flip]

    return replace(
        sample,
        cameras=None if sample.cameras is None else sample.cameras.move_ego(T_new_ego),
        points=None if sample.points is None else _flip_points(sample.points, sign),
        pose=None if sample.pose is None else sample.pose @ T_new_ego,
        target=None if sample.target is None else _flip_volume(sample.grid, sample.target, axes),
        masks={name: _flip_volume(sample.grid, mask, axes) for name, mask in sample.masks.items()},
    )


def _flip_points(points: Float[Tensor, "p c"], sign: Float64[Tensor, "4"]) -> Float[Tensor, "p c"]:
    return torch.cat([points[:, :3] * sign[:3].to(points), points[:, 3:]], 1)


def _flip_volume(grid: VoxelGrid, volume: Tensor, axes: Sequence[str]) -> Tensor:
    for axis in axes:
        volume = grid.flip(volume, axis)  # ty: ignore[invalid-argument-type]
    return volume
