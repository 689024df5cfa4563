"""Quaternions: rotations as other people's files have them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64


def quaternion(rotation: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "4"]:
    """Unit quaternion (w, x, y, z) of a rotation, w not negative.

    The eigenvector of largest eigenvalue of a symmetric matrix (Bar-Itzhack 2000): good for any angle.
    """
    (a, b, c), (d, e, f), (g, h, i) = rotation
    matrix = np.array(
        [
            [a + e + i, h - f, c - g, d - b],
            [h - f, a - e - i, b + d, c + g],
            [c - g, b + d, e - a - i, f + h],
            [d - b, c + g, f + h, i - a - e],
        ]
    )
    vector = np.linalg.eigh(matrix)[1][:, -1]
    return vector if vector[0] >= 0 else -vector


def quaternion_rotation(wxyz: object) -> Float64[np.ndarray, "3 3"]:
    """Rotation matrix of a quaternion (w, x, y, z), normalised first."""
    w, x, y, z = np.asarray(wxyz, np.float64) / np.linalg.norm(np.asarray(wxyz, np.float64))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
