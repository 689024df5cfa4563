"""Pinhole views of cameras whose lenses distort: the same optical axis, size and focal length said or chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, UInt8

from voxway.core.errors import InputError
from voxway.core.lens import Mei
from voxway.core.task import IGNORE
from voxway.data.own.rig import CameraEntry
from voxway.ops.remap import Remap

WIDEST_DEG = 110.0
"""Across a view that nobody chose: beyond that a pinhole picture is mostly stretched border."""
_LEAST_SEEN = 0.5


@dataclass(frozen=True, eq=False)
class PinholeView:
    """What networks are given of a camera.

    Attributes:
        K: its intrinsics, pixels.
        size_px: (height, width).
        remap: from the camera's pictures; None: they are taken as they are.
    """

    K: Float64[np.ndarray, "3 3"]
    size_px: tuple[int, int]
    remap: Remap | None

    @property
    def seen(self) -> Bool[np.ndarray, "h w"]:
        """Which of its pixels the camera's picture shows; others are black."""
        return np.ones(self.size_px, bool) if self.remap is None else self.remap.seen.numpy()

    def of(self, picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
        """The view of a picture."""
        if self.remap is None:
            return picture
        found = self.remap.view(torch.from_numpy(picture).permute(2, 0, 1))
        return found.permute(1, 2, 0).contiguous().numpy()

    def ids_of(self, ids: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h2 w2"]:
        """The view of a picture of ids, 255 where the camera's picture shows nothing."""
        return ids if self.remap is None else self.remap.ids(torch.from_numpy(ids), IGNORE).numpy()


def pinhole_view(camera: CameraEntry, file: object) -> PinholeView:
    """The view of a camera that its entry says; where it says nothing, the largest one inside the picture that has its
    shape, the focal length of the picture's centre, and is no wider than 110 degrees.

    Args:
        camera: its entry.
        file: the rig's, for errors.

    Raises:
        InputError: the view shows more black than picture.
    """
    if camera.view is None:
        return PinholeView(camera.K, camera.size_px, None)
    focal = camera.view.focal_px or _centre_focal(camera)
    view = _view(camera, focal, camera.view.size_px or _largest(camera, focal))
    seen = float(view.seen.mean())
    if seen < _LEAST_SEEN:
        raise InputError(
            file=file,
            field=f"{camera.place}.view",
            expected=f"a view that the picture fills at least by {_LEAST_SEEN:.0%}",
            found=f"{seen:.0%} of {view.size_px[1]} x {view.size_px[0]} px with a focal length of {focal:.0f} px",
            remedy="Take a longer focal length or a smaller view, or check lens, K and distortion.",
        )
    return view


def _view(camera: CameraEntry, focal: float, size_px: tuple[int, int]) -> PinholeView:
    height, width = size_px
    K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    return PinholeView(K, size_px, Remap.of(camera.lens, camera.size_px, K, size_px))


def _centre_focal(camera: CameraEntry) -> float:
    """Pixels per radian at the optical axis."""
    focal = float(camera.K[0, 0])
    return focal / (1 + camera.lens.xi) if isinstance(camera.lens, Mei) else focal


def _largest(camera: CameraEntry, focal: float) -> tuple[int, int]:
    """(height, width) of the largest view of the picture's shape whose border the picture shows all round."""
    widest = 2 * focal * np.tan(np.radians(WIDEST_DEG / 2))
    low, high = 0.0, min(widest / camera.size_px[1], 4.0)
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if _border_seen(camera, focal, _scaled(camera, middle)) else (low, middle)
    return _scaled(camera, low)


def _scaled(camera: CameraEntry, scale: float) -> tuple[int, int]:
    height, width = camera.size_px
    return max(8, int(scale * height)), max(8, int(scale * width))


def _border_seen(camera: CameraEntry, focal: float, size_px: tuple[int, int]) -> bool:
    height, width = size_px
    across, down = np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    rows = [np.stack([across, np.full(width, edge)], -1) for edge in (down[0], down[-1])]
    columns = [np.stack([np.full(height, edge), down], -1) for edge in (across[0], across[-1])]
    plane = np.concatenate([*rows, *columns]) / focal
    pixels, drawn = camera.lens.project(np.concatenate([plane, np.ones((len(plane), 1))], -1)[None])
    last = np.array(camera.size_px[::-1]) - 0.5
    return bool(drawn.all() and ((pixels >= -0.5) & (pixels <= last)).all())
