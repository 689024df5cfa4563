"""Where the files of a sequence lie: SemanticKITTI's names first, then those of KITTI raw, and pictures as .jpg.

::

    sequences/08/                       or, as in KITTI raw
        calib.txt                       calib_cam_to_cam.txt and calib_velo_to_cam.txt, here or one folder up
        image_2/000000.png              image_02/data/0000000000.png
        velodyne/000000.bin             velodyne_points/data/0000000000.bin
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voxway.core.errors import InputError
from voxway.data.files.names import PICTURES, first_there

_DIGITS = (6, 10)
"""Of frame numbers: SemanticKITTI's, KITTI raw's."""
_RAW_CALIBRATION = ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt")


@dataclass(frozen=True)
class SequenceFiles:
    """Paths of one sequence.

    Attributes:
        root: the folder that holds `sequences/`.
        sequence: usually two digits, e.g. ``"08"``.
        voxel_folder: name of the voxel folder; ``"voxels"`` in the official download.
    """

    root: Path
    sequence: str
    voxel_folder: str = "voxels"

    @property
    def folder(self) -> Path:
        """The sequence's own folder."""
        return Path(self.root) / "sequences" / self.sequence

    @property
    def calibration(self) -> Path:
        """calib.txt."""
        return self.folder / "calib.txt"

    @property
    def calibration_files(self) -> tuple[Path, ...]:
        """calib.txt; where there is none, but KITTI raw's two files, those."""
        if not self.calibration.exists():
            for folder in (self.folder, self.folder.resolve().parent):
                raw = tuple(folder / name for name in _RAW_CALIBRATION)
                if all(path.exists() for path in raw):
                    return raw
        return (self.calibration,)

    @property
    def poses(self) -> Path:
        """poses.txt."""
        return self.folder / "poses.txt"

    @property
    def times(self) -> Path:
        """times.txt."""
        return self.folder / "times.txt"

    def image(self, camera: Literal[2, 3], frame: int) -> Path:
        """Picture of the left (2) or right (3) colour camera."""
        return _numbered_file(self._image_folder(camera), frame, PICTURES)

    def scan(self, frame: int) -> Path:
        """LiDAR scan."""
        return _numbered_file(self._scan_folder, frame, ("bin",))

    def point_labels(self, frame: int) -> Path:
        """Labels of a LiDAR scan."""
        return self.folder / "labels" / f"{frame:06d}.label"

    def voxels(self, frame: int, kind: Literal["label", "bin", "invalid", "occluded"]) -> Path:
        """Voxel labels or flags."""
        return self.folder / self.voxel_folder / f"{frame:06d}.{kind}"

    def pictures(self, camera: Literal[2, 3]) -> list[int]:
        """Frames with a picture, ascending; empty where there are none."""
        return numbered(self._image_folder(camera), PICTURES)

    def frames(self) -> list[int]:
        """Annotated frames, ascending: those with voxel files. Test sequences have only `.bin`.

        Raises:
            InputError: the voxel folder is missing or holds no voxel file.
        """
        folder = self.folder / self.voxel_folder
        frames = numbered(folder, ("label",)) or numbered(folder, ("bin",))
        if not frames:
            raise self._empty(folder, "voxel files (000000.label or 000000.bin)")
        return frames

    def scans(self) -> list[int]:
        """Frames with a LiDAR scan, ascending.

        Raises:
            InputError: the velodyne folder is missing or empty.
        """
        frames = numbered(self._scan_folder, ("bin",))
        if not frames:
            raise self._empty(self._scan_folder, "scans (000000.bin)")
        return frames

    def _image_folder(self, camera: Literal[2, 3]) -> Path:
        names = (f"image_{camera}", f"image_{camera:02d}/data", f"image_{camera:02d}")
        return first_there([self.folder / name for name in names])

    @property
    def _scan_folder(self) -> Path:
        return first_there([self.folder / name for name in ("velodyne", "velodyne_points/data", "velodyne_points")])

    def _empty(self, folder: Path, expected: str) -> InputError:
        found = "an empty folder" if folder.is_dir() else "no such folder"
        remedy = f"Check the root folder: it must hold sequences/{self.sequence}/."
        return InputError(file=folder, field="sequence", expected=expected, found=found, remedy=remedy)


def numbered(folder: Path, suffixes: tuple[str, ...]) -> list[int]:
    """Numbers of the files in a folder, ascending; empty where there is no such folder."""
    if not folder.is_dir():
        return []
    pattern = re.compile(rf"(\d{{6}}|\d{{10}})\.(?:{'|'.join(suffixes)})")
    return sorted({int(match[1]) for path in folder.iterdir() if (match := pattern.fullmatch(path.name))})


def _numbered_file(folder: Path, frame: int, suffixes: tuple[str, ...]) -> Path:
    """The file of a frame: six digits and the first suffix, or as other people name it."""
    first = folder / f"{frame:06d}.{suffixes[0]}"
    if first.exists():
        return first
    return first_there([first, *(folder / f"{frame:0{n}d}.{suffix}" for n in _DIGITS for suffix in suffixes)])
