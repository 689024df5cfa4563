"""The toy drives of every dataset behind one face, for tests of what all datasets have in common."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from tests.data import toy, toy_drives, toy_kitti360, toy_nuscenes, toy_waymo
from tests.small_world import rewrite
from voxway.data.config import DataConfig
from voxway.data.drives.config import DrivesConfig
from voxway.data.drives.layout import DriveFiles as OwnFiles
from voxway.data.drives.layout import parse_key
from voxway.data.kitti360.config import KITTI360Config
from voxway.data.kitti360.layout import DriveFiles
from voxway.data.nuscenes.config import Occ3DNuScenesConfig, OpenOccupancyConfig, SurroundOccConfig
from voxway.data.nuscenes.reader import NuScenesReader
from voxway.data.samples import Samples
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.layout import SequenceFiles
from voxway.data.waymo.config import Occ3DWaymoConfig
from voxway.data.waymo.reader import Occ3DWaymoReader


@dataclass(frozen=True, kw_only=True)
class Toy:
    """Two drives or more of split train."""

    config: DataConfig
    """Plain: pictures as recorded, nothing drawn at random."""
    key: str
    """A frame in the middle of a drive."""
    earlier: tuple[int, ...]
    """Recordings before it; the last of them before the drive began."""
    before: tuple[str, ...]
    """The frames that those are."""
    sizes_px: tuple[tuple[int, int], ...]
    """(height, width) of each camera's picture."""
    pictures: tuple[str, ...]
    """Patterns of their files."""
    labels: Callable[[Samples, str], list[Path]]
    """Files that hold a frame's labels."""

    def build(self, **changes: object) -> Samples:
        """Samples, with some settings changed."""
        return replace(self.config, **changes).build()


def write_kitti(root: Path) -> Path:
    """Three sequences of split train, all alike."""
    toy.write_sequence(root, "00")
    for sequence in ("01", "02"):
        shutil.copytree(root / "sequences" / "00", root / "sequences" / sequence, copy_function=os.link)
    return root


def kitti(root: Path) -> Toy:
    """SemanticKITTI: `before` are scans without labels."""

    def labels(samples: Samples, key: str) -> list[Path]:
        files = SequenceFiles(root, key[:2])
        return [files.voxels(int(key[3:]), "label"), files.voxels(int(key[3:]), "invalid")]

    return Toy(
        config=SemanticKITTIConfig(root=root, partial=True),
        key="01/000005",
        earlier=(3, 6),
        before=("01/000002", "01/000000"),
        sizes_px=(toy.SIZE_PX,),
        pictures=("sequences/*/image_2/*.png",),
        labels=labels,
    )


def nuscenes(root: Path, name: str = "occ3d-nuscenes") -> Toy:
    """One of the labellings of nuScenes."""
    kind = {
        "occ3d-nuscenes": Occ3DNuScenesConfig,
        "openoccupancy-nuscenes": OpenOccupancyConfig,
        "surroundocc-nuscenes": SurroundOccConfig,
    }[name]

    def labels(samples: Samples, key: str) -> list[Path]:
        assert isinstance(samples.reader, NuScenesReader)
        return [samples.reader.label_path(samples.reader.key_frame(key))]

    first, second = (toy_nuscenes.sample_token("scene-0001", number) for number in (0, 1))
    return Toy(
        config=kind(root=root, partial=True, image_px=None, depth_rule="nearest", depth_range_m=None),
        key=second,
        earlier=(1, 4),
        before=(first, first),
        sizes_px=(toy_nuscenes.SIZE_PX,) * 6,
        pictures=("samples/CAM_*/*.jpg",),
        labels=labels,
    )


def waymo(root: Path) -> Toy:
    """Occ3D-Waymo, with poses in the camera infos."""

    def labels(samples: Samples, key: str) -> list[Path]:
        assert isinstance(samples.reader, Occ3DWaymoReader)
        return [samples.reader.places.labels(key)]

    infos = toy_waymo.infos(toy_waymo.FRAMES["train"])
    for sequence in infos:
        for number, frame in enumerate(sequence):
            for camera in frame.values():
                camera["ego2global"] = toy.pose(number)
    rewrite(root / "cam_infos.pkl", pickle.dumps(infos))
    return Toy(
        config=Occ3DWaymoConfig(root=root, partial=True, image_px=None, depth_rule="nearest", depth_range_m=None),
        key="000/002",
        earlier=(1, 5),
        before=("000/001", "000/000"),
        sizes_px=tuple(toy_waymo.SIZES_PX[folder] for folder in toy_waymo.FOLDER_OF_SLOT),
        pictures=("kitti_format/training/image_*/*.png",),
        labels=labels,
    )


def kitti360(root: Path) -> Toy:
    """SSCBench-KITTI-360: `before` are frames without labels."""

    def labels(samples: Samples, key: str) -> list[Path]:
        drive, frame = key.split("/")
        return [DriveFiles(root, drive).target(frame)]

    drive = toy_kitti360.DRIVES[1]
    return Toy(
        config=KITTI360Config(root=root, partial=True),
        key=f"{drive}/000005",
        earlier=(3, 6),
        before=(f"{drive}/000002", f"{drive}/000000"),
        sizes_px=(toy_kitti360.SIZE_PX,),
        pictures=("data_2d_raw/*/image_00/data_rect/*.png",),
        labels=labels,
    )


def own(root: Path) -> Toy:
    """Drives of one's own: two cameras of unlike size, one LiDAR, poses."""

    def labels(samples: Samples, key: str) -> list[Path]:
        drive, number = parse_key(key)
        return [OwnFiles(root, drive).labels(number)]

    return Toy(
        config=DrivesConfig(root=root, partial=True, task=toy_drives.TASK),
        key="monday/000002",
        earlier=(1, 5),
        before=("monday/000001", "monday/000000"),
        sizes_px=tuple(toy_drives.SIZES_PX.values()),
        pictures=tuple(f"*/{name}/*.png" for name in toy_drives.SIZES_PX),
        labels=labels,
    )


def paint(one: Toy) -> None:
    """Replace all pictures by ones whose red is the column, green the row, and blue full."""
    for path in (path for pattern in one.pictures for path in one.config.root.glob(pattern)):
        with Image.open(path) as image:
            row, column = np.mgrid[: image.height, : image.width]
        painted = np.stack([column, row, np.full_like(row, 255)], -1).astype(np.uint8)
        path.unlink()
        # Without loss, whatever the name says: readers go by the contents.
        Image.fromarray(painted).save(path, format="png")
