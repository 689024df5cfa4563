"""SemanticKITTI's reader: sample keys to samples. `layout.py` shows the tree of files.

The ego frame is the velodyne frame. Besides the official download it reads the two archives that users of the
published camera methods hold: preprocessed targets (`labels/SS/FFFFFF_1_1.npy`), and query proposals and pseudo points
(`sequences_msnet3d_sweep10/SS/queries/FFFFFF.query...` and `SS/voxels/FFFFFF.pseudo`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from voxway.core.benchmark import IGNORE, SEMANTIC_KITTI
from voxway.core.camera import Cameras
from voxway.core.errors import InputError, nearest
from voxway.core.sample import NEEDS, Sample
from voxway.data.arrays import read_array, read_member
from voxway.data.images import image_size, read_image
from voxway.data.semantickitti.keys import find_keys, parse_key
from voxway.data.semantickitti.labels import preprocessed_path, read_target, training_target
from voxway.data.semantickitti.layout import (
    Calibration,
    SequenceFiles,
    read_calibration,
    read_flags,
    read_point_labels,
    read_poses,
    read_scan,
    read_voxel_labels,
)
from voxway.ops.draw import draw_depth, draw_values

_PICTURES = frozenset({"images", "semantics_2d", "depth"})


@dataclass(frozen=True, kw_only=True)
class SemanticKITTIConfig:
    """Which frames to read, and what of them."""

    root: Path
    """Folder that holds `sequences/`."""
    split: Literal["train", "val", "test"] = "train"
    """Which of the benchmark's splits."""
    sequences: tuple[str, ...] = ()
    """Sequences to read instead of the split's own."""
    keys: tuple[str, ...] = ()
    """Frames to read, such as "08/000005", instead of all that are annotated."""
    partial: bool = False
    """Accept a copy that lacks sequences or frames of the split."""
    needs: frozenset[str] = frozenset({"images", "target"})
    """What to load: images, points, pose, target, proposals, pseudo, semantics_2d, depth."""
    cameras: tuple[Literal[2, 3], ...] = (2,)
    """2 is the left colour camera, 3 the right one."""
    earlier: tuple[int, ...] = ()
    """Earlier frames to add, in scans before the key frame, e.g. (3, 6). Before a drive begins, its first scan."""
    voxel_folder: str = "voxels"
    """Folder of a sequence that holds its voxel files."""
    preprocessed: Path | None = None
    """Folder with targets SS/FFFFFF_1_1.npy to read instead of the voxel files."""
    targets: Path | None = None
    """Folder with targets SS_FFFFFF.npz to read instead of the voxel files."""
    targets_field: str = "target_certain"
    """Which array of those."""
    proposals: Path | None = None
    """Folder with query proposals SS/queries/FFFFFF.<tag>."""
    proposals_tag: str = "query"
    """Extension of the proposal files; public archives also use "query_iou5203_pre7712_rec6153"."""
    pseudo: Path | None = None
    """Folder with voxels that hold pseudo points SS/voxels/FFFFFF.pseudo."""
    semantics_2d: Path | None = None
    """Folder with classes per pixel SS/FFFFFF.npy; without it the labelled scan is projected."""
    depth: Path | None = None
    """Folder with depths SS/FFFFFF.npy (metres); without it the scan is projected."""

    def build(self) -> SemanticKITTI:
        """The reader.

        Raises:
            InputError: an unknown need, a missing folder, or frames missing from the split.
        """
        return SemanticKITTI(self)


class SemanticKITTI:
    """Samples of SemanticKITTI by position or by key; `torch.utils.data.DataLoader` takes it as it is."""

    benchmark = SEMANTIC_KITTI

    def __init__(self, config: SemanticKITTIConfig) -> None:
        for need in config.needs:
            if need not in NEEDS:
                raise nearest(need, sorted(NEEDS), "need of a reader")
        for camera in config.cameras:
            if camera not in (2, 3):
                raise _bad("SemanticKITTIConfig", "cameras", "2 (left) or 3 (right)", camera, "Choose among those.")
        if "proposals" in config.needs and config.proposals is None:
            remedy = "Name their folder, or make proposals with `voxway prepare proposals`."
            raise _bad("SemanticKITTIConfig", "proposals", "a folder, as they are needed", "none", remedy)
        if "pseudo" in config.needs and config.pseudo is None:
            remedy = "Name their folder, or make pseudo points with `voxway prepare pseudo`."
            raise _bad("SemanticKITTIConfig", "pseudo", "a folder, as they are needed", "none", remedy)
        self.config = config
        self.keys: tuple[str, ...] = find_keys(config)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int | str) -> Sample:
        """The sample at a position, or of a key.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        sequence, frame = parse_key(index if isinstance(index, str) else self.keys[index])
        sample = self._frame(sequence, frame, self.config.needs)
        seen = self.config.needs & {"images", "points", "pose"}
        earlier = [self._frame(sequence, max(frame - back, 0), seen) for back in self.config.earlier]
        return replace(sample, earlier=tuple(earlier))

    def _frame(self, sequence: str, frame: int, needs: frozenset[str]) -> Sample:
        files = SequenceFiles(self.config.root, sequence, self.config.voxel_folder)
        cameras = self._cameras(files, frame) if needs & _PICTURES else None
        points = read_scan(files.scan(frame)) if "points" in needs else None
        return Sample(
            key=f"{sequence}/{frame:06d}",
            grid=SEMANTIC_KITTI.grid,
            cameras=cameras,
            images=self._images(files, frame, cameras) if cameras is not None and "images" in needs else None,
            points=None if points is None else torch.from_numpy(points),
            pose=self._pose(files, frame) if "pose" in needs else None,
            target=torch.from_numpy(self._target(files, frame)) if "target" in needs else None,
            proposals=self._proposals(sequence, frame) if "proposals" in needs else None,
            pseudo=self._pseudo(sequence, frame) if "pseudo" in needs else None,
            semantics_2d=self._semantics(files, frame, cameras) if cameras and "semantics_2d" in needs else None,
            depth=self._depth(files, frame, cameras) if cameras and "depth" in needs else None,
        )

    def _cameras(self, files: SequenceFiles, frame: int) -> Cameras:
        calibration = _calibration(files.calibration)
        sizes = []
        for camera in self.config.cameras:
            path = files.image(camera, frame)
            sizes.append(image_size(path))
            check_image_size(path, sizes[-1], calibration.projection(camera))
        P = np.stack([calibration.projection(camera) for camera in self.config.cameras])
        T_cam_velo = torch.from_numpy(calibration.T_cam_velo).expand(len(P), 4, 4)
        return Cameras.from_projection(torch.from_numpy(P), T_cam_velo, torch.tensor(sizes))

    def _images(self, files: SequenceFiles, frame: int, cameras: Cameras) -> Tensor:
        height, width = (int(size) for size in cameras.size_px.max(0).values)
        images = torch.zeros(cameras.count, 3, height, width, dtype=torch.uint8)
        for place, camera in zip(images, self.config.cameras):
            picture = torch.from_numpy(read_image(files.image(camera, frame))).permute(2, 0, 1)
            place[:, : picture.shape[1], : picture.shape[2]] = picture
        return images

    def _pose(self, files: SequenceFiles, frame: int) -> Tensor:
        poses = _poses(files.poses, files.calibration)
        if frame >= len(poses):
            remedy = "Take poses.txt from SemanticKITTI's own download; it has a line per scan."
            raise _bad(files.poses, "lines", f"a pose for scan {frame}", f"{len(poses)} lines", remedy)
        return torch.from_numpy(poses[frame])

    def _target(self, files: SequenceFiles, frame: int) -> np.ndarray:
        config = self.config
        if config.targets is not None:
            path = Path(config.targets) / f"{files.sequence}_{frame:06d}.npz"
            target = read_member(path, config.targets_field, "Check the folder and `targets_field`.")
            if target.dtype != np.uint8:
                raise _bad(path, config.targets_field, "training ids, uint8", target.dtype, "Choose another field.")
            return target
        if config.preprocessed is not None:
            return read_target(preprocessed_path(config.preprocessed, files.sequence, frame))
        path = files.voxels(frame, "label")
        return training_target(read_voxel_labels(path), read_flags(files.voxels(frame, "invalid")), path)

    def _proposals(self, sequence: str, frame: int) -> Tensor:
        folder = Path(self.config.proposals or "") / sequence / "queries"
        path = folder / f"{frame:06d}.{self.config.proposals_tag}"
        if not path.exists():
            raise _bad(
                path, "file", "present", "absent", "Make it with `voxway prepare proposals`, for this split too."
            )
        return torch.from_numpy(read_flags(path, SEMANTIC_KITTI.grid.coarsen(2)))

    def _pseudo(self, sequence: str, frame: int) -> Tensor:
        path = pseudo_path(self.config.pseudo or "", sequence, frame)
        if not path.exists():
            raise _bad(path, "file", "present", "absent", "Make it with `voxway prepare pseudo`, for this split too.")
        return torch.from_numpy(read_flags(path))

    def _semantics(self, files: SequenceFiles, frame: int, cameras: Cameras) -> Tensor:
        if self.config.semantics_2d is not None:
            stored = self._stored_picture(self.config.semantics_2d, files.sequence, frame, cameras)
            return torch.from_numpy(stored.astype(np.uint8))
        points = read_scan(files.scan(frame))
        labels = read_point_labels(files.point_labels(frame), len(points))
        return project_semantics(torch.from_numpy(points), labels, cameras)

    def _depth(self, files: SequenceFiles, frame: int, cameras: Cameras) -> Tensor:
        if self.config.depth is not None:
            stored = self._stored_picture(self.config.depth, files.sequence, frame, cameras)
            return torch.from_numpy(stored.astype(np.float32))
        return draw_depth(torch.from_numpy(read_scan(files.scan(frame)))[:, :3].double(), cameras)

    def _stored_picture(self, folder: Path, sequence: str, frame: int, cameras: Cameras) -> np.ndarray:
        path = Path(folder) / sequence / f"{frame:06d}.npy"
        stored = read_array(path, "Make it again with `voxway prepare`.")
        stored = stored[None] if stored.ndim == 2 else stored
        expected = (cameras.count, *(int(size) for size in cameras.size_px.max(0).values))
        if stored.shape != expected:
            raise _bad(path, "shape", f"{expected}, as the pictures have", stored.shape, "Make it again.")
        return stored


def pseudo_path(folder: Path | str, sequence: str, frame: int) -> Path:
    """Where a frame's voxels with pseudo points lie: `<folder>/SS/voxels/FFFFFF.pseudo`."""
    return Path(folder) / sequence / "voxels" / f"{frame:06d}.pseudo"


def project_semantics(points: Tensor, labels: np.ndarray, cameras: Cameras) -> Tensor:
    """Training ids per pixel from a labelled scan, uint8 (n, h, w); 255 where no point of a trained class falls.

    Args:
        points: (p, 3 or more), metres, velodyne frame.
        labels: (p,) as stored; raw 0 means unlabelled here, not empty.
        cameras: where to draw.
    """
    raw = labels & 0xFFFF
    trained = SEMANTIC_KITTI.to_train(raw, "point labels")
    trained[raw == 0] = IGNORE
    return draw_values(points[:, :3].double(), torch.from_numpy(trained), cameras, IGNORE)


def check_image_size(path: Path | str, size_px: tuple[int, int], P: np.ndarray) -> None:
    """Refuse a picture that a calibration cannot belong to: the principal point must lie in its middle half.

    Raises:
        InputError: it does not, as after a resize or crop, or with another sequence's calibration.
    """
    height, width = size_px
    u, v = P[0, 2], P[1, 2]
    if not (width / 4 < u < 3 * width / 4 and height / 4 < v < 3 * height / 4):
        raise _bad(
            path,
            "size",
            f"a picture around the principal point ({u:.0f}, {v:.0f}), about {2 * u:.0f} x {2 * v:.0f} px",
            f"{width} x {height} px",
            "Use the original pictures of this sequence, and its own calib.txt.",
        )


@lru_cache(maxsize=32)
def _calibration(path: Path) -> Calibration:
    return read_calibration(path)


@lru_cache(maxsize=32)
def _poses(path: Path, calibration: Path) -> np.ndarray:
    return read_poses(path, _calibration(calibration).T_cam_velo)


def _bad(file: object, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
