"""Writes the tables of nuScenes (v1.0) that tie a world's files together, and the info files made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from voxway.core.files import write_json
from voxway.core.quaternion import quaternion
from voxway.data.nuscenes.infos import write_infos
from voxway.data.nuscenes.splits import VALIDATION
from voxway.world.layouts.nuscenes.names import SceneNames, token
from voxway.world.layouts.nuscenes.plan import NuScenesPlan
from voxway.world.layouts.nuscenes.rig import DELAY, NuScenesRig, nuscenes_rig
from voxway.world.sensors.street_cache import cached_street
from voxway.world.street.moment import pose_at

VERSION = "v1.0-trainval"
"""Folder of the tables."""
TABLES = (
    "attribute", "calibrated_sensor", "category", "ego_pose", "instance", "log", "map", "sample", "sample_annotation",
    "sample_data", "scene", "sensor", "visibility",
)  # fmt: skip
"""All tables of the release; those about annotations are empty lists here."""
Row = dict[str, object]
"""A row of a table by column."""
SceneRows = dict[str, list[Row]]
"""What the tables hold about one scene: rows by table."""
_GLOBAL = np.array([400.0, 1200.0, 0.0])
"""Where the world's origin lies on the map: as far from the map's own as the dataset's drives are."""


def info_files(config: NuScenesPlan) -> dict[str, list[str]]:
    """Name of each info file -> scenes that it lists."""
    splits = {"train": False, "val": True}
    chosen = {split: [n for n in config.names if (n in VALIDATION) == val] for split, val in splits.items()}
    return {f"bevdetv3-nuscenes_infos_{split}.pkl": names for split, names in chosen.items() if names}


def scene_rows(config: NuScenesPlan, name: str) -> SceneRows:
    """What the tables hold about one scene. Poses are in the map frame, metres; times in microseconds."""
    names, keys = SceneNames(config, name), config.keys(name)
    per_key = config.sweeps_per_key
    rows: SceneRows = {"sample_data": [], "ego_pose": []}
    log = names.token("log")
    rows["log"] = [
        {
            "token": log,
            "logfile": names.log,
            "vehicle": "n000",
            "date_captured": "2018-06-26",
            "location": "synthetic",
        }
    ]
    rows["scene"] = [
        {
            "token": names.token("scene"),
            "log_token": log,
            "nbr_samples": len(keys),
            "first_sample_token": names.token("sample", 0),
            "last_sample_token": names.token("sample", keys[-1]),
            "name": name,
            "description": "synthetic street",
        }
    ]
    rows["sample"] = [
        {
            "token": names.token("sample", key),
            "timestamp": names.time_us(key * per_key),
            "prev": names.token("sample", key - 1) if key else "",
            "next": names.token("sample", key + 1) if key < keys[-1] else "",
            "scene_token": names.token("scene"),
        }
        for key in keys
    ]
    rig = nuscenes_rig(config.width_px, config.columns)
    rows["calibrated_sensor"] = _calibrations(rig, names)
    sizes = {channel: camera.size_px for channel, camera in rig.cameras.items()} | {"LIDAR_TOP": (0, 0)}
    poses = cached_street(config.seed, name, config.frames(name), roadworks=True).drive.T_world_vehicle
    for channel in ("LIDAR_TOP", *DELAY):
        turns = range(config.sweeps(name)) if channel == "LIDAR_TOP" else [key * per_key for key in keys]
        chain = [names.token(channel, turn) for turn in turns]
        for i, turn in enumerate(turns):
            recording, pose = _recording(config, names, poses, channel, turn)
            recording |= dict(zip(("height", "width"), sizes[channel]))
            recording |= {"prev": chain[i - 1] if i else "", "next": chain[i + 1] if i + 1 < len(chain) else ""}
            rows["sample_data"].append(recording)
            rows["ego_pose"].append(pose)
    return rows


def _calibrations(rig: NuScenesRig, names: SceneNames) -> list[Row]:
    sensors = {"LIDAR_TOP": (rig.lidar.T_vehicle_lidar, [])}
    sensors |= {channel: (camera.T_vehicle_cam, camera.K.tolist()) for channel, camera in rig.cameras.items()}
    return [
        {
            "token": names.token("calibrated_sensor", channel),
            "sensor_token": token("sensor", channel),
            **_placed(T_ego_sensor),
            "camera_intrinsic": intrinsics,
        }
        for channel, (T_ego_sensor, intrinsics) in sensors.items()
    ]


def _recording(
    config: NuScenesPlan, names: SceneNames, poses: Float[np.ndarray, "n 4 4"], channel: str, turn: int
) -> tuple[Row, Row]:
    """A sample_data and its ego_pose; both have the same token, as in the release."""
    is_scan = channel == "LIDAR_TOP"
    delay = 0.0 if is_scan else DELAY[channel]
    # A sweep belongs to the key frame after it.
    key = -(-turn // config.sweeps_per_key)
    own, time_us = names.token(channel, turn), names.time_us(turn, delay)
    recording = {
        "token": own,
        "sample_token": names.token("sample", key),
        "ego_pose_token": own,
        "calibrated_sensor_token": names.token("calibrated_sensor", channel),
        "timestamp": time_us,
        "fileformat": "pcd" if is_scan else "jpg",
        "is_key_frame": turn % config.sweeps_per_key == 0,
        "filename": names.scan(turn) if is_scan else names.picture(key, channel),
    }
    T_world_ego = pose_at(poses, config.time(turn) + delay)
    T_map_ego = T_world_ego.copy()
    T_map_ego[:3, 3] += _GLOBAL
    return recording, {"token": own, "timestamp": time_us, **_placed(T_map_ego)}


def write_tables(root: Path, config: NuScenesPlan, scenes: Sequence[SceneRows]) -> None:
    """Write the tables and the info files of all scenes together."""
    sensors = {"LIDAR_TOP": "lidar", **dict.fromkeys(DELAY, "camera")}
    sensor = [{"token": token("sensor", name), "channel": name, "modality": kind} for name, kind in sensors.items()]
    for table in TABLES:
        rows = sensor if table == "sensor" else [row for scene in scenes for row in scene.get(table, [])]
        write_json(root / VERSION / f"{table}.json", rows)
    for file, names in info_files(config).items():
        write_infos(root / VERSION, root / file, names)


def has_tables(root: Path, config: NuScenesPlan) -> bool:
    """Whether all tables and info files are there."""
    files = [*(f"{VERSION}/{table}.json" for table in TABLES), *info_files(config)]
    return all((root / file).exists() for file in files)


def _placed(pose: Float[np.ndarray, "4 4"]) -> Row:
    return {"translation": pose[:3, 3].tolist(), "rotation": quaternion(pose[:3, :3]).tolist()}
