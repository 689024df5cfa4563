"""Reading pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.data.checks.pictures import check_principal_point

_REMEDY = "The copy is damaged or cut short; download or copy it again."


def read_image(path: Path | str) -> UInt8[np.ndarray, "h w 3"]:
    """Read a picture as RGB.

    Raises:
        InputError: missing, truncated, or no picture.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGB"))
    except FileNotFoundError:
        raise _absent(path) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(file=path, field="picture", expected="a whole picture", found=error, remedy=_REMEDY) from error


def image_size(path: Path | str) -> tuple[int, int]:
    """(height, width) of a picture in pixels, from its header.

    Raises:
        InputError: missing, or no picture.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.height, image.width
    except FileNotFoundError:
        raise _absent(path) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(file=path, field="picture", expected="a picture", found=error, remedy=_REMEDY) from error


def load_cameras(
    paths: Sequence[Path], K: Float64[np.ndarray, "n 3 3"], T_cam_ego: Float64[np.ndarray, "n 4 4"], pictures: bool
) -> tuple[Cameras, UInt8[Tensor, "n 3 h w"] | None]:
    """Cameras and, if asked for, their pictures as recorded; smaller ones stand in the top left corner.

    Raises:
        InputError: a picture is missing, damaged, or not the one that the calibration is for.
    """
    sizes = [image_size(path) for path in paths]
    for path, size, intrinsics in zip(paths, sizes, K):
        check_principal_point(path, size, intrinsics)
    cameras = Cameras.pinhole(torch.from_numpy(K), torch.from_numpy(T_cam_ego), torch.tensor(sizes))
    if not pictures:
        return cameras, None
    height, width = (max(side) for side in zip(*sizes))
    # Channels innermost in memory, as files and Pillow have them.
    images = np.zeros((len(paths), height, width, 3), np.uint8)
    for place, path in zip(images, paths):
        picture = read_image(path)
        place[: picture.shape[0], : picture.shape[1]] = picture
    return cameras, torch.from_numpy(images).permute(0, 3, 1, 2)


def _absent(path: Path | str) -> InputError:
    remedy = "Run `voxway check-data` to list everything that is missing."
    return InputError(file=path, field="file", expected="present", found="absent", remedy=remedy)
