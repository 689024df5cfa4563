"""Does a picture belong to a calibration?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from voxway.core.errors import InputError

_NARROWEST, _WIDEST = 0.1, 20.0
"""Focal length in widths of the picture: a view of 157 degrees, and one of 3."""


def check_principal_point(
    path: Path | str, size_px: tuple[int, int], K: Float64[np.ndarray, "3 3"], least_row: float = 0.2
) -> None:
    """Refuse a picture, (height, width) `size_px`, that intrinsics cannot belong to.

    Args:
        path: the picture, for the error.
        size_px: its size.
        K: intrinsics of the picture as recorded.
        least_row: the principal point's row must lie between this share of the height and the rest to 1; its column
            between a quarter and three quarters of the width. Surround cameras look up or down more than KITTI's.

    Raises:
        InputError: it does not, as after a resize or crop, or with another drive's calibration.
    """
    (height, width), u, v = size_px, K[0, 2], K[1, 2]
    if not (width / 4 < u < 3 * width / 4 and least_row * height < v < (1 - least_row) * height):
        raise InputError(
            file=path,
            field="size",
            expected=f"a picture around the principal point ({u:.0f}, {v:.0f}), about {2 * u:.0f} x {2 * v:.0f} px",
            found=f"{width} x {height} px",
            remedy="Use the pictures in their original size, with their own calibration.",
        )
    focal = float(K[0, 0])
    if not _NARROWEST * width < focal < _WIDEST * width:
        raise InputError(
            file=path,
            field="focal length",
            expected=f"{_NARROWEST * width:.0f} to {_WIDEST * width:.0f} px, for a picture {width} px wide",
            found=f"{focal:.4g} px",
            remedy="Give intrinsics in pixels of the picture as recorded, not in millimetres.",
        )
