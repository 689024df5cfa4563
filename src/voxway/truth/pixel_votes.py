"""Classes of points and voxels from classes of pixels: what a picture shows at the place of each, where it shows it.

Laser and camera do not stand at the same place, and voxels are gathered over time, so a picture may show something else
in front of a point. Points are drawn as small squares into a picture of depths, together with what was scanned when the
picture was taken. A point is not seen if it lies behind what is drawn at its pixel, or if nothing was scanned there. At
edges of what pictures say classes are not to be trusted, and none is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Shaped, UInt8

from voxway.core.camera import Cameras
from voxway.core.task import IGNORE, SKY

_BESIDE_RAD = 0.003
"""Half a square's width: beams of a LiDAR lie 0.003 to 0.007 apart."""
_BEHIND_M, _BEHIND_SHARE = 0.3, 0.02
"""How far behind the nearest thing at its pixel a point may be, and more with its depth."""
_LEAST_VOTES, _LEAST_SHARE = 2, 0.6
"""Pictures that must show a voxel, and how much of their votes its class must have."""


def pixel_classes(
    points: Float64[np.ndarray, "p 3"],
    others: Float64[np.ndarray, "q 3"],
    cameras: Cameras,
    maps: UInt8[np.ndarray, "n h w"],
) -> tuple[UInt8[np.ndarray, "n p"], Float32[np.ndarray, "n p"]]:
    """What pictures say about points.

    Args:
        points: metres, in the frame of the cameras.
        others: what was scanned when the pictures were taken; where nothing was, nobody knows what stands before what.
        cameras: of the pictures.
        maps: class ids of their pixels, 254 sky, 255 unknown; small pictures stand in the top left corner.

    Returns:
        class of each point by each picture, 255 where it is not seen or shows none; and its depth, metres.
    """
    first = len(points)
    pixels, depths = cameras.project(torch.from_numpy(np.concatenate([points, others])))
    inside = cameras.visible(pixels, depths).numpy()
    classes = np.full((cameras.count, len(points)), IGNORE, np.uint8)
    for number, own in enumerate(inside):
        height, width = cameras.size_px[number].tolist()
        beside = max(round(float(cameras.projection[number, 0, :3].norm()) * _BESIDE_RAD), 1)
        columns, rows = pixels[number].numpy()[own].round().astype(np.int64).T
        at = np.minimum(rows, height - 1), np.minimum(columns, width - 1)
        depth = depths[number].numpy()[own]
        place = np.flatnonzero(own)
        nearest, looked = np.full((height, width), np.inf), np.full((height, width), np.inf)
        np.minimum.at(nearest, at, depth)
        scanned = place >= first
        np.minimum.at(looked, (at[0][scanned], at[1][scanned]), depth[scanned])
        seen = depth <= _least(nearest, beside)[at] + _BEHIND_M + _BEHIND_SHARE * depth
        seen &= np.isfinite(_least(looked, beside))[at]
        found = np.where(seen, _even(maps[number, :height, :width], beside)[at], IGNORE)
        classes[number, place[place < first]] = found[place < first]
    return classes, depths.numpy()[:, :first].astype(np.float32)


@dataclass
class PixelVotes:
    """Votes of pictures about voxels.

    Attributes:
        points: a place in each voxel at which its returns lie, metres.
        count: of classes.
    """

    points: Float64[np.ndarray, "v 3"]
    count: int
    _weights: Float32[np.ndarray, "v k"] = field(init=False)
    _votes: UInt8[np.ndarray, "v"] = field(init=False)

    def __post_init__(self) -> None:
        self._weights = np.zeros((len(self.points), self.count), np.float32)
        self._votes = np.zeros(len(self.points), np.uint8)

    def add(self, others: Float64[np.ndarray, "q 3"], cameras: Cameras, maps: UInt8[np.ndarray, "n h w"]) -> None:
        """Let the pictures of a moment vote, near ones more; see `pixel_classes`."""
        for classes, depth in zip(*pixel_classes(self.points, others, cameras, maps)):
            known = np.flatnonzero(classes < self.count)
            self._weights[known, classes[known]] += 1 / np.maximum(depth[known], 1)
            self._votes[known] += self._votes[known] < 255

    def classes(self) -> UInt8[np.ndarray, "v"]:
        """Class of each voxel; 255 where too few pictures showed it, or they do not agree."""
        best = self._weights.argmax(1)
        share = self._weights.max(1) / np.maximum(self._weights.sum(1), 1e-9)
        agreed = (self._votes >= _LEAST_VOTES) & (share >= _LEAST_SHARE)
        return np.where(agreed, best, IGNORE).astype(np.uint8)


def _even(ids: UInt8[np.ndarray, "h w"], beside: int) -> UInt8[np.ndarray, "h w"]:
    """Classes of pixels whose neighbours have the same; 255 elsewhere, and where the sky is."""
    same: Bool[np.ndarray, "h w"] = _least(ids, beside) == 255 - _least(255 - ids, beside)
    return np.where(same & (ids != SKY), ids, IGNORE).astype(np.uint8)


def _least(values: Shaped[np.ndarray, "h w"], beside: int) -> Shaped[np.ndarray, "h w"]:
    """The least value in a square around each pixel."""
    for axis in (0, 1):
        pad = [(beside, beside) if axis == one else (0, 0) for one in (0, 1)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, pad, mode="edge"), 2 * beside + 1, axis)
        values = windows.min(-1)
    return values
