"""UniOcc's reader: keys to raw moments in the vehicle's frame. `layout.py` shows the tree of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample
from voxway.data.files.names import names_in, picture, some
from voxway.data.rig import load_cameras, load_pictures
from voxway.data.uniocc.benchmark import UNIOCC
from voxway.data.uniocc.config import UniOccConfig
from voxway.data.uniocc.layout import FrameCamera, frame_keys, frame_path, read_cameras, read_pose, read_uniocc


class UniOccReader:
    """Raw moments of UniOcc; see `voxway.data.reader.Reader`. There are no points."""

    benchmark = UNIOCC
    provides = frozenset({"images", "pose", "target"})
    mask_names = ("camera",)

    def __init__(self, config: UniOccConfig) -> None:
        self.config = config
        self._scenes = frame_keys(config.folder)
        self.split_keys = tuple(key for keys in self._scenes.values() for key in keys)
        self.keys = _chosen(config, self._scenes, self.split_keys)

    def drive(self, key: str) -> str:
        """The scene."""
        return key.rpartition("/")[0]

    def before(self, key: str, recordings: int) -> str:
        """The frame so many before it in its scene, or the scene's first."""
        own = self._scenes[self.drive(key)]
        return own[max(own.index(key) - recordings, 0)]

    def files(self, key: str, field: str) -> Sequence[Path]:
        """See `Reader.files`. Pictures are named by the frame's own file; where it is absent, it stands alone."""
        path = frame_path(self.config.folder, key)
        if field not in ("images", "cameras") or not path.exists():
            return (path,)
        return *self._pictures(read_cameras(path)), path

    def moment(self, key: str, fields: frozenset[str], random: np.random.Generator) -> Sample:
        """What the files hold of a frame.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        path, cameras, images = frame_path(self.config.folder, key), None, None
        if fields & {"images", "cameras"}:
            listed = read_cameras(path)
            if not listed:
                expected, remedy = "cameras and their pictures", "Ask for other needs; this file holds voxels alone."
                raise InputError(file=path, field="cameras", expected=expected, found="none", remedy=remedy)
            paths = self._pictures(listed)
            T_cam_ego = np.linalg.inv(np.stack([camera.T_ego_cam for camera in listed]))
            cameras = load_cameras(paths, np.stack([camera.K for camera in listed]), T_cam_ego)
            images = load_pictures(paths, cameras) if "images" in fields else None
        return Sample(
            key=key,
            grid=UNIOCC.grid,
            cameras=cameras,
            images=images,
            pose=torch.from_numpy(read_pose(path)) if "pose" in fields else None,
        )

    def truth(self, key: str) -> Occupancy:
        """Classes of a frame, and what cameras see.

        Raises:
            InputError: the file is missing or damaged.
        """
        classes, camera = read_uniocc(frame_path(self.config.folder, key))
        masks = {"camera": torch.from_numpy(camera)}
        return Occupancy(task=UNIOCC.task, classes=torch.from_numpy(classes), masks=masks, key=key)

    def _pictures(self, cameras: Sequence[FrameCamera]) -> list[Path]:
        folder = Path(self.config.pictures or self.config.folder)
        return [picture(folder / camera.filename) for camera in cameras]


def _chosen(config: UniOccConfig, scenes: dict[str, tuple[str, ...]], every: tuple[str, ...]) -> tuple[str, ...]:
    """Keys to read.

    Raises:
        InputError: there are none, or some that were named are not there.
    """
    if not every:
        found = f"none; the folder holds {some(names_in(config.folder))}"
        remedy = "Name the folder that holds the scenes' folders, one download each."
        raise _bad(config.root, "frames", "SCENE/NUMBER.npz", found, remedy)
    unknown = [name for name in config.drives if name not in scenes]
    unknown += [key for key in config.keys if key not in set(every)]
    if unknown:
        expected = f"scenes that are there ({some(scenes)}), and their frames"
        raise _bad(config.root, "frames", expected, unknown[0], "Check the names; keys are SCENE/NUMBER.")
    if config.keys:
        return config.keys
    return tuple(key for key in every if not config.drives or key.rpartition("/")[0] in config.drives)


def _bad(file: object, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
