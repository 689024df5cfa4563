"""The work on one drive: its blocks, key frames and files, and the passes that make them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from voxway.core.arrays import read_archive
from voxway.core.files import Json, atomic_path, reading
from voxway.core.grid import VoxelGrid
from voxway.data.prepared.made import Origin
from voxway.data.recordings import Drive, Frame, ScanName
from voxway.prepare.occupancy.blocks import Blocks, key_frames
from voxway.prepare.occupancy.body import bodies, looked_at
from voxway.prepare.occupancy.passes import Pass
from voxway.prepare.occupancy.placing import Placing
from voxway.prepare.occupancy.settings import OccupancySettings
from voxway.truth.moving.ego_body import EgoBody

VERSION = 1
"""Raised whenever the same recording and settings come to mean other labels."""


class DriveWork:
    """What is made of one drive.

    ::

        OUT/DRIVE/poses.txt                   where the vehicle was, if that is made from the scans
        OUT/DRIVE/body.npz                    the vehicle itself around each LiDAR
        OUT/DRIVE/evidence/000003.npz         counts of the scans of a block
        OUT/DRIVE/moving/000012.npy           for each return: 0 stands, 1 moves, 2 the vehicle, 3 left out
        OUT/DRIVE/moving/LIDAR/000012.npy     the same, of a rig with several LiDARs
        OUT/DRIVE/made                        what each was made from
        OUT/DRIVE/labels/000010.npz           voxel labels of a key frame (`voxway.core.voxel_labels`)

    Args:
        drive: the recording.
        out: folder of all drives.
        settings: how labels are made.
    """

    def __init__(self, drive: Drive, out: Path, settings: OccupancySettings) -> None:
        self.drive, self.out, self.settings = drive, out, settings
        self.folder = out / drive.name
        self.blocks = Blocks.of(drive, settings.block_s)
        self.frames: tuple[Frame, ...] = key_frames(drive, settings.every)
        self.grid: VoxelGrid = settings.grid or drive.grid
        self._several = len(self.by_sensor) > 1

    @cached_property
    def by_sensor(self) -> dict[str, tuple[tuple[ScanName, ...], Float64[np.ndarray, "_n"]]]:
        """Scans of each LiDAR by time, and these times: drives are long, and key frames look for a few of them."""
        found: dict[str, list[ScanName]] = {}
        for scan in self.drive.scans:
            found.setdefault(scan.sensor, []).append(scan)
        return {name: (tuple(scans), np.array([scan.time_s for scan in scans])) for name, scans in found.items()}

    @cached_property
    def placing(self) -> Placing:
        """Places scans, with the vehicle that `body` found."""
        self.body.ensure(self.body.keys)
        return Placing(self.drive, self.settings, self._read_body())

    @cached_property
    def body(self) -> Pass:
        """The vehicle around each LiDAR."""
        return Pass(
            what="vehicle",
            keys=("body",),
            targets=lambda key: [self.body_path],
            make=lambda key: self._write_body(bodies(self.drive)),
            origin=self.origin("body", {}, lambda key: self.scan_files(looked_at(self.drive))),
        )

    def origin(self, name: str, settings: Mapping[str, Json], sources: Callable[[str], Sequence[Path]]) -> Origin:
        """What files of a kind are made from."""
        return Origin(
            folder=self.folder,
            name=name,
            maker=f"occupancy: {name}",
            version=VERSION,
            settings=settings,
            root=self.drive.root,
            sources=sources,
        )

    def evidence_path(self, block: int) -> Path:
        """Counts of a block."""
        return self.folder / "evidence" / f"{block:06d}.npz"

    def moving_path(self, scan: ScanName) -> Path:
        """Which returns of a scan move."""
        folder = self.folder / "moving" / scan.sensor if self._several else self.folder / "moving"
        return folder / f"{scan.number:06d}.npy"

    def labels_path(self, frame: Frame) -> Path:
        """Labels of a key frame."""
        return self.folder / "labels" / f"{frame.number:06d}.npz"

    def block_key(self, block: int) -> str:
        """The name of a block, for records."""
        return f"{block:06d}"

    def frame_keys(self) -> dict[str, Frame]:
        """Key frames by their names."""
        return {f"{frame.number:06d}": frame for frame in self.frames}

    def until_next_s(self, frame: Frame) -> float:
        """Seconds to the next key frame; of the last one, those since the one before."""
        number = min(self.frames.index(frame), max(len(self.frames) - 2, 0))
        return float(np.ptp([one.time_s for one in self.frames[number : number + 2]]))

    def scan_files(self, scans: Iterable[ScanName]) -> list[Path]:
        """The files that scans are read from, each once, and what they are placed with."""
        return list(dict.fromkeys(path for scan in scans for path in self.drive.files(scan)))

    def placed_from(self, scans: Iterable[ScanName]) -> list[Path]:
        """The same, and the file that tells the vehicle in them."""
        return [*self.scan_files(scans), self.body_path]

    @property
    def body_path(self) -> Path:
        """The vehicle itself around each LiDAR."""
        return self.folder / "body.npz"

    def _write_body(self, found: Mapping[str, EgoBody]) -> None:
        arrays = {name: np.zeros(0, bool) if body.voxels is None else body.voxels for name, body in found.items()}
        with atomic_path(self.body_path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    def _read_body(self) -> dict[str, EgoBody]:
        path, remedy = self.body_path, "Delete it, and it is made again."
        with reading(path, remedy):
            arrays = read_archive(path.read_bytes(), path, [], remedy)
        return {name: EgoBody(voxels if voxels.ndim == 3 else None) for name, voxels in arrays.items()}
