"""VoxelLabels: what recordings prove about the voxels around a vehicle at one moment; voxway's own label file.

Nothing, free and occupied are told apart, and the counts that decided it are kept, so that other thresholds need no
second look at the recordings. Volumes are (x, y, z) in C order; what a number means stands in the file itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float16, Float64, UInt8

from voxway.core.errors import InputError
from voxway.core.files import Json
from voxway.core.recorded import Recorded
from voxway.core.task import IGNORE, Task

UNKNOWN, FREE, OCCUPIED = 0, 1, 2
"""States of a voxel."""
STATES = ("unknown", "free", "occupied")
_REMEDY = "Make it again with `voxway prepare occupancy`."
_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class VoxelLabels:
    """Labels of one key frame, all arrays in the order (x, y, z) of the task's grid.

    Raises:
        InputError: arrays of another shape or kind, ids that are no class, arrays that contradict each other, or a
            pose that is not rigid.
    """

    key: str
    """Names the frame: ``"drive/000012"``."""
    task: Task
    """The grid, metres in `frame`, and names, colours and ids of the classes, the free one among them."""
    frame: str
    """Which frame the grid is in: ``"ego"`` (x ahead, y left, z up), or a sensor's name."""
    T_world_frame: Float64[np.ndarray, "4 4"]
    """That frame to the world of the recording's poses, metres."""
    time_s: float
    """Of the key frame, seconds, by the recording's clock."""
    label: UInt8[np.ndarray, "x y z"]
    """Class id of occupied voxels, 255 for those without a class; the free class's of free ones; 255 of unknown ones.
    A network may learn from it as it is."""
    state: UInt8[np.ndarray, "x y z"]
    """0 unknown, 1 free (seen empty with all its neighbours), 2 occupied."""
    lidar: Bool[np.ndarray, "x y z"]
    """LiDAR mask: a return came from the voxel, or a ray passed it. Wider than the known states."""
    camera: Bool[np.ndarray, "x y z"]
    """Camera mask: of those, on a line of sight of a camera. All false for a rig without cameras."""
    moving: Bool[np.ndarray, "x y z"]
    """Occupied by something that moves."""
    hits: UInt8[np.ndarray, "x y z"]
    """Scans with a return from the voxel, what moved left out; 255 stands for more, too."""
    passes: UInt8[np.ndarray, "x y z"]
    """Scans with a ray that passed the voxel; 255 stands for more, too."""
    confirmed: UInt8[np.ndarray, "x y z"]
    """Scans that saw the voxel and all its 26 neighbours, and it empty; 255 stands for more, too."""
    cameras: Mapping[str, Bool[np.ndarray, "x y z"]] = field(default_factory=dict)
    """The camera mask of each camera by itself, where they were asked for."""
    flow: Float16[np.ndarray, "x y z 3"] | None = None
    """Way to the next frame of what moves, in voxels along x, y, z, where boxes told it; 0 elsewhere."""
    until_next_s: float = 0.0
    """Seconds to the next key frame, which `flow` is the way of; 0 where nobody knows."""
    own: Bool[np.ndarray, "x y z"] | None = None
    """Where the frame's own scans alone have a return; None of labels that were made before this was kept."""
    scans: tuple[str, ...] = ()
    """Names of the scans that the volume was built from."""
    lacking_s: tuple[float, float] = (0.0, 0.0)
    """How much of the time before and after the frame that scans were to be taken from is not in the recording: labels
    get thin at the ends of a drive."""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    """All that changes what is made from the same recording."""
    version: str = ""
    """Of the program that made it."""
    recorded: Recorded = field(default_factory=Recorded)
    """What the recording calls the frame, and its pictures."""

    def __post_init__(self) -> None:
        shape = self.task.grid.shape
        for name, volume in self.volumes().items():
            if volume.shape[:3] != shape:
                raise self._wrong(name, f"{shape} voxels, the grid of {self.task.name}", volume.shape)
        if not all(map(np.isfinite, (self.time_s, *self.T_world_frame.ravel()))) or not _rigid(self.T_world_frame):
            raise self._wrong("T_world_frame", "a rigid transform in metres", self.T_world_frame.tolist())
        for name, holds in self._rules():
            if not holds.all():
                first = np.argwhere(~holds)[0].tolist()
                raise self._wrong(name, "volumes that agree", f"{int((~holds).sum())} voxels that do not, as {first}")

    def volumes(self) -> dict[str, np.ndarray]:
        """All arrays by the names under which they are stored; each camera's mask as ``camera_NAME``."""
        names = ("label", "state", "lidar", "camera", "moving", "hits", "passes", "confirmed")
        found = {name: getattr(self, name) for name in names}
        found |= {f"camera_{name}": mask for name, mask in self.cameras.items()}
        return found | {name: volume for name in ("flow", "own") if (volume := getattr(self, name)) is not None}

    @property
    def occupied(self) -> Bool[np.ndarray, "x y z"]:
        """Voxels that hold something."""
        return self.state == OCCUPIED

    @property
    def known(self) -> Bool[np.ndarray, "x y z"]:
        """Voxels of which it is known whether they hold something."""
        return self.state != UNKNOWN

    def _rules(self) -> list[tuple[str, np.ndarray]]:
        """What must hold of every voxel."""
        free, occupied, task = self.state == FREE, self.state == OCCUPIED, self.task
        return [
            ("state", self.state <= OCCUPIED),
            ("label", (self.label < len(task.classes)) | (self.label == IGNORE)),
            ("label and state", (self.label == task.free) == free),
            ("label of unknown voxels", (self.label == IGNORE) | (self.state != UNKNOWN)),
            ("moving and state", ~self.moving | occupied),
            ("lidar and state", self.lidar | ~occupied),
            ("camera and lidar", self.lidar | ~self.camera),
            *((f"camera_{name} and camera", self.camera | ~mask) for name, mask in self.cameras.items()),
        ]

    def _wrong(self, field: str, expected: object, found: object) -> InputError:
        return InputError(file=f"labels of {self.key}", field=field, expected=expected, found=found, remedy=_REMEDY)


def _rigid(T: Float64[np.ndarray, "4 4"]) -> bool:
    turn = T[:3, :3]
    orthogonal = np.abs(turn @ turn.T - np.eye(3)).max() < _TOLERANCE and np.linalg.det(turn) > 0
    return bool(orthogonal and T[3].tolist() == [0, 0, 0, 1])
