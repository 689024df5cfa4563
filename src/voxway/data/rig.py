"""Cameras of one moment and their pictures, as recorded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.data.checks.pictures import check_principal_point
from voxway.data.files.images import image_size, read_image


def load_cameras(
    paths: Sequence[Path], K: Float64[np.ndarray, "n 3 3"], T_cam_ego: Float64[np.ndarray, "n 4 4"]
) -> Cameras:
    """Pinhole cameras, with the sizes of their pictures from the files' headers.

    Args:
        paths: a picture per camera.
        K: intrinsics of the pictures as recorded.
        T_cam_ego: ego to camera, metres.

    Raises:
        InputError: a picture is missing, damaged, or not the one that the calibration is for.
    """
    sizes = [image_size(path) for path in paths]
    for path, size, intrinsics in zip(paths, sizes, K):
        check_principal_point(path, size, intrinsics)
    return Cameras.pinhole(torch.from_numpy(K), torch.from_numpy(T_cam_ego), torch.tensor(sizes))


def load_pictures(paths: Sequence[Path], cameras: Cameras) -> UInt8[Tensor, "n 3 h w"]:
    """Pictures as recorded, in one tensor of the largest one's size; smaller ones stand in the top left corner.

    Args:
        paths: a picture per camera.
        cameras: with the pictures' sizes.

    Raises:
        InputError: a picture is missing or damaged.
    """
    height, width = (int(side) for side in cameras.size_px.max(0).values)
    # Channels innermost in memory, as files and Pillow have them.
    images = np.zeros((len(paths), height, width, 3), np.uint8)
    for kept, path in zip(images, paths):
        picture = read_image(path)
        kept[: picture.shape[0], : picture.shape[1]] = picture
    return torch.from_numpy(images).permute(0, 3, 1, 2)
