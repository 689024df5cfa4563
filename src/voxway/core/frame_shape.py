"""FrameShape: what a dataset's frames are like, told without reading one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FrameShape:
    """How much of everything a frame has: what made-up frames need to know besides a task and the fields to make.

    Raises:
        ValueError: a count or a size is too small.
    """

    cameras: int = 6
    """Cameras of one frame: one looks ahead, several look all around."""
    image_px: tuple[int, int] = (256, 704)
    """(height, width) of the network's images."""
    columns: int = 8
    """Columns of a LiDAR point, at least 3; networks take the first ones, as many as they know."""
    sweeps: int = 1
    """LiDAR scans laid over each other."""
    earlier: int = 0
    """Earlier frames."""
    masks: tuple[str, ...] = ()
    """Names of the masks that come with labels."""
    proposals: int = 17_000
    """Voxels proposed as occupied, where the grid has four times as many; and about as many with pseudo points."""

    def __post_init__(self) -> None:
        least = {"cameras": 1, "columns": 3, "sweeps": 1, "earlier": 0, "proposals": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(f"{name} must be at least {value}, got {getattr(self, name)}")
        if min(self.image_px) < 1:
            raise ValueError(f"image_px is (height, width) in pixels, got {self.image_px}")
