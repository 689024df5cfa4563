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


def slerp(
    before: Float64[np.ndarray, "n 4"], after: Float64[np.ndarray, "n 4"], share: Float64[np.ndarray, "n"]
) -> Float64[np.ndarray, "n 4"]:
    """Unit quaternions on the shorter way from one to another, turning evenly (Shoemake 1985).

    Args:
        before: unit quaternions.
        after: likewise.
        share: of the way, 0 to 1.
    """
    cosine = (before * after).sum(-1)
    after = np.where(cosine[:, None] < 0, -after, after)
    angle = np.arccos(np.clip(np.abs(cosine), 0, 1))
    sine = np.sin(angle)
    straight = sine < 1e-6  # so near each other that the way is a line, up to rounding
    divisor = np.where(straight, 1, sine)
    first = np.where(straight, 1 - share, np.sin((1 - share) * angle) / divisor)
    second = np.where(straight, share, np.sin(share * angle) / divisor)
    between = first[:, None] * before + second[:, None] * after
    return between / np.linalg.norm(between, axis=-1, keepdims=True)
