"""Colours as cameras send them, made RGB: behind a filter of one colour per pixel (Bayer), or as brightness and colour
with one colour for two pixels (YUV 4:2:2)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float32, UInt8

Pattern = Literal["rggb", "bggr", "gbrg", "grbg"]
YuvOrder = Literal["uyvy", "yuyv"]
BAYER: tuple[Pattern, ...] = ("rggb", "bggr", "gbrg", "grbg")
"""Colours of the first two pixels of the first row, then of the second."""


def demosaiced(mosaic: UInt8[np.ndarray, "h w"], pattern: Pattern) -> UInt8[np.ndarray, "h w 3"]:
    """RGB of a picture behind a Bayer filter: each colour that a pixel lacks is the mean of its nearest neighbours that
    have it. The picture is mirrored about its outermost pixels, as the filter goes on.

    Args:
        mosaic: at least two rows and columns.
        pattern: the filter at its top left corner.
    """
    around = np.pad(mosaic, 1, "reflect")
    # The first pixel of the padding has the filter of the second row and column.
    tile = np.array(list(pattern)).reshape(2, 2)[::-1, ::-1]
    filters = np.tile(tile, (around.shape[0] // 2 + 1, around.shape[1] // 2 + 1))[: around.shape[0], : around.shape[1]]
    colours = []
    for name in "rgb":
        plane = np.where(filters == name, around, 0).astype(np.uint16)
        beside = plane[:, :-2] + plane[:, 2:]
        cross = beside[1:-1] + plane[:-2, 1:-1] + plane[2:, 1:-1]
        # Four times the mean of a pixel's neighbours that have the colour; the others are 0.
        total = 4 * plane[1:-1, 1:-1] + (cross if name == "g" else 2 * cross + beside[:-2] + beside[2:])
        colours.append((total + 2) // 4)
    return np.stack(colours, -1).astype(np.uint8)


def yuv_to_rgb(rows: UInt8[np.ndarray, "h w2"], order: YuvOrder) -> UInt8[np.ndarray, "h w 3"]:
    """RGB of a picture in YUV 4:2:2, by the rule of standard video (ITU-R BT.601, brightness 16 to 235).

    Args:
        rows: of each two pixels their two brightnesses and their one colour, an even number of pixels a row.
        order: of these four bytes.
    """
    four = rows.reshape(len(rows), -1, 4).astype(np.float32)
    brightness: Float32[np.ndarray, "h half 2"] = four[..., [order.index("y"), order.rindex("y")]]
    u, v = four[..., order.index("u"), None] - 128, four[..., order.index("v"), None] - 128
    y = (brightness - 16) * np.float32(255 / 219)
    colours = np.stack([y + 1.596 * v, y - 0.391 * u - 0.813 * v, y + 2.018 * u], -1)
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8).reshape(len(rows), -1, 3)
