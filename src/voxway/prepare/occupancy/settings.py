"""What labels are made with; all of it changes what is made, and is recorded with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from voxway.core.config import to_json
from voxway.core.errors import InputError
from voxway.core.files import Json
from voxway.core.grid import VoxelGrid
from voxway.truth.moving.deskew import Stamp
from voxway.truth.moving.settings import MovingSettings


@dataclass(frozen=True, kw_only=True)
class OccupancySettings:
    """How labels are made.

    Raises:
        InputError: a number is out of range.
    """

    moving: MovingSettings = field(default_factory=MovingSettings)
    """Thresholds of what moves."""
    grid: VoxelGrid | None = None
    """Where voxels are, metres in the vehicle's frame; None: the recording's own choice."""
    every: int = 5
    """Every so-many-th frame is a key frame and gets labels."""
    block_s: float = 2.0
    """Scans of so many seconds are counted together."""
    decide_blocks: int = 3
    """Blocks before and after a scan's that tell what moves in it."""
    before_s: float = 10.0
    """Scans so long before a key frame show what stands around it ..."""
    after_s: float = 10.0
    """... and so long after it."""
    travel_m: float = 0.5
    """Of these, one each time that the vehicle has gone so far; the most that it takes is `most_scans`."""
    most_scans: int = 100
    """Scans of each LiDAR that a volume is built from, at most."""
    least_points: int = 1
    """Returns that it takes to occupy a voxel."""
    turn_s: float | None = None
    """How long a turn of a spinning LiDAR takes whose files tell no times of points: times are then made from
    directions. None: scans without times are taken to be corrected for the vehicle's motion."""
    stamp: Stamp = "start"
    """Which moment of such a turn a scan's time is."""
    each_camera: bool = False
    """Whether to keep the mask of each camera, too."""

    def __post_init__(self) -> None:
        least = {"every": 1, "block_s": 0.1, "decide_blocks": 0, "before_s": 0, "after_s": 0, "travel_m": 0}
        least |= {"most_scans": 1, "least_points": 1, "turn_s": 1e-3}
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= 1e6:
                raise InputError(
                    file="occupancy",
                    field=f"--{name.replace('_', '-')}",
                    expected=f"at least {low:g}",
                    found=value,
                    remedy="See `voxway prepare occupancy --help`.",
                )

    def recorded(self, *names: str) -> dict[str, Json]:
        """Settings by name, as they are recorded."""
        return {name: to_json(getattr(self, name)) for name in names}
