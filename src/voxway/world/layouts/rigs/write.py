"""Writes a drive of a random rig as drives of one's own: recordings, the rig's file, poses, voxel labels.

::

    train-0000/
        rig.json  times.txt  poses.txt       what there is, when, and where the car was
        camera0/000000.jpg ...               and further cameras
        lidar/000000.bin                     float32: x, y, z, intensity 0..1; where the rig has one
        labels/000000.npz                    `voxway.core.voxel_labels`, of the street task

Every file depends on the seed, its drive and its number alone, so any part can be written again, in any order and by
any process, with the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from voxway.core.files import Json, write_bytes
from voxway.core.task import IGNORE
from voxway.core.voxel_labels import FREE, OCCUPIED, UNKNOWN, VoxelLabels
from voxway.core.voxel_labels_file import write_voxel_labels
from voxway.data.drives.layout import DriveFiles, frame_key
from voxway.data.street import STREET
from voxway.truth.scan import PlacedScan
from voxway.truth.sight import passed, sighted
from voxway.truth.vote import majority
from voxway.world.layouts.files import write_jpeg
from voxway.world.layouts.rigs.classes import MOVES, STREET_IDS
from voxway.world.layouts.rigs.plan import RigsPlan
from voxway.world.layouts.rigs.rig import draw_rig
from voxway.world.sensors.camera import photograph
from voxway.world.sensors.lidar import scan
from voxway.world.sensors.observe import Observer
from voxway.world.sensors.odd_camera import OddCamera
from voxway.world.sensors.repainting import Repainting
from voxway.world.sensors.rig import recorded_cameras
from voxway.world.sensors.street_cache import cached_street_and_caster
from voxway.world.street.street import random_stream

_PERIOD_S = 0.1
"""Of the drive's frames."""
_SETTINGS = ("truth_scans", "truth_stride", "columns")
"""Of a plan: what labels depend on."""


class DriveWriter:
    """Writes one drive, a few recordings at a time.

    Args:
        root: the folder that holds the drives.
        config: what to write.
        name: which of the config's drives.
        version: of the layout.
    """

    def __init__(self, root: Path, config: RigsPlan, name: str, version: int) -> None:
        self.config, self.name, self.version = config, name, version
        self.files = DriveFiles(root, name)
        self.rig = draw_rig(
            random_stream(config.seed, config.rig_of or name, "rig", 0), config.width_px, config.columns
        )
        self._odd, self._repaint = None, None
        if config.shifted:
            random = random_stream(config.seed, name, "shifted")
            self._odd, self._repaint = OddCamera.draw(random), Repainting.draw(random)

    def write_recordings(self, numbers: Sequence[int]) -> None:
        """Pictures, scans and labels of recordings; what is there is kept."""
        for number in numbers:
            for camera in self.rig.cameras:
                path = self.files.folder / camera / f"{number:06d}.jpg"
                if not path.exists():
                    write_jpeg(path, self._photograph(camera, number), self.rig.response.quality)
            path = self.files.folder / "lidar" / f"{number:06d}.bin"
            if self.rig.lidar is not None and not path.exists():
                write_bytes(path, self._scanned(number).tobytes())
            path = self.files.labels(number)
            if not path.exists():
                write_voxel_labels(path, self._labels(number))

    def write_rig(self) -> None:
        """The rig's file, and those that it names."""
        numbers, folder = self.config.recordings(self.name), self.files.folder
        poses = [self._T_world_ego(number)[:3].ravel() for number in numbers]
        texts = {
            "times.txt": [f"{self.config.time_s(number):.3f}" for number in numbers],
            "poses.txt": [" ".join(f"{value:.9g}" for value in row) for row in poses],
            "rig.json": [json.dumps(self._described(), indent=1)],
        }
        for name, lines in texts.items():
            if not (folder / name).exists():
                write_bytes(folder / name, ("\n".join(lines) + "\n").encode())

    def _photograph(self, name: str, number: int) -> UInt8[np.ndarray, "h w 3"]:
        response, camera, random = self.rig.response, self.rig.cameras[name], self._stream(name, number)
        time_s = self.config.frame(number) * _PERIOD_S
        picture = photograph(
            self._observer.scene(time_s),
            self._observer.street.light.exposed(response.exposure),
            camera,
            self._observer.pose(time_s),
            random,
            self._repaint,
        )
        image = picture.image if self._odd is None else self._odd(picture.image, random)
        noisy = image + random.normal(0, 1, image.shape) * response.noise
        return np.clip(np.round(noisy), 0, 255).astype(np.uint8)

    def _scanned(self, number: int) -> Float[np.ndarray, "p 4"]:
        assert self.rig.lidar is not None
        time_s = self.config.frame(number) * _PERIOD_S
        random = self._stream("lidar", number)
        taken = scan(self._observer.scene(time_s), self.rig.lidar, self._observer.pose(time_s), random)
        return taken.points.astype("<f4")

    def _labels(self, number: int) -> VoxelLabels:
        own, grid = self.config.frame(number), STREET.grid
        T_world_ego = self._T_world_ego(number)
        turns = self.config.truth_frames(self.name, number)
        scans = self._observer.placed(turns, own, np.linalg.inv(T_world_ego), STREET_IDS)
        class_of, moving = _voted(scans)
        occupied = class_of != STREET.free
        hits, passes = (np.zeros(grid.shape, np.uint8) for _ in range(2))
        for one in scans:
            hits += _returns(one)
            passes += passed([one], grid)
        lidar = occupied | (passes > 0)
        cameras = recorded_cameras([*self.rig.cameras.values()], [np.eye(4)] * len(self.rig.cameras))
        state = np.select([occupied, lidar], [OCCUPIED, FREE], UNKNOWN).astype(np.uint8)
        return VoxelLabels(
            key=frame_key(self.name, number),
            task=STREET,
            frame="ego",
            T_world_frame=T_world_ego,
            time_s=self.config.time_s(number),
            label=np.where(lidar, class_of, IGNORE).astype(np.uint8),
            state=state,
            lidar=lidar,
            camera=lidar & sighted(occupied, cameras, grid),
            moving=moving & occupied,
            hits=hits,
            passes=passes,
            confirmed=np.where(occupied, 0, passes).astype(np.uint8),
            scans=tuple(f"{self.name}/truth/{turn:06d}" for turn in turns),
            parameters={name: getattr(self.config, name) for name in _SETTINGS},
            version=f"rigs {self.version}",
        )

    def _described(self) -> dict[str, Json]:
        """What the rig's file says."""
        times: Json = {"file": "times.txt"}
        cameras: list[Json] = [
            {
                "name": name,
                "folder": name,
                "times": times,
                "width_px": camera.size_px[1],
                "height_px": camera.size_px[0],
                "K": camera.K.ravel().tolist(),
                "pose": {"matrix": camera.T_vehicle_cam.ravel().tolist()},
            }
            for name, camera in self.rig.cameras.items()
        ]
        lidars: list[Json] = []
        if self.rig.lidar is not None:
            pose: Json = {"matrix": self.rig.lidar.T_vehicle_lidar.ravel().tolist()}
            lidars = [{"name": "lidar", "folder": "lidar", "times": times, "highest_intensity": 1.0, "pose": pose}]
        poses: Json = {"file": "poses.txt", "kind": "kitti", "of": "ego"}
        return {
            "name": self.name,
            "ego_height_m": 0.0,
            "clock": "camera0",
            "cameras": cameras,
            "lidars": lidars,
            "poses": poses,
        }

    def _T_world_ego(self, number: int) -> Float[np.ndarray, "4 4"]:
        return self._observer.pose(self.config.frame(number) * _PERIOD_S)

    @cached_property
    def _observer(self) -> Observer:
        config = self.config
        street, static = cached_street_and_caster(
            config.seed, self.name, config.frames(self.name), roadworks=True, shifted=config.shifted
        )
        return Observer(
            street,
            static,
            self.rig.truth,
            lambda frame: frame * _PERIOD_S,
            lambda frame: self._stream("truth", frame),
            2 * config.truth_scans + 2,
        )

    def _stream(self, sensor: str, number: int) -> np.random.Generator:
        return random_stream(self.config.seed, self.name, sensor, number)


def _voted(scans: Sequence[PlacedScan]) -> tuple[UInt8[np.ndarray, "x y z"], np.ndarray]:
    """The class that most points of each voxel have, free where there are none; and whether some of them move."""
    flat, labels = zip(*(_inside(one) for one in scans))
    index, ids = np.concatenate(flat), np.concatenate(labels)
    class_of = majority(index, (ids & (MOVES - 1)).astype(np.uint8), STREET.grid.shape, STREET.free)[0]
    moving = np.zeros(STREET.grid.count, bool)
    moving[index[ids >= MOVES]] = True
    return class_of, moving.reshape(STREET.grid.shape)


def _inside(one: PlacedScan) -> tuple[np.ndarray, np.ndarray]:
    """Flat voxel and id of the points of a scan that lie in the grid and have a class."""
    grid = STREET.grid
    index = grid.index(torch.from_numpy(one.points))
    inside = grid.holds(index).numpy() & (one.labels != STREET.free)
    return grid.flat(index).numpy()[inside], one.labels[inside]


def _returns(one: PlacedScan) -> np.ndarray:
    """Whether a scan has returns of standing things from each voxel."""
    index, ids = _inside(one)
    found = np.zeros(STREET.grid.count, bool)
    found[index[ids < MOVES]] = True
    return found.reshape(STREET.grid.shape)
