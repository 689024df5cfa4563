"""How well moving and standing points are told apart, and how well voxels agree with the truth: worlds and real scans.

    python bench/moving.py --worlds /tmp/worlds                      makes them first: minutes
    python bench/moving.py --worlds /tmp/worlds --variants all       with the extra `poses`
    python bench/moving.py --worlds /tmp/worlds --volumes            voxels of two key frames a street, too
    python bench/moving.py --real DATA/semantickitti                 sequence 08, scans 0 to 9
    python bench/moving.py --worlds /tmp/worlds --dufomap            beside the package `dufomap`, if installed

Points at 3 to 50 m are scored by identity, and as the DynamicMap benchmark scores a map: within 5 cm of a kept point.
The package is given the same returns at the same poses, with the published settings for LiDARs of 64 beams.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from voxway.core.grid import VoxelGrid
from voxway.core.transforms import rigid
from voxway.core.voxel_labels import FREE
from voxway.data.recordings import Drive, Scan, ScanName
from voxway.data.semantickitti.drive import SequenceDrive, open_drives
from voxway.data.semantickitti.layout import read_point_labels
from voxway.data.track import Track
from voxway.metrics.motion import MotionCounts, motion_counts, near_map
from voxway.prepare.occupancy.chosen import chosen_scans
from voxway.prepare.occupancy.evidence import evidence_pass
from voxway.prepare.occupancy.labels import Labelling
from voxway.prepare.occupancy.motion import MOVES, motion_pass, read_motion
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
GRIDS = {
    "0.2 m": None,
    "0.4 m": VoxelGrid((-40.0, -40.0, -2.8), (0.4, 0.4, 0.4), (200, 200, 16)),
}
"""Voxels that are compared: the benchmark's, and those of Occ3D about a LiDAR 1.8 m above the road."""
KEYS = (20, 60)
"""Frames whose voxels are compared."""
PEER_VOXELS_M = (0.1, 0.2)
"""Of the package beside."""
_TURN_S = 0.1
_USUAL = OccupancySettings(every=20)


class Altered:
    """A drive whose scans or poses are worse than they were.

    Args:
        drive: the recording.
        alter: from a scan and its name, another.
        track: other poses.
        step: every so-many-th scan is left.
    """

    def __init__(
        self,
        drive: SequenceDrive,
        alter: Callable[[Scan, ScanName], Scan] | None = None,
        track: Track | None = None,
        step: int = 1,
    ) -> None:
        self._drive, self._alter = drive, alter
        self.track = track or drive.track
        self.scans = drive.scans[::step]

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


def every_fifth(drive: SequenceDrive) -> Altered:
    """Two scans a second."""
    return Altered(drive, step=5)


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
    "16 beams, without the rule for few": Variant(fewer_beams(4)),
    "decided within 4 s": Variant(lambda drive: drive, replace(_USUAL, block_s=0.8, decide_blocks=2)),
    "decided within 2 s": Variant(lambda drive: drive, replace(_USUAL, block_s=0.4, decide_blocks=2)),
    "every fifth scan": Variant(every_fifth),
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
    options.add_argument("--dufomap", action="store_true", help="also ask that package")
    chosen = options.parse_args()
    print("drive, variant | SA DA AA HA by identity | SA DA AA HA within 5 cm | CPU seconds a scan", flush=True)
    if chosen.real is not None:
        name, real = "08, scans 0 to 9", open_drives(chosen.real, ("08",))[0]
        _report(name, real, VARIANTS["as recorded"], _moved, peer=chosen.dufomap)
    for seed in SEEDS if chosen.worlds is not None else ():
        root = chosen.worlds / f"world{seed}"
        generate(root, WorldConfig(seed=seed, sequences={"00": 1, "08": 1}, columns=1024, tail=120, size_px=(185, 613)))
        for drive in open_drives(root):
            name = f"seed {seed} {drive.name}"
            first = VARIANTS["as recorded"]
            _report(f"{name}, as recorded", drive, first, _moving, volumes=chosen.volumes, peer=chosen.dufomap)
            for worse in list(VARIANTS)[1:] if chosen.variants == "all" and seed == SEEDS[0] else ():
                _report(f"{name}, {worse}", drive, VARIANTS[worse], _moving)


def _report(
    name: str, drive: SequenceDrive, variant: Variant, truth: Callable, *, volumes: bool = False, peer: bool = False
) -> None:
    altered = variant.alter(drive)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        prepare([altered], Path(folder), variant.settings, last="moving", show=False)
        seconds = (time.process_time() - began) / len(altered.scans)
        work = DriveWork(altered, Path(folder), variant.settings)
        moves = {
            scan: read_motion(work.moving_path(scan), len(drive.read(scan).points)) == MOVES
            for scan in work.drive.scans
        }
        exact, near = _scores(work, drive, truth, moves, altered is drive)
        print(f"{name} | {_row(exact)} | {_row(near) if near else '-'} | {seconds:.2f}", flush=True)
        for voxel_m in PEER_VOXELS_M if peer else ():
            began = time.process_time()
            moves = dufomap_motion(work, voxel_m)
            seconds = (time.process_time() - began) / len(altered.scans)
            exact, near = _scores(work, drive, truth, moves, True)
            assert near is not None
            print(f"{name}, dufomap {voxel_m:g} m | {_row(exact)} | {_row(near)} | {seconds:.2f}", flush=True)
        for size, grid in GRIDS.items() if volumes else ():
            _compare_volumes(f"{name}, {size}", replace(work.settings, grid=grid), work, drive)


def _marked(work: DriveWork, scan: ScanName) -> np.ndarray:
    """Which returns of a scan move, as files say."""
    return read_motion(work.moving_path(scan), len(work.drive.read(scan).points)) == MOVES


def dufomap_motion(work: DriveWork, voxel_m: float) -> dict[ScanName, np.ndarray]:
    """Which returns move, as the package says: all scans are shown to it, then it is asked about each."""
    from dufomap import dufomap  # no dependency of ours: pip install dufomap

    peer, found = dufomap(voxel_m, 0.2, 1, num_threads=1), {}
    for ask in (False, True):
        for scan in work.drive.scans:
            returns = work.placing.read(scan)
            points, pose = returns.points[returns.used], np.eye(4)
            pose[:3, 3] = returns.origins[0]
            if not ask:
                peer.run(points, pose, cloud_transform=False)
                continue
            found[scan] = np.zeros(len(returns.used), bool)
            found[scan][returns.used] = peer.segment(points, pose, cloud_transform=False) == 1
        if not ask:
            peer.oncePropagateCluster(if_propagate=True, if_cluster=False)
    return found


def _scores(
    work: DriveWork, drive: SequenceDrive, truth: Callable, found: Mapping[ScanName, np.ndarray], both: bool
) -> tuple[MotionCounts, MotionCounts | None]:
    points, kept, moving = [], [], []
    for scan in work.drive.scans:
        returns = work.placing.read(scan)
        far = np.linalg.norm(drive.read(scan).points, axis=1)
        moves, counts = truth(drive, scan, len(far))
        scored = (far >= 3) & (far <= 50) & counts & returns.used
        points.append(returns.points[scored])
        kept.append(~found[scan][scored])
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


def _compare_volumes(name: str, settings: OccupancySettings, made: DriveWork, drive: SequenceDrive) -> None:
    work, evidence = DriveWork(made.drive, made.out, settings), evidence_pass(made)
    labelling = Labelling(work, evidence, motion_pass(made, evidence))
    for frame in work.frames:
        if frame.number not in KEYS:
            continue
        chosen = chosen_scans(work, frame)
        labels = labelling.labels(frame, chosen)
        wanted, surface, untreated = (np.zeros(labels.task.grid.shape, bool) for _ in range(3))
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
                untreated[tuple(index.numpy()[returns.used & inside].T)] = True
        found, free = labels.occupied, labels.state == FREE
        print(
            f"{name}, key {frame.number}: IoU {_percent(found & wanted, found | wanted)} "
            f"(untreated {_percent(untreated & wanted, untreated | wanted)}), "
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
