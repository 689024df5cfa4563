"""What a dataset's reader offers: the raw moment that files hold, and nothing else. Steps and makers do the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

from voxway.core.benchmark import Benchmark
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample


@runtime_checkable
class Reader(Protocol):
    """Frames of one benchmark by key.

    Raw fields that a reader may provide: ``images`` ``points`` ``point_labels`` ``pose`` ``time`` ``target``, and as
    extras ``T_cam_points`` (points to cameras, (n, 4, 4) float32, where it is not the cameras' own), ``P`` and
    ``T_rect_ego`` (projections (n, 3, 4) of rectified cameras, and ego to the frame that they project from), and
    ``lidar_origin`` (where the LiDAR is in the frame of the points, (3,) metres).
    """

    @property
    def benchmark(self) -> Benchmark:
        """What is read."""
        ...

    @property
    def keys(self) -> Sequence[str]:
        """The frames that were asked for, in order."""
        ...

    @property
    def split_keys(self) -> Sequence[str]:
        """All frames of the split that are there, in order, asked for or not."""
        ...

    @property
    def provides(self) -> frozenset[str]:
        """Raw fields that the files hold."""
        ...

    @property
    def mask_names(self) -> tuple[str, ...]:
        """Masks that come with a target."""
        ...

    def drive(self, key: str) -> str:
        """The sequence or scene of a frame, by which labels are dealt out."""
        ...

    def before(self, key: str, recordings: int) -> str:
        """The frame so many recordings before, or the first of the drive. It need not be among `keys`."""
        ...

    def files(self, key: str, field: str) -> Sequence[Path]:
        """The files that a raw field of a frame is read from, those that it shares with other frames included; of
        ``cameras`` the pictures are part."""
        ...

    def moment(self, key: str, fields: frozenset[str], random: np.random.Generator) -> Sample:
        """What the files hold of a frame: these raw fields, images in their own size.

        Args:
            key: the frame.
            fields: raw fields; ``cameras`` alone reads no picture. The target is for `truth`.
            random: for whatever is drawn, such as which LiDAR sweeps.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        ...

    def truth(self, key: str) -> Occupancy:
        """Labels and masks of a frame.

        Raises:
            InputError: the label file is missing or damaged.
        """
        ...


@runtime_checkable
class LidarPoses(Protocol):
    """What a reader offers besides, for scores along rays: where the LiDAR stood, in any frame of the split. Where the
    benchmark's rays start at the frame's own place alone, poses play no part."""

    def lidar_pose(self, key: str) -> tuple[Float64[np.ndarray, "4 4"], Float64[np.ndarray, "4 4"]]:
        """`T_world_ego` at the LiDAR's time, and `T_ego_lidar`; float64, metres.

        Raises:
            InputError: a pose is missing or damaged.
        """
        ...


@runtime_checkable
class TruthBeside(Protocol):
    """What a reader offers besides, for scores of more than classes."""

    def beside(self, key: str, name: str) -> np.ndarray:
        """What a frame's voxels carry beside their class (`voxway.data.files.volumes.BESIDE`), (x, y, z) and more axes.

        Raises:
            InputError: the label file has no such array, or is damaged.
        """
        ...


def holds(reader: Reader, key: str, field: str) -> bool:
    """Whether the files that a raw field is read from exist for a frame."""
    return all(path.exists() for path in reader.files(key, field))
