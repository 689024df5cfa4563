"""Photos: camera images as pictures want them, channels last and in numpy: one camera's, or all tiled into one."""

from __future__ import annotations

import numpy as np
import torch
from einops import rearrange
from jaxtyping import UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError

_PER_ROW = 3
"""A ring of six then looks ahead in the upper row and back in the lower one."""


def tiled(images: UInt8[Tensor, "n 3 h w"]) -> UInt8[np.ndarray, "rows columns 3"]:
    """All cameras' images as one picture on the CPU, in their order, three in a row; what stays empty is black.

    Args:
        images: RGB, at least one.

    Returns:
        RGB; up to three images wide, and as many high as the rows need.
    """
    per_row = min(len(images), _PER_ROW)
    missing = -len(images) % per_row
    padded = torch.cat([images.cpu(), images.new_zeros((missing, *images.shape[1:]), device="cpu")])
    return rearrange(padded, "(r n) c h w -> (r h) (n w) c", n=per_row).contiguous().numpy()


def photo(images: UInt8[Tensor, "n 3 h w"], cameras: Cameras, camera: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    """One camera's image on the CPU, without the padding at right and bottom that makes images of unlike size fit.

    Args:
        images: RGB, one for each of the cameras.
        cameras: cameras of one sample; their sizes say what is padding.
        camera: which of them, from 0.

    Returns:
        RGB, as large as `cameras.size_px` says.

    Raises:
        InputError: there is no such camera.
    """
    check_camera(cameras, camera)
    height, width = cameras.size_px[camera].tolist()
    return rearrange(images[camera, :, :height, :width].cpu(), "c h w -> h w c").contiguous().numpy()


def check_camera(cameras: Cameras, camera: int) -> None:
    """Refuse the number of a camera that is not there.

    Raises:
        InputError: `camera` is not one of 0..n-1.
    """
    if not 0 <= camera < cameras.count:
        expected, remedy = f"0..{cameras.count - 1}", "Cameras count from 0."
        raise InputError(file="overlay", field="camera", expected=expected, found=camera, remedy=remedy)
