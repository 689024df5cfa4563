"""What the contents of a prepared file move with when training changes a sample."""

from __future__ import annotations

from typing import Literal

LiesOn = Literal["voxels", "pixels", "nothing"]
"""voxels: a volume (..., x, y, z) in the space of the grid, mirrored with it. pixels: maps (n, h, w) of the recorded
pictures, uint8 ids (255 unknown) or float32 (0 unknown), resized, cropped, mirrored and turned with them, never mixed.
nothing: as stored."""
