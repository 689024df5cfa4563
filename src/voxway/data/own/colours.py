"""Colours as cameras send them, made RGB: behind a filter of one colour per pixel (Bayer), or as brightness and colour
with one colour for two pixels (YUV 4:2:2)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float32, UInt8

Pattern = Literal["rggb", "bggr", "gbrg", "grbg"]
BAYER: tuple[Pattern, ...] = ("rggb", "bggr", "gbrg", "grbg")
"""Colours of the first two pixels of the first row, then of the second."""


def demosaiced(mosaic: UInt8[np.ndarray, "h w"], pattern: Pattern) -> UInt8[np.ndarray, "h w 3"]:
    """RGB of a picture behind a Bayer filter: each colour that a pixel lacks is the mean of its nearest neighbours that
    have it. The picture is mirrored about its outermost pixels, as the filter goes on.

    Args:
        mosaic: at least two rows and columns.
        pattern: the filter at its top left corner.
    """
    height, width = mosaic.shape
    padded = np.pad(mosaic, 1, "reflect").astype(np.uint16)
    rgb = np.empty((height, width, 3), np.uint8)
    for row in (0, 1):
        for column in (0, 1):
            here = pattern[2 * row + column]

            def mean(*steps: tuple[int, int], top: int = row, left: int = column) -> np.ndarray:
                """Of the pixels that lie these steps (down, right) from those with the filter `here`."""
                places = [padded[1 + top + v : height + 1 + v : 2, 1 + left + u : width + 1 + u : 2] for v, u in steps]
                return ((sum(places) + len(steps) // 2) // len(steps)).astype(np.uint8)

            beside, above = mean((0, -1), (0, 1)), mean((-1, 0), (1, 0))
            if here == "g":
                red_beside = pattern[2 * row + 1 - column] == "r"
                colours = {"g": mean((0, 0)), "r": beside if red_beside else above, "b": above if red_beside else beside}
            else:
                corners = mean((-1, -1), (-1, 1), (1, -1), (1, 1))
                colours = {here: mean((0, 0)), "g": mean((-1, 0), (1, 0), (0, -1), (0, 1))}
                colours["b" if here == "r" else "r"] = corners
            for channel, name in enumerate("rgb"):
                rgb[row::2, column::2, channel] = colours[name]
    return rgb


def yuv_to_rgb(rows: UInt8[np.ndarray, "h w2"], order: Literal["uyvy", "yuyv"]) -> UInt8[np.ndarray, "h w 3"]:
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
