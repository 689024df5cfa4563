"""Writes a street as Waymo files: pictures and scans as in the KITTI-format conversion, and the labels of Occ3D-Waymo.

::

    training|validation/SSS/FFF_04.npz   voxel_label, origin_voxel_state, final_voxel_state, infov: uint8 (200, 200, 16)
    cam_infos.pkl, cam_infos_vali.pkl    [sequence][frame][slot]{intrinsics, sensor2ego}: float64 4 x 4
    kitti_format/training/               of both splits: X is 0 in training, 1 in validation
        image_0..4/XSSSFFF.jpg           front, front left, front right, side left, side right
        velodyne/XSSSFFF.bin             float32: x, y, z (vehicle frame), intensity, elongation, 0

Slots 2 and 3 of the camera files stand for image_3 and image_2. `sensor2ego` is that of the optical frame (x right,
y down, z ahead). Every file depends on the seed, its sequence and its frame alone, so any part can be written again, in
any order and by any process, with the same bytes.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from voxway.core.files import write_bytes
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.data.waymo.layout import IMAGE_FOLDERS
from voxway.truth.occ3d import build_occupancy
from voxway.truth.sight import in_view
from voxway.world.layouts.files import write_jpeg, write_npz
from voxway.world.layouts.waymo.classes import OCC3D_WAYMO_IDS
from voxway.world.layouts.waymo.plan import Split, WaymoPlan
from voxway.world.layouts.waymo.rig import waymo_rig
from voxway.world.sensors.camera import photograph
from voxway.world.sensors.lidar import Scan
from voxway.world.sensors.observe import Observer
from voxway.world.sensors.rig import recorded_cameras
from voxway.world.sensors.street_cache import cached_street_and_caster
from voxway.world.street.drive import PERIOD
from voxway.world.street.street import random_stream

KITTI_FORMAT = "kitti_format/training"
"""Folder of pictures and scans."""
CAM_INFOS: dict[Split, str] = {"training": "cam_infos.pkl", "validation": "cam_infos_vali.pkl"}
_PREFIX = {"training": "0", "validation": "1"}


class WaymoWriter:
    """Writes one sequence, a few frames at a time.

    Args:
        root: the folder that holds `training/`.
        config: what to write.
        name: which of the config's sequences, as split/number.
    """

    def __init__(self, root: Path, config: WaymoPlan, name: str) -> None:
        self.root, self.config, self.name = root, config, name
        self.split, self.number = name.split("/")
        self.rig = waymo_rig(config.width_px, config.columns)

    def image(self, frame: int, camera: int) -> Path:
        """File of the picture that a camera (0 to 4, in the rig's order) takes at a frame."""
        return self.root / KITTI_FORMAT / f"image_{camera}" / f"{self._stem(frame)}.jpg"

    def scan(self, frame: int) -> Path:
        """File of a frame's scan."""
        return self.root / KITTI_FORMAT / "velodyne" / f"{self._stem(frame)}.bin"

    def labels(self, frame: int) -> Path:
        """File of a frame's voxel labels."""
        return self.root / self.split / self.number / f"{frame:03d}_04.npz"

    def write_frames(self, frames: Sequence[int]) -> None:
        """Pictures, scan and labels of frames; what is there is kept."""
        for frame in frames:
            for i, camera in enumerate(self.rig.cameras):
                path = self.image(frame, i)
                if not path.exists():
                    observer = self._observer
                    time = frame * PERIOD
                    noise = self._stream(f"image_{i}", frame)
                    scene, pose = observer.scene(time), observer.pose(time)
                    write_jpeg(path, photograph(scene, observer.street.light, camera, pose, noise).image)
            path = self.scan(frame)
            if not path.exists():
                points = waymo_points(
                    self._observer.scan(frame), self.rig.lidar.T_vehicle_lidar, self._stream("elongation", frame)
                )
                write_bytes(path, points.tobytes())
            path = self.labels(frame)
            if not path.exists():
                self._write_labels(path, frame)

    def _write_labels(self, path: Path, frame: int) -> None:
        observer = self._observer
        T_vehicle_world = np.linalg.inv(observer.pose(frame * PERIOD))
        turns = self.config.truth_turns(self.name, frame)
        scans = observer.placed(turns, frame, T_vehicle_world, OCC3D_WAYMO_IDS)
        cameras = recorded_cameras(self.rig.cameras, [np.eye(4)] * len(self.rig.cameras))
        # The release's camera mask knows where cameras are, but not which way they look; infov does.
        truth = build_occupancy(scans, cameras, OCC3D_WAYMO.task, all_around=True)
        write_npz(
            path,
            voxel_label=OCC3D_WAYMO.to_raw(truth.classes.numpy()),
            origin_voxel_state=truth.masks["lidar"].numpy(),
            final_voxel_state=truth.masks["camera"].numpy(),
            infov=in_view(cameras, OCC3D_WAYMO.grid),
        )

    @cached_property
    def _observer(self) -> Observer:
        config = self.config
        street, static = cached_street_and_caster(config.seed, self.name, config.frames(self.name), roadworks=True)
        return Observer(
            street,
            static,
            self.rig.lidar,
            lambda turn: turn * PERIOD,
            lambda turn: self._stream("velodyne", turn),
            kept=2 * config.truth_frames + 1,
        )

    def _stem(self, frame: int) -> str:
        return f"{_PREFIX[self.split]}{self.number}{frame:03d}"

    def _stream(self, sensor: str, number: int) -> np.random.Generator:
        return random_stream(self.config.seed, self.name, sensor, number)


def waymo_points(
    taken: Scan, T_vehicle_lidar: Float[np.ndarray, "4 4"], rng: np.random.Generator
) -> Float32[np.ndarray, "p 6"]:
    """A scan as the conversion stores it: x, y, z (vehicle frame, metres), intensity, elongation, 0."""
    places = taken.points[:, :3].astype(np.float64) @ T_vehicle_lidar[:3, :3].T + T_vehicle_lidar[:3, 3]
    elongation = rng.exponential(0.05, len(places))
    return np.column_stack([places, taken.points[:, 3], elongation, np.zeros(len(places))]).astype(np.float32)


def write_cameras(root: Path, config: WaymoPlan) -> None:
    """Write the camera files of both splits; the same cameras in every frame."""
    rig = waymo_rig(config.width_px, config.columns)
    slots: dict[int, dict[str, np.ndarray]] = {}
    for slot, image in enumerate(IMAGE_FOLDERS):
        intrinsics = np.eye(4)
        intrinsics[:3, :3] = rig.cameras[image].K
        slots[slot] = {"intrinsics": intrinsics, "sensor2ego": rig.cameras[image].T_vehicle_cam}
    for split, file in CAM_INFOS.items():
        names = [name for name in config.names if name.startswith(split)]
        infos = {int(name[-3:]): dict.fromkeys(config.keys(name), slots) for name in names}
        if infos and not (root / file).exists():
            write_bytes(root / file, pickle.dumps(infos, protocol=4))
