"""Training augmentation of cameras, LiDAR and their voxels. What the defaults do is BEVDet's, which EFFOcc uses
unchanged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxway.data.steps.photometric import Photometric


@dataclass(frozen=True, kw_only=True)
class Augment:
    """How far a training sample may be changed. Every camera draws its own change of its picture."""

    scale: tuple[float, float] = (-0.06, 0.11)
    """Added to the scale that makes the source as wide as the network's image."""
    flip: float = 0.5
    """How likely a picture is mirrored left to right, 0..1."""
    rotation_deg: tuple[float, float] = (-5.4, 5.4)
    """Rotation about the picture's centre, counter-clockwise."""
    flip_x: float = 0.5
    """How likely front and back change places: points, voxels and cameras together."""
    flip_y: float = 0.5
    """How likely left and right change places: points, voxels and cameras together."""
    photometric: Photometric | None = None
    """What light, lens and chip may do to pictures; None: nothing."""
    points: tuple[float, float] = (1.0, 1.0)
    """Least and greatest share of points that are kept."""

    def __post_init__(self) -> None:
        for name in ("flip", "flip_x", "flip_y"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability from 0 to 1, got {getattr(self, name)}")
        for name in ("scale", "rotation_deg", "points"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} must ascend, got {low} to {high}")
        if self.points[0] < 0 or self.points[1] > 1:
            raise ValueError(f"points is a range of shares from 0 to 1, got {self.points}")

    @property
    def mirrors(self) -> bool:
        """Whether it may move voxels."""
        return self.flip_x > 0 or self.flip_y > 0


@dataclass(frozen=True, kw_only=True)
class ImageChange:
    """What happens to one picture, in this order.

    Attributes:
        scale: new size over source size.
        left: first column that the crop keeps; the crop always keeps the bottom rows.
        flip: mirror left to right.
        rotation_deg: counter-clockwise.
    """

    scale: float
    left: int = 0
    flip: bool = False
    rotation_deg: float = 0.0


def draw_image_change(augment: Augment, source_width: int, width: int, random: np.random.Generator) -> ImageChange:
    """Draw what happens to one picture that is to become `width` px wide."""
    scale = width / source_width + random.uniform(*augment.scale)
    spare = max(0, int(source_width * scale) - width)
    return ImageChange(
        scale=scale,
        left=int(random.uniform(0, spare)),
        flip=bool(random.random() < augment.flip),
        rotation_deg=float(random.uniform(*augment.rotation_deg)),
    )


def draw_flips(augment: Augment, random: np.random.Generator) -> tuple[bool, bool]:
    """Draw whether the scene is mirrored along x, and along y."""
    return bool(random.random() < augment.flip_x), bool(random.random() < augment.flip_y)
