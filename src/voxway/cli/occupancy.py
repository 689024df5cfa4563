"""Make voxel labels from LiDAR scans and poses alone: what stands and what moves, what is free, what nobody knows.

A rig's file (docs/rig.md) says where scans, poses and pictures lie; or a folder with sequences in KITTI's layout does,
such as a world that `voxway world` wrote; or a dataset's, whose benchmark says which grid and whose frame labels have:
of nuScenes the vehicle's for Occ3D and OpenOcc, the LiDAR's for SurroundOcc and OpenOccupancy.
Resumable: files that exist are kept. Divisible: --shard 0/8 ... 7/8.

  OUT/DRIVE/labels/000010.npz    voxels of a key frame: class, state, masks, counts; the file says what they mean
  OUT/DRIVE/moving/000010.npy    for each return of a scan: 0 stands, 1 moves, 2 the vehicle itself, 3 left out

examples:
  voxway prepare occupancy --rig rig.json --out labels
  voxway prepare occupancy --kitti KITTI --sequences 08 --out labels --shard 0/8
  voxway prepare occupancy --rig rig.json --out labels --lower -40 -40 -1 --upper 40 40 5.4 --cell 0.4
  voxway prepare occupancy --rig rig.json --out labels --point-labels annotated --classes classes.json
  voxway prepare occupancy --kitti KITTI --sequences 08 --out labels --pseudo-labels pseudo
  voxway prepare occupancy --rig rig.json --out labels --pseudo-labels pixels --classes classes.json
  voxway prepare occupancy --rig rig.json --out labels --boxes boxes.json
  voxway prepare occupancy --root nuscenes --benchmark occ3d-nuscenes --sequences scene-0061 --every 1 --out labels
  voxway prepare occupancy --rig rig.json --out cleaned --last moving
  voxway prepare occupancy --rig rig.json --out labels --poses kiss-icp
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from voxway.cli.options import Benchmark, Out, Sequences
from voxway.core.errors import InputError

if TYPE_CHECKING:
    from voxway.core.grid import VoxelGrid
    from voxway.data.recordings import Drive, PosesFrom
    from voxway.prepare.occupancy.settings import OccupancySettings

File = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]
Folder = Annotated[Path | None, tyro.conf.arg(metavar="DIR")]
Place = tuple[float, float, float] | None


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make voxel labels from scans and poses."""

    rig: File = None
    """File that describes the rig and where its recordings lie."""
    kitti: Folder = None
    """Instead: a folder with sequences/, scans and poses in KITTI's layout."""
    root: Folder = None
    """Instead: the folder of a dataset, whose files are those of --benchmark."""
    benchmark: Benchmark | None = None
    """With --root; labels have its grid and are in its frame."""
    sequences: Sequences = ()
    out: Out
    """Folder to write to."""
    lower: Place = None
    """Low corner x y z of the volume, metres in the vehicle's frame. Default: the benchmark's whose layout it is; of a
    rig, 40 m to all sides, from 1 m below the road to 5.4 m above it."""
    upper: Place = None
    """Its high corner."""
    cell: float | None = None
    """Edge of a voxel, metres. Default: the benchmark's; of a rig, 0.4."""
    every: int = 5
    """Every so-many-th frame gets labels."""
    before: float = 10.0
    """Seconds before a frame from which scans show what stands around it."""
    after: float = 10.0
    """The same after it."""
    point_labels: Folder = None
    """Of a rig: folder of labels of scans, .label or .npy, called as the scans are."""
    classes: File = None
    """File that names the class of every id in them: {"0": null, "10": "car"}; null is no class. Of a rig, ids of
    pixels, too."""
    boxes: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Boxes around things, which say what these are and how they went: a file; of several sequences, a folder with
    SEQUENCE.json for each. Default: those that a dataset comes with."""
    pseudo_labels: Folder = None
    """Classes of pixels, for voxels whose returns have no class: a folder that `voxway prepare pseudo-labels` wrote, or
    one like it; of a rig, CAMERA/PICTURE.png, pictures of ids that --classes names."""
    poses: Literal["given", "kiss-icp"] = "given"
    """Where the vehicle was: as the recording says, or made from the scans alone, once, as OUT/DRIVE/poses.txt."""
    one_origin: bool = False
    """Take each cloud to be seen from its LiDAR's place, though it looks as if several had been merged."""
    sparse: bool = False
    """For LiDARs of 32 beams and less."""
    poses_are: Literal["checked", "good", "noisy"] = "checked"
    """Whether thresholds are those for good or for noisy poses; checked: as scans beside each other show."""
    turn: float | None = None
    """Seconds of a turn of a spinning LiDAR whose files tell no times of points and were not corrected for the motion
    of the vehicle: times are then made from directions."""
    stamp: Literal["start", "middle", "end"] = "start"
    """Which moment of such a turn a scan's time is."""
    each_camera: bool = False
    """Keep the mask of each camera, too."""
    last: Literal["evidence", "moving", "labels"] = "labels"
    """Which pass to end with; each makes what it needs of those before it."""
    picture: bool = False
    """Draw each drive before and after, and its volumes, in OUT/DRIVE/pictures."""
    shard: str = "0/1"
    """i/N: do the i-th of N stretches of each drive."""


def run(options: Options) -> None:
    """Make the files."""
    from voxway.prepare.occupancy.fit import checked
    from voxway.prepare.occupancy.origins import check_origins
    from voxway.prepare.occupancy.run import prepare
    from voxway.prepare.runner import parse_shard

    shard = parse_shard(options.shard)
    settings = _settings(options)
    drives = _drives(options, settings)
    settings = replace(settings, grid=_grid(options, drives[0].grid))
    for drive in drives:
        own = settings
        if options.poses_are == "checked":
            own = checked(drive, settings)
        elif options.poses_are == "noisy":
            own = replace(settings, moving=settings.moving.cautious())
        if not options.one_origin:
            check_origins(drive)
        made = prepare([drive], options.out, own, shard=shard, last=options.last)
        if options.picture and options.last == "labels":
            from voxway.prepare.occupancy.pictures import draw

            draw(drive, options.out, own)
        counts = f"{made.evidence} blocks of evidence, {made.moving} of what moves, {made.labels} labels"
        print(f"{drive.name}: {counts} made")
    print(f"in {options.out}")


def _drives(options: Options, settings: OccupancySettings) -> list[Drive]:
    named = [name for name in ("rig", "kitti", "root") if getattr(options, name) is not None]
    if len(named) != 1:
        remedy = "Name a rig's file, or a folder with sequences/, or that of a dataset."
        raise _bad("--rig, --kitti, --root", "one of them", " and ".join(named) or "neither", remedy)
    if (options.root is None) != (options.benchmark is None):
        raise _bad("--root, --benchmark", "both or neither", "one", "Say whose files the folder holds.")
    poses = None
    if options.poses == "kiss-icp":
        from voxway.prepare.occupancy.poses import poses_from_scans

        poses = poses_from_scans(options.out, settings)
    return _of_rig(options, poses) if options.rig is not None else _of_dataset(options, poses)


def _of_dataset(options: Options, poses: PosesFrom | None) -> list[Drive]:
    from voxway.core.registry import loaded
    from voxway.data.registry import DATASETS, DEFAULT, dataset

    if options.point_labels is not None or options.classes is not None:
        remedy = "Labels lie beside the scans there, with the benchmark's ids."
        raise _bad("--point-labels, --classes", "a rig, whose ids they name", "a dataset", remedy)
    name, root = options.benchmark or DEFAULT, options.kitti or options.root
    opened = dataset(name).drives
    if opened is None or root is None:
        there = ", ".join(name for name in DATASETS.names() if dataset(name).drives is not None)
        remedy = "Describe the recording in a rig's file (docs/rig.md)."
        raise _bad("--benchmark", f"one whose recordings can be read: {there}", name, remedy)
    return list(loaded(opened)(root, options.sequences, poses, options.pseudo_labels, options.boxes))


def _of_rig(options: Options, poses: PosesFrom | None) -> list[Drive]:
    from voxway.data.own.drive import RigDrive
    from voxway.data.own.named_ids import NamedIds
    from voxway.data.own.pixel_labels import PixelLabels
    from voxway.data.own.point_labels import PointLabels

    labelled = options.point_labels is not None or options.pseudo_labels is not None
    if labelled != (options.classes is not None):
        remedy = "A file of classes names the ids of point labels and of pixels; docs/labels-from-lidar.md shows one."
        raise _bad("--point-labels or --pseudo-labels, and --classes", "both or neither", "one", remedy)
    assert options.rig is not None
    names = None if options.classes is None else NamedIds(options.classes)
    points = None if names is None or options.point_labels is None else PointLabels(options.point_labels, names)
    pixels = None if names is None or options.pseudo_labels is None else PixelLabels(options.pseudo_labels, names)
    return [RigDrive(options.rig, points, poses, options.boxes, pixels)]


def _settings(options: Options) -> OccupancySettings:
    from voxway.prepare.occupancy.settings import OccupancySettings
    from voxway.truth.moving.settings import MovingSettings

    moving = MovingSettings()
    return OccupancySettings(
        moving=moving.sparse() if options.sparse else moving,
        every=options.every,
        before_s=options.before,
        after_s=options.after,
        turn_s=options.turn,
        stamp=options.stamp,
        each_camera=options.each_camera,
    )


def _grid(options: Options, usual: VoxelGrid) -> VoxelGrid | None:
    from voxway.core.grid import VoxelGrid

    if options.lower is None and options.upper is None and options.cell is None:
        return None
    lower, upper = options.lower or usual.lower, options.upper or usual.upper
    cell = (options.cell,) * 3 if options.cell else usual.cell
    counts = [(high - low) / step for low, high, step in zip(lower, upper, cell)]
    if any(count < 1 or abs(count - round(count)) > 1e-6 for count in counts):
        found = " x ".join(f"{count:g}" for count in counts)
        raise _bad("--lower, --upper, --cell", "a whole number of voxels along x, y, z", found, "Move a corner.")
    x, y, z = (round(count) for count in counts)
    return VoxelGrid(lower, (cell[0], cell[1], cell[2]), (x, y, z))


def _bad(field: str, expected: str, found: str, remedy: str) -> InputError:
    return InputError(file="prepare occupancy", field=field, expected=expected, found=found, remedy=remedy)
