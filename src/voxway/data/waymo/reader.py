"""Occ3D-Waymo's reader: five cameras of two sizes, one scan, 0.4 m voxels, in Waymo's vehicle frame.

`layout.py` shows the tree of files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from voxway.core.benchmark import OCC3D_WAYMO
from voxway.core.errors import InputError
from voxway.core.sample import Sample
from voxway.data.augment import Augment
from voxway.data.few_labels import labelled_scenes
from voxway.data.surround import Truth, check_needs, load_cameras, mirrored, with_truth
from voxway.data.waymo.layout import (
    MASKS,
    SplitName,
    WaymoFiles,
    frame_cameras,
    parse_key,
    read_camera_infos,
    read_occ3d_waymo,
    read_waymo_scan,
)
from voxway.ops.draw import draw_depth_published


@dataclass(frozen=True, kw_only=True)
class Occ3DWaymoConfig:
    """Which frames to read, and what of them."""

    root: Path
    """Folder that holds `training`, `validation`, `cam_infos.pkl` and `cam_infos_vali.pkl`."""
    kitti: Path | None = None
    """Folder with Waymo in KITTI's format, image_0 and so on; None: `kitti_format/training` below `root`."""
    split: Literal["train", "val"] = "train"
    """Which of the benchmark's splits."""
    sequences: tuple[str, ...] = ()
    """Sequences to read instead of all, such as "012"."""
    keys: tuple[str, ...] = ()
    """Frames to read, such as "012/040", instead of all."""
    every: int = 1
    """Read every n-th frame of split train, from the first, in order. Published: 5 for runs on 20 % of it. Validation
    is always whole."""
    partial: bool = False
    """Accept a copy that lacks sequences of the split."""
    needs: frozenset[str] = frozenset({"images", "target"})
    """What to load: images, points, target, depth, and pose if the camera infos hold one."""
    labelled: int | None = None
    """How many sequences of split train may supervise, drawn as for nuScenes; None: all of them."""
    only_labelled: bool = False
    """Leave out the sequences that may not supervise."""
    image_px: tuple[int, int] = (256, 704)
    """(height, width) of the network's images."""
    depth_range_m: tuple[float, float] = (1.0, 45.0)
    """Least depth in depth images, and the one from which on points are left out."""
    augment: Augment | None = None
    """How `augmented` changes samples; None: not at all."""

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every n-th frame needs n >= 1, got {self.every}")
        if self.only_labelled and self.labelled is None:
            raise ValueError("only_labelled needs `labelled`, the number of sequences that may supervise")

    @property
    def files(self) -> WaymoFiles:
        """Paths of the split."""
        split: SplitName = self.split
        return WaymoFiles(Path(self.root), split, Path(self.kitti or Path(self.root) / "kitti_format" / "training"))

    def build(self) -> Occ3DWaymo:
        """The reader.

        Raises:
            InputError: an unknown need, no frames, or fewer sequences than the split has.
        """
        return Occ3DWaymo(self)


class Occ3DWaymo:
    """Samples of Occ3D-Waymo by position or by key; `torch.utils.data.DataLoader` takes it as it is."""

    benchmark = OCC3D_WAYMO

    def __init__(self, config: Occ3DWaymoConfig) -> None:
        check_needs(config.needs)
        self.config = config
        self._files = config.files
        self.keys, self.supervising = _find_keys(config)
        self._infos: Any = None

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int | str) -> Sample:
        """The sample at a position, or of a key, as networks see it outside training.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        key = index if isinstance(index, str) else self.keys[index]
        return self._sample(key, None, np.random.default_rng(0))

    def augmented(self, index: int | str, seed: int) -> Sample:
        """The sample after the random changes of training; the same for the same frame and seed.

        Without `augment` this is ``self[index]``.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        if self.config.augment is None:
            return self[index]
        key = index if isinstance(index, str) else self.keys[index]
        random = np.random.default_rng([seed, *key.encode()])
        return mirrored(self._sample(key, self.config.augment, random), self.config.augment, random)

    def truth(self, key: str) -> Truth:
        """Labels and masks of a frame; nothing but 255 where it must not supervise.

        Raises:
            InputError: the label file is missing or damaged.
        """
        if self.supervising is not None and key.split("/")[0] not in self.supervising:
            return Truth.withheld(OCC3D_WAYMO.grid, tuple(MASKS))
        target, masks = read_occ3d_waymo(self._files.labels(key))
        return Truth(target=target, masks=masks)

    def _sample(self, key: str, augment: Augment | None, random: np.random.Generator) -> Sample:
        parse_key(key)
        needs, config = self.config.needs, self.config
        cameras, images, depth, points = None, None, None, None
        if needs & {"points", "depth"}:
            points = torch.from_numpy(read_waymo_scan(self._files.scan(key)))
        if needs & {"images", "depth"}:
            K, T_ego_cam = frame_cameras(self._camera_infos(), key, self._files.camera_infos)
            paths = [self._files.image(key, slot) for slot in range(len(K))]
            cameras, images = load_cameras(
                paths, K, np.linalg.inv(T_ego_cam), config.image_px, augment, random, "images" in needs
            )
        if "depth" in needs and cameras is not None and points is not None:
            depth = draw_depth_published(points[:, :3], cameras, config.depth_range_m)
        sample = Sample(
            key=key,
            grid=OCC3D_WAYMO.grid,
            cameras=cameras,
            images=images,
            points=points if "points" in needs else None,
            pose=self._pose(key) if "pose" in needs else None,
            depth=depth,
        )
        if "target" not in needs:
            supervised = self.supervising is None or key.split("/")[0] in self.supervising
            return replace(sample, labelled=supervised)
        return with_truth(sample, self.truth(key))

    def _camera_infos(self) -> Any:
        if self._infos is None:
            self._infos = read_camera_infos(self._files.camera_infos)
        return self._infos

    def _pose(self, key: str) -> torch.Tensor:
        sequence, frame = parse_key(key)
        camera = self._camera_infos()[sequence][frame][0]
        pose = camera.get("ego2global") if isinstance(camera, Mapping) else None
        if pose is None or np.shape(pose) != (4, 4) or not np.isfinite(pose).all():
            raise _bad(
                self._files.camera_infos,
                f"[{sequence}][{frame}][0].ego2global",
                "a finite 4 x 4 matrix",
                "none",
                "The published camera infos hold no poses; ask for other needs.",
            )
        return torch.as_tensor(np.asarray(pose, np.float64))


def _find_keys(config: Occ3DWaymoConfig) -> tuple[tuple[str, ...], frozenset[str] | None]:
    """Keys to read, and the sequences that may supervise (None: all)."""
    files = config.files
    keys = files.labelled_keys() if "target" in config.needs else files.labelled_keys() or files.pictured_keys()
    sequences = sorted({key.split("/")[0] for key in keys})
    expected = OCC3D_WAYMO.splits[config.split].scenes
    if not keys:
        where = files.labels_folder if "target" in config.needs else files.kitti
        raise _bad(where, "frames", "SSS/FFF_04.npz", "none", "Check the root folder.")
    if not (config.sequences or config.keys or config.partial) and len(sequences) != expected:
        remedy = "Complete the copy (`voxway check-data` lists what is missing), or set `partial`."
        raise _bad(files.labels_folder, f"sequences of split {config.split}", expected, len(sequences), remedy)
    training = config.split == "train"
    supervising = labelled_scenes(sequences, config.labelled) if training and config.labelled is not None else None
    unknown = [name for name in config.sequences if name not in sequences]
    unknown += [key for key in config.keys if key not in set(keys)]
    if unknown:
        raise _bad(files.labels_folder, "frames", "sequences and keys that are there", unknown[0], "Check the names.")
    if config.keys:
        return config.keys, supervising
    keys = keys[:: config.every if training else 1]
    if config.sequences:
        keys = [key for key in keys if key.split("/")[0] in config.sequences]
    if config.only_labelled and supervising is not None:
        keys = [key for key in keys if key.split("/")[0] in supervising]
    return tuple(keys), supervising


def _bad(file: object, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
