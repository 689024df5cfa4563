"""nuScenes' own tables by scene: what was recorded, where sensors were, and which boxes were drawn."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float64

from voxway.core.errors import InputError
from voxway.core.quaternion import quaternion_rotation
from voxway.data.boxes import Box
from voxway.data.nuscenes.tables import REMEDY, Row, read_table

T = TypeVar("T")
_OTHERS = "others"
_KINDS = {
    "human.pedestrian.adult": "pedestrian",
    "human.pedestrian.child": "pedestrian",
    "human.pedestrian.construction_worker": "pedestrian",
    "human.pedestrian.police_officer": "pedestrian",
    "movable_object.barrier": "barrier",
    "movable_object.trafficcone": "traffic_cone",
    "vehicle.bicycle": "bicycle",
    "vehicle.bus.bendy": "bus",
    "vehicle.bus.rigid": "bus",
    "vehicle.car": "car",
    "vehicle.construction": "construction_vehicle",
    "vehicle.motorcycle": "motorcycle",
    "vehicle.trailer": "trailer",
    "vehicle.truck": "truck",
}
"""Categories of annotations -> classes of the benchmark, as those of labelled points; the others are "others"."""


class SceneTables:
    """What the tables say of recordings and annotations, by scene.

    Args:
        folder: of the tables.

    Raises:
        InputError: a table is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.annotations = folder, folder / "sample_annotation.json"
        self.scenes = {row["name"]: row["token"] for row in read_table(folder, "scene")}
        self.samples: dict[str, list[Row]] = {}
        for row in sorted(read_table(folder, "sample"), key=lambda row: row["timestamp"]):
            self.samples.setdefault(row["scene_token"], []).append(row)
        self._poses = self._by_token("ego_pose")
        self._calibrations = self._by_token("calibrated_sensor")
        channels = {row["token"]: row["channel"] for row in read_table(folder, "sensor")}
        self._channels = {
            token: self._of(channels, row["sensor_token"], "sensor") for token, row in self._calibrations.items()
        }
        self._recordings: dict[str, list[Row]] = {}
        for row in read_table(folder, "sample_data"):
            self._recordings.setdefault(row["sample_token"], []).append(row)

    def recordings(self, scene: str) -> list[tuple[str, Row]]:
        """Channel and row of all recordings of a scene's token, by time."""
        found = [row for sample in self.samples.get(scene, []) for row in self._recordings.get(sample["token"], [])]
        named = [(self._of(self._channels, row["calibrated_sensor_token"], "calibrated_sensor"), row) for row in found]
        return sorted(named, key=lambda one: one[1]["timestamp"])

    def T_world_ego(self, row: Row) -> Float64[np.ndarray, "4 4"]:
        """Of a recording's time, metres."""
        return _transform(self._of(self._poses, row["ego_pose_token"], "ego_pose"))

    def calibration(self, row: Row) -> tuple[Float64[np.ndarray, "4 4"], Float64[np.ndarray, "3 3"] | None]:
        """A recording's sensor in the ego frame, metres, and a camera's intrinsics, pixels."""
        found = self._of(self._calibrations, row["calibrated_sensor_token"], "calibrated_sensor")
        K = found["camera_intrinsic"]
        return _transform(found), np.array(K, np.float64) if K else None

    def boxes(self, scene: str, times: Mapping[str, float]) -> list[Box]:
        """Annotations of a scene's token.

        Args:
            scene: its token.
            times: of its samples, by token.
        """
        found = []
        for number, row in enumerate(self._annotations):
            if row["sample_token"] in times:
                thing = self._of(self._instances, row["instance_token"], "instance")
                category = self._of(self._categories, thing["category_token"], "category")["name"]
                width, length, height = row["size"]
                found.append(
                    Box(
                        f"row {number}",
                        row["instance_token"],
                        _KINDS.get(category, _OTHERS),
                        times[row["sample_token"]],
                        _transform(row),
                        np.array([length, width, height], np.float64),
                    )
                )
        return found

    @cached_property
    def _annotations(self) -> list[Row]:
        return read_table(self.folder, "sample_annotation")

    @cached_property
    def _instances(self) -> dict[str, Row]:
        return self._by_token("instance")

    @cached_property
    def _categories(self) -> dict[str, Row]:
        return self._by_token("category")

    def _by_token(self, name: str) -> dict[str, Row]:
        return {row["token"]: row for row in read_table(self.folder, name)}

    def _of(self, rows: Mapping[str, T], token: str, table: str) -> T:
        if token not in rows:
            path = self.folder / f"{table}.json"
            raise InputError(file=path, field="token", expected=token, found="no such row", remedy=REMEDY)
        return rows[token]


def _transform(row: Row) -> Float64[np.ndarray, "4 4"]:
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = quaternion_rotation(row["rotation"]), row["translation"]
    return T
