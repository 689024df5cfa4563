"""Colours of a Bayer mosaic, pixel by pixel."""

from __future__ import annotations

import numpy as np


def mirrored(place: int, size: int) -> int:
    """The place inside that one just outside stands for: the border is a mirror that runs through the last pixel."""
    return -place if place < 0 else 2 * (size - 1) - place if place >= size else place


def demosaiced(mosaic: np.ndarray, pattern: str) -> np.ndarray:
    """RGB: a pixel's own colour is its value; another is the mean of those of its eight neighbours that are nearest."""
    height, width = mosaic.shape
    rgb = np.zeros((height, width, 3), np.uint8)
    for v in range(height):
        for u in range(width):
            for channel, name in enumerate("rgb"):
                found: dict[int, list[int]] = {}
                for dv in (-1, 0, 1):
                    for du in (-1, 0, 1):
                        if pattern[2 * ((v + dv) % 2) + (u + du) % 2] == name:
                            value = int(mosaic[mirrored(v + dv, height), mirrored(u + du, width)])
                            found.setdefault(dv * dv + du * du, []).append(value)
                near = found[min(found)]
                rgb[v, u, channel] = int(sum(near) / len(near) + 0.5)
    return rgb
