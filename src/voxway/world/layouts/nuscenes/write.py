"""Writes a street as nuScenes files: pictures, sweeps, and the labels of Occ3D, OpenOccupancy and SurroundOcc.

::

    samples/CAM_FRONT/LOG__CAM_FRONT__TIME.jpg      and five more cameras; key frames only
    samples/LIDAR_TOP/LOG__LIDAR_TOP__TIME.pcd.bin  float32: x, y, z, intensity 0..255, ring 0..31
    sweeps/LIDAR_TOP/...                            scans between the key frames
    gts/SCENE/SAMPLE/labels.npz                     semantics, mask_lidar, mask_camera: uint8 (200, 200, 16)
    nuScenes-Occupancy-v0.1/scene_TOKEN/occupancy/LIDAR_TOKEN.npy   (n, 4): z, y, x, label
    surroundocc/samples/LOG__LIDAR_TOP__TIME.pcd.bin.npy            (n, 4): x, y, z, label

Every file depends on the seed, its scene and its time alone, so any part can be written again, in any order and by any
process, with the same bytes. `tables` writes the tables that tie them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8, UInt16

from voxway.core.arrays import write_array
from voxway.core.camera import Cameras
from voxway.core.files import write_bytes
from voxway.core.grid import VoxelGrid
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES, SURROUNDOCC_NUSCENES
from voxway.data.nuscenes.key_frame import CAMERAS
from voxway.truth.occ3d import build_occupancy, vote
from voxway.world.layouts.files import write_jpeg, write_npz
from voxway.world.layouts.nuscenes.classes import OCC3D_NUSCENES_IDS, OPENOCCUPANCY_IDS, SURROUNDOCC_IDS
from voxway.world.layouts.nuscenes.names import SceneNames
from voxway.world.layouts.nuscenes.plan import NuScenesPlan
from voxway.world.layouts.nuscenes.rig import DELAY, nuscenes_rig
from voxway.world.layouts.semantics import class_map_path, write_class_maps
from voxway.world.sensors.camera import Picture, photograph
from voxway.world.sensors.lidar import Scan
from voxway.world.sensors.observe import Observer
from voxway.world.sensors.rig import recorded_cameras
from voxway.world.sensors.street_cache import cached_street_and_caster
from voxway.world.street.street import random_stream

_ABSENT = 255


class SceneWriter:
    """Writes one scene, a few key frames at a time.

    Args:
        root: the folder that holds `samples/`.
        config: what to write.
        name: which of the config's scenes.
    """

    def __init__(self, root: Path, config: NuScenesPlan, name: str) -> None:
        self.root, self.config, self.name = root, config, name
        self.names = SceneNames(config, name)
        self.rig = nuscenes_rig(config.width_px, config.columns)

    def write_keys(self, keys: Sequence[int]) -> None:
        """Pictures, sweeps since the last key frame, and labels of key frames; what is there is kept."""
        for key in keys:
            self._write_pictures(key)
            for turn in self.names.turns(key):
                path = self.root / self.names.scan(turn)
                if not path.exists():
                    write_bytes(path, nuscenes_points(self._observer.scan(turn), self.rig.lidar.elevation).tobytes())
            path = self.root / self.names.occ3d(key)
            if not path.exists():
                self._write_occ3d(path, key)
            path = self.root / self.names.openoccupancy(key)
            if self.config.openoccupancy and not path.exists():
                self._write_openoccupancy(path, key)
            path = self.root / self.names.surroundocc(key)
            if self.config.surroundocc and not path.exists():
                self._write_surroundocc(path, key)

    def _write_pictures(self, key: int) -> None:
        class_map = class_map_path(self.root, self.names.token("sample", key))
        mapped = not self.config.semantics or class_map.exists()
        paths = {channel: self.root / self.names.picture(key, channel) for channel in CAMERAS}
        taken = {
            channel: self._photograph(key, channel) for channel, path in paths.items() if not (mapped and path.exists())
        }
        for channel, picture in taken.items():
            if not paths[channel].exists():
                write_jpeg(paths[channel], picture.image)
        if not mapped:
            write_class_maps(class_map, list(taken.values()), OCC3D_NUSCENES_IDS.__getitem__, OCC3D_NUSCENES.task)

    def _photograph(self, key: int, channel: str) -> Picture:
        time = self.config.time(key * self.config.sweeps_per_key) + DELAY[channel]
        observer, camera = self._observer, self.rig.cameras[channel]
        return photograph(
            observer.scene(time), observer.street.light, camera, observer.pose(time), self._stream(channel, key)
        )

    def _write_occ3d(self, path: Path, key: int) -> None:
        own = key * self.config.sweeps_per_key
        T_ego_world = np.linalg.inv(self._observer.pose(self.config.time(own)))
        scans = self._observer.placed(self._turns(key), own, T_ego_world, OCC3D_NUSCENES_IDS)
        truth = build_occupancy(scans, self._cameras(own, T_ego_world), OCC3D_NUSCENES.task)
        masks = {f"mask_{name}": mask.numpy() for name, mask in truth.masks.items()}
        write_npz(path, semantics=truth.classes.numpy(), **masks)

    def _write_openoccupancy(self, path: Path, key: int) -> None:
        labels = self._labels_in_lidar(key, OPENOCCUPANCY_IDS, OPENOCCUPANCY_NUSCENES.grid)
        index = np.argwhere(labels != _ABSENT)
        rows: UInt16[np.ndarray, "n 4"] = np.column_stack([index[:, ::-1], labels[tuple(index.T)]]).astype(np.uint16)
        write_array(path, rows)

    def _write_surroundocc(self, path: Path, key: int) -> None:
        labels = self._labels_in_lidar(key, SURROUNDOCC_IDS, SURROUNDOCC_NUSCENES.grid)
        index = np.argwhere(labels != _ABSENT)
        write_array(path, np.column_stack([index, labels[tuple(index.T)]]).astype(np.int64))

    def _labels_in_lidar(self, key: int, ids: UInt8[np.ndarray, "i"], grid: VoxelGrid) -> UInt8[np.ndarray, "x y z"]:
        """What files of a labelling in the LiDAR's frame say of every voxel; `_ABSENT` where no point fell."""
        own = key * self.config.sweeps_per_key
        T_world_lidar = self._observer.pose(self.config.time(own)) @ self.rig.lidar.T_vehicle_lidar
        return vote(self._observer.placed(self._turns(key), own, np.linalg.inv(T_world_lidar), ids), grid, _ABSENT)

    def _cameras(self, own: int, T_ego_world: Float[np.ndarray, "4 4"]) -> Cameras:
        """The cameras where they were when each took its picture, in the key frame's ego frame."""
        poses = {
            channel: T_ego_world @ self._observer.pose(self.config.time(own) + DELAY[channel])
            for channel in self.rig.cameras
        }
        return recorded_cameras(list(self.rig.cameras.values()), list(poses.values()))

    def _turns(self, key: int) -> list[int]:
        return self.config.truth_turns(self.name, key)

    @cached_property
    def _observer(self) -> Observer:
        config = self.config
        street, static = cached_street_and_caster(config.seed, self.name, config.frames(self.name), roadworks=True)
        kept = 2 * config.truth_sweeps // config.truth_stride + 2 * config.sweeps_per_key + 2
        return Observer(street, static, self.rig.lidar, config.time, lambda turn: self._stream("LIDAR_TOP", turn), kept)

    def _stream(self, sensor: str, number: int) -> np.random.Generator:
        return random_stream(self.config.seed, self.name, sensor, number)


def nuscenes_points(taken: Scan, elevation: Float[np.ndarray, "beams"]) -> Float32[np.ndarray, "p 5"]:
    """A scan as nuScenes stores it: shot by shot, clockwise from straight behind, in each shot from the lowest ring up.

    Args:
        elevation: of the LiDAR's beams, from the top one down, radians.

    Returns:
        x, y, z (metres, LiDAR frame), intensity 0..255, ring (0 is the lowest).
    """
    x, y, z = taken.points[:, :3].astype(np.float64).T
    # Range noise moves points along their rays, so that angles are the beams' own.
    upward = elevation[::-1]
    ring = np.searchsorted((upward[1:] + upward[:-1]) / 2, np.arctan2(z, np.hypot(x, y)))
    # Clockwise seen from above, from -y; shots lie much further apart than single precision blurs them.
    turned = np.round(np.mod(-np.arctan2(y, x) - np.pi / 2, 2 * np.pi), 4)
    order = np.lexsort((ring, turned))
    # Squared, remissions spread as the dataset's intensities do: mostly about 10, signs above 200.
    intensity = np.round(255 * taken.points[:, 3] ** 2)
    return np.column_stack([taken.points[:, :3], intensity, ring])[order].astype(np.float32)
