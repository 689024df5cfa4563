"""A camera's picture at the network's size, and where its pixels went."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float64, Shaped, UInt8
from torch import Tensor

from voxway.core.pixels import scale_pixels
from voxway.data.steps.augment import ImageChange


def plain_change(source_px: tuple[int, int], size_px: tuple[int, int]) -> ImageChange:
    """Scale to the network's width, keep the bottom: what happens to every picture outside training.

    Args:
        source_px: (height, width) as recorded.
        size_px: (height, width) of the network's image.
    """
    return ImageChange(scale=size_px[1] / source_px[1])


def change_image(
    picture: UInt8[np.ndarray, "h0 w0 3"], change: ImageChange, size_px: tuple[int, int]
) -> UInt8[Tensor, "3 h w"]:
    """Resize (bicubic), crop, mirror and rotate (nearest), all by Pillow, as the published networks were trained.

    What the crop or the rotation brings in from outside is black.
    """
    from PIL import Image

    height, width = size_px
    columns, rows, top = _resized(picture.shape[:2], change, height)
    image = Image.fromarray(picture).resize((columns, rows), Image.Resampling.BICUBIC)
    image = image.crop((change.left, top, change.left + width, top + height))
    if change.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if change.rotation_deg:
        image = image.rotate(change.rotation_deg)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def change_map(
    values: Shaped[np.ndarray, "h0 w0"], change: ImageChange, size_px: tuple[int, int]
) -> Shaped[Tensor, "h w"]:
    """The same for a value per pixel, which is never mixed: nearest everywhere.

    Args:
        values: class ids, uint8, of which 255 stands for what comes in from outside; or metres, for which 0 does.
        change: what happens to the picture.
        size_px: (height, width) of the network's image.
    """
    from PIL import Image

    height, width = size_px
    columns, rows, top = _resized(values.shape[:2], change, height)
    ids = values.dtype == np.uint8
    image = Image.fromarray(~values if ids else values.astype(np.float32))
    image = image.resize((columns, rows), Image.Resampling.NEAREST)
    image = image.crop((change.left, top, change.left + width, top + height))
    if change.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if change.rotation_deg:
        image = image.rotate(change.rotation_deg)
    changed = np.array(image)
    return torch.from_numpy(~changed if ids else changed)


def pixel_transform(
    source_px: tuple[int, int], change: ImageChange, size_px: tuple[int, int]
) -> Float64[Tensor, "3 3"]:
    """Where a pixel (u, v, 1) of the source goes, by the published formulas.

    They scale by the rule "published" of `scale_pixels`, mirror about the picture's edge and turn about its
    corner-to-corner centre, so all three are half a pixel off from what Pillow does to the picture; released weights
    have seen them so. Computed in float32, as there.
    """
    height, width = size_px
    _, _, top = _resized(source_px, change, height)
    linear = scale_pixels(change.scale, change.scale, "published")[:2, :2].float()
    shift = -torch.tensor([float(change.left), float(top)])
    if change.flip:
        mirror = torch.tensor([[-1.0, 0], [0, 1]])
        linear, shift = mirror @ linear, mirror @ shift + torch.tensor([float(width), 0])
    angle = math.radians(change.rotation_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = torch.tensor([[cos, sin], [-sin, cos]])
    centre = torch.tensor([float(width), float(height)]) / 2
    linear, shift = turn @ linear, turn @ shift + (turn @ -centre + centre)
    transform = torch.eye(3, dtype=torch.float64)
    transform[:2, :2], transform[:2, 2] = linear, shift
    return transform


def _resized(source_px: tuple[int, ...], change: ImageChange, height: int) -> tuple[int, int, int]:
    """Columns and rows after the resize, and the first row that the crop keeps."""
    rows, columns = int(source_px[0] * change.scale), int(source_px[1] * change.scale)
    return columns, rows, rows - height
