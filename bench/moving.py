"""How well moving and standing points are told apart, and how well voxels agree with the truth: worlds and real scans.

    python bench/moving.py --worlds /tmp/worlds                      makes them first: minutes
    python bench/moving.py --worlds /tmp/worlds --variants all       with the extra `poses`
    python bench/moving.py --real DATA/semantickitti                 sequence 08, scans 0 to 9

Points at 3 to 50 m are scored by identity, and as the DynamicMap benchmark scores a map: within 5 cm of a kept point.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from voxway.core.transforms import rigid
from voxway.core.voxel_labels import FREE
from voxway.core.voxel_labels_file import read_voxel_labels
from voxway.data.own.track import Track
from voxway.data.recordings import Drive, Scan, ScanName
from voxway.data.semantickitti.drive import SequenceDrive, open_drives
from voxway.data.semantickitti.layout import read_point_labels
from voxway.metrics.motion import MotionCounts, motion_counts, near_map
from voxway.prepare.occupancy.chosen import chosen_scans
from voxway.prepare.occupancy.motion import MOVES, read_motion
from voxway.prepare.occupancy.odometry import odometry
from voxway.prepare.occupancy.run import prepare
from voxway.prepare.occupancy.settings import OccupancySettings
from voxway.prepare.occupancy.work import DriveWork
from voxway.world import generate
from voxway.world.layouts.semantickitti.config import WorldConfig

SEEDS = (7, 23)
"""Thresholds were chosen on the first; the second was held out."""
MOVED = (2, 4)
"""Instances of 08's cars and such that move by more than 2 m within scans 0 to 9."""
_TURN_S = 0.1
_USUAL = OccupancySettings(every=20)


class Altered:
    """A drive whose scans or poses are worse than they were.

    Args:
        drive: the recording.
        alter: from a scan and its name, another.
        track: other poses.
    """

    def __init__(
        self, drive: SequenceDrive, alter: Callable[[Scan, ScanName], Scan] | None = None, track: Track | None = None
    ) -> None:
        self._drive, self._alter = drive, alter
        self.track = track or drive.track

    def __getattr__(self, name: str) -> object:
        return getattr(self._drive, name)

    def read(self, scan: ScanName) -> Scan:
        found = self._drive.read(scan)
        return found if self._alter is None else self._alter(found, scan)


@dataclass(frozen=True)
class Variant:
    """What is made worse, and with which settings that is met."""

    alter: Callable[[SequenceDrive], Drive | Altered]
    settings: OccupancySettings = _USUAL


def noisy(metres: float, degrees: float) -> Callable[[SequenceDrive], Altered]:
    """Poses with an error of their own in each scan."""

    def alter(drive: SequenceDrive) -> Altered:
        random, times = np.random.default_rng(5), drive.track.times_s
        shift = random.normal(0, metres / np.sqrt(2), (len(times), 3))
        angle = np.radians(random.normal(0, degrees / np.sqrt(2), (len(times), 3)))
        turns = [torch.linalg.matrix_exp(torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]])) for x, y, z in angle]
        T = rigid(torch.stack(turns), torch.from_numpy(shift)).numpy()
        return Altered(drive, track=Track.of("world", drive.frame, times, drive.track.at(times) @ T))

    return alter


def fewer_beams(factor: int) -> Callable[[SequenceDrive], Altered]:
    """Every so-many-th beam of 64, which are parted by their elevation."""

    def alter(drive: SequenceDrive) -> Altered:
        first = drive.read(drive.scans[0]).points
        edges = np.quantile(_elevation(first), np.linspace(0, 1, 65)[1:-1])

        def one(scan: Scan, name: ScanName) -> Scan:
            # What is left out stays in the file's order, but so near that nobody uses it.
            kept = np.searchsorted(edges, _elevation(scan.points)) % factor == 0
            return replace(scan, points=np.where(kept[:, None], scan.points, np.float32(1e-3)))

        return Altered(drive, one)

    return alter


def skewed(drive: SequenceDrive) -> Altered:
    """Scans as a turning LiDAR records them, with times of their points."""

    def one(scan: Scan, name: ScanName) -> Scan:
        after = ((np.pi - np.arctan2(scan.points[:, 1], scan.points[:, 0])) / (2 * np.pi) - 0.5) * _TURN_S
        bins = np.linspace(-_TURN_S / 2, _TURN_S / 2, 65)
        number = np.clip(np.searchsorted(bins, after) - 1, 0, 63)
        T = drive.track.at(np.array([name.time_s]))[0]
        inverse = np.linalg.inv(drive.track.at(name.time_s + bins[:-1])) @ T
        points = np.einsum("pij,pj->pi", inverse[number, :3, :3], scan.points) + inverse[number, :3, 3]
        return replace(scan, points=points.astype(np.float32), after_s=bins[number].astype(np.float32))

    return Altered(drive, one)


def not_corrected(drive: SequenceDrive) -> Altered:
    """The same without times."""
    worse = skewed(drive)
    return Altered(drive, lambda scan, name: replace(worse.read(name), after_s=None))


def registered(drive: SequenceDrive) -> Altered:
    """Poses from the scans alone, by KISS-ICP."""
    return Altered(drive, track=odometry(drive, _USUAL, show=False))


def skewed_registered(drive: SequenceDrive) -> Altered:
    """The same from scans as a turning LiDAR records them, with times of their points."""
    worse = skewed(drive)
    worse.track = odometry(worse, _USUAL, show=False)
    return worse


VARIANTS = {
    "as recorded": Variant(lambda drive: drive),
    "poses off by 2 cm, 0.05 deg": Variant(noisy(0.02, 0.05)),
    "poses off by 5 cm, 0.1 deg": Variant(noisy(0.05, 0.1)),
    "the same, thresholds for it": Variant(noisy(0.05, 0.1), replace(_USUAL, moving=_USUAL.moving.cautious())),
    "32 beams": Variant(fewer_beams(2), replace(_USUAL, moving=_USUAL.moving.sparse())),
    "16 beams": Variant(fewer_beams(4), replace(_USUAL, moving=_USUAL.moving.sparse())),
    "skewed, with times": Variant(skewed),
    "skewed, without times": Variant(not_corrected),
    "poses of KISS-ICP": Variant(registered),
    "the same, skewed, with times": Variant(skewed_registered),
}


def main() -> None:
    """Print tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--worlds", type=Path, help="folder for the worlds; made if absent")
    options.add_argument("--real", type=Path, help="folder with sequences/08")
    options.add_argument("--variants", choices=("usual", "all"), default="usual")
    options.add_argument("--volumes", action="store_true", help="also compare voxels with the truth")
    chosen = options.parse_args()
    print("drive, variant | SA DA AA HA by identity | SA DA AA HA within 5 cm | seconds a scan")
    if chosen.real is not None:
        _report("08, scans 0 to 9", open_drives(chosen.real, ("08",))[0], VARIANTS["as recorded"], _moved, False)
    for seed in SEEDS if chosen.worlds is not None else ():
        root = chosen.worlds / f"world{seed}"
        if not (root / "world.json").exists():
            config = WorldConfig(seed=seed, sequences={"00": 1, "08": 1}, columns=1024, tail=120, size_px=(185, 613))
            generate(root, config)
        for drive in open_drives(root):
            for name, variant in VARIANTS.items():
                if name == "as recorded" or (chosen.variants == "all" and seed == SEEDS[0]):
                    volumes = chosen.volumes and name == "as recorded"
                    _report(f"seed {seed} {drive.name}, {name}", drive, variant, _moving, volumes)


def _report(name: str, drive: SequenceDrive, variant: Variant, truth: Callable, volumes: bool) -> None:
    altered = variant.alter(drive)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        prepare([altered], Path(folder), variant.settings, last="moving", show=False)
        seconds = (time.process_time() - began) / len(drive.scans)
        work = DriveWork(altered, Path(folder), variant.settings)
        exact, near = _scores(work, drive, truth, altered is drive)
        print(f"{name} | {_row(exact)} | {_row(near) if near else '-'} | {seconds:.2f}", flush=True)
        if volumes:
            prepare([altered], Path(folder), variant.settings, show=False)
            _compare_volumes(name, work, drive)


def _scores(
    work: DriveWork, drive: SequenceDrive, truth: Callable, both: bool
) -> tuple[MotionCounts, MotionCounts | None]:
    points, kept, moving = [], [], []
    for scan in drive.scans:
        returns = work.placing.read(scan)
        far = np.linalg.norm(drive.read(scan).points, axis=1)
        moves, counts = truth(drive, scan, len(far))
        scored = (far >= 3) & (far <= 50) & counts & returns.used
        points.append(returns.points[scored])
        kept.append(read_motion(work.moving_path(scan), len(far))[scored] != MOVES)
        moving.append(moves[scored])
    all_points, all_kept, all_moving = (np.concatenate(parts) for parts in (points, kept, moving))
    exact = motion_counts(all_kept, all_moving)
    return exact, motion_counts(near_map(all_points, all_kept), all_moving) if both else None


def _moving(drive: SequenceDrive, scan: ScanName, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Which points move by their class, and which are scored."""
    raw = read_point_labels(drive.files_of.point_labels(scan.number), points) & 0xFFFF
    return (raw >= 252) & (raw <= 259), np.ones(points, bool)


def _moved(drive: SequenceDrive, scan: ScanName, points: int) -> tuple[np.ndarray, np.ndarray]:
    """The same for things that do move within the second; others of these classes are not scored."""
    labels = read_point_labels(drive.files_of.point_labels(scan.number), points)
    raw = labels & 0xFFFF
    named = (raw >= 252) & (raw <= 259)
    moved = named & np.isin(labels >> 16, MOVED) & (raw != 253) & (raw != 254) & (raw != 255)
    return moved, ~named | moved


def _compare_volumes(name: str, work: DriveWork, drive: SequenceDrive) -> None:
    for frame in work.frames:
        if frame.number not in (20, 60):
            continue
        labels = read_voxel_labels(work.labels_path(frame))
        wanted, surface = np.zeros(labels.task.grid.shape, bool), np.zeros(labels.task.grid.shape, bool)
        chosen = chosen_scans(work, frame)
        T = np.linalg.inv(labels.T_world_frame)
        for scan in drive.scans:
            returns = work.placing.read(scan)
            stands = ~_moving(drive, scan, len(returns.points))[0] & returns.used
            index = labels.task.grid.index(torch.from_numpy(returns.points @ T[:3, :3].T + T[:3, 3]))
            inside = labels.task.grid.holds(index).numpy()
            surface[tuple(index.numpy()[stands & inside].T)] = True
            if scan in chosen.scans:
                there = (returns.used if scan in chosen.own else stands) & inside
                wanted[tuple(index.numpy()[there].T)] = True
        found, free = labels.occupied, labels.state == FREE
        print(
            f"{name}, key {frame.number}: IoU {_percent(found & wanted, found | wanted)}, "
            f"ghosts {_percent(found & ~wanted, wanted)}, lost {_percent(wanted & ~found, wanted)}, "
            f"free voxels with a surface {_percent(free & surface, free)} %",
            flush=True,
        )


def _percent(some: np.ndarray, of: np.ndarray) -> str:
    return f"{100 * some.sum() / max(of.sum(), 1):.2f}"


def _row(counts: MotionCounts) -> str:
    return f"{counts.sa:.2f} {counts.da:.1f} {counts.aa:.1f} {counts.ha:.1f}"


def _elevation(points: np.ndarray) -> np.ndarray:
    return np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1]))


if __name__ == "__main__":
    main()
