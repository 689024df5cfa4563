"""The reader of a rig: recordings matched by time, in the ego frame that networks of a dataset know.

That frame is the rig's own, moved along z to the height above the road at which the dataset's is. Where poses are
known, a sensor that recorded earlier or later than the clock stands where the car then was.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from voxway.core.benchmark import Benchmark
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample
from voxway.data.files.names import some
from voxway.data.own.config import RigConfig
from voxway.data.own.matching import Moment, matched, unmatched
from voxway.data.own.rig import RECTIFIED, CameraEntry, LidarEntry
from voxway.data.own.rig_faults import rig_faults, size_fault
from voxway.data.own.scans import merged
from voxway.data.own.sources import open_poses, open_stream
from voxway.data.own.streams import Stream
from voxway.data.whole import tell_once

_SAME_S = 1e-6
"""Recordings closer in time than this are of one time."""


class RigReader:
    """Raw moments of a rig; see `voxway.data.reader.Reader`.

    Args:
        config: which recordings.
        possible: refuse what no vehicle has; False: take it as it is, to be looked at.

    Raises:
        InputError: the file says what no vehicle has, a folder or topic is absent or empty, no recordings belong
            together, or a key is unknown.
    """

    mask_names: tuple[str, ...] = ()

    def __init__(self, config: RigConfig, possible: bool = True) -> None:
        self.config, self.rig = config, config.rig
        for wrong in rig_faults(self.rig) if possible else ():
            raise wrong
        sensors = self.rig.sensors
        used = [*config.cameras, *(lidar.name for lidar in self.rig.lidars if config.lidars)]
        self._streams: dict[str, Stream] = {name: open_stream(self.rig, sensors[name]) for name in used}
        clock = self.rig.clock
        self._clock = self._streams.get(clock) or open_stream(self.rig, sensors[clock])
        self.track = open_poses(self.rig, self._clock)
        self.moments = self._matched()
        self.split_keys: tuple[str, ...] = tuple(self._key(moment) for moment in self.moments)
        self.keys = self._chosen()

    @property
    def benchmark(self) -> Benchmark:
        """The dataset's whose networks look at this rig."""
        return self.config.benchmark

    @property
    def provides(self) -> frozenset[str]:
        """What the rig has."""
        config, rig = self.config, self.rig
        fields = {"time"} | ({"images"} if config.cameras else set()) | ({"pose"} if self.track else set())
        if config.lidars and rig.lidars:
            fields |= {"points", "lidar_origin"}
        if rig.pair is not None and config.cameras == (rig.pair.left, rig.pair.right):
            fields |= {"P", "T_rect_ego"}
        return frozenset(fields)

    @property
    def T_model_ego(self) -> Float64[np.ndarray, "4 4"]:
        """The rig's ego frame to the dataset's, metres."""
        T = np.eye(4)
        T[2, 3] = self.rig.ego_height_m - self.benchmark.ego_height_m
        return T

    def drive(self, key: str) -> str:
        """The rig's name."""
        return self.rig.name

    def before(self, key: str, recordings: int) -> str:
        """The last whole frame that is so many recordings before, or the first."""
        wanted = self._moment(key).number - recordings
        before = [moment for moment in self.moments if moment.number <= wanted]
        return self._key(before[-1] if before else self.moments[0])

    def files(self, key: str, field: str) -> tuple[Path, ...]:
        """See `Reader.files`."""
        moment, config, rig = self._moment(key), self.config, self.rig
        found: list[Path] = []
        if field in ("images", "cameras"):
            found += [self._streams[name].path(moment.recordings[name]) for name in config.cameras]
        if field == "points":
            found += [self._streams[lidar.name].path(n) for lidar in rig.lidars for n in self._scans(lidar, moment)]
        if rig.poses is not None and field in ("pose", "images", "cameras", "points"):
            found += [path for path in (rig.poses.file or rig.recording,) if path is not None]
        return *dict.fromkeys(found), rig.path

    def moment(self, key: str, fields: frozenset[str], random: np.random.Generator) -> Sample:
        """What the recordings hold of a moment.

        Raises:
            InputError: one of them is missing or damaged, or a picture of another size than its intrinsics are for.
        """
        moment = self._moment(key)
        pictures = fields & {"images", "cameras"} and self.config.cameras
        extras: dict[str, Tensor] = {}
        if "lidar_origin" in fields:
            origin = self._T_model(self.rig.lidars[0].name, moment.time_s, moment.time_s)[:3, 3]
            extras["lidar_origin"] = torch.from_numpy(origin.astype(np.float32))
        if fields & {"P", "T_rect_ego"}:
            left_s = self._time_s(self.config.cameras[0], moment)
            T_rect_ego = np.linalg.inv(self._T_model(RECTIFIED, left_s, moment.time_s))
            cameras = self._cameras(moment)
            projections = (cameras.projection.numpy() @ np.linalg.inv(T_rect_ego))[..., :3, :]
            extras["P"], extras["T_rect_ego"] = torch.from_numpy(projections), torch.from_numpy(T_rect_ego)
        return Sample(
            key=key,
            grid=self.benchmark.grid,
            cameras=self._cameras(moment) if pictures else None,
            images=self._pictures(moment) if "images" in fields and self.config.cameras else None,
            points=torch.from_numpy(self._points(moment)) if "points" in fields else None,
            pose=self._pose(moment) if "pose" in fields else None,
            time_s=moment.time_s if "time" in fields else None,
            extras=extras,
        )

    def truth(self, key: str) -> Occupancy:
        """A rig has none.

        Raises:
            InputError: always.
        """
        remedy = "Predict its frames; only a benchmark's can be scored."
        raise _bad(self.rig.path, "target", "labels of voxels", "none", remedy)

    def _matched(self) -> tuple[Moment, ...]:
        rig = self.rig
        moments = matched(self._streams, self._clock, rig.tolerance_s)
        if not moments:
            raise unmatched(self._streams, rig.clock, self._clock, rig.tolerance_s, rig.path)
        count = len(self._clock.times_s)
        if len(moments) < count:
            lacking = f"{count - len(moments)} of {count} recordings of {rig.clock} are left out"
            tell_once(f"{rig.name}: {lacking}: other sensors have none within {rig.tolerance_s:g} s")
        return moments

    def _chosen(self) -> tuple[str, ...]:
        config, known = self.config, set(self.split_keys)
        unknown = [key for key in config.keys if key not in known]
        unknown += [drive for drive in config.drives if drive != self.rig.name]
        if unknown:
            expected = f"frames of {self.rig.name}: {some(self.split_keys, 3)}"
            raise _bad(self.rig.path, "frames", expected, unknown[0], "Name frames as they are listed.")
        return config.keys or self.split_keys

    def _key(self, moment: Moment) -> str:
        return f"{self.rig.name}/{moment.number:06d}"

    @cached_property
    def _by_key(self) -> dict[str, Moment]:
        return dict(zip(self.split_keys, self.moments))

    def _moment(self, key: str) -> Moment:
        if key not in self._by_key:
            raise _bad("sample key", "key", f"a frame of {self.rig.name}", key, "Take one of the reader's keys.")
        return self._by_key[key]

    def _time_s(self, name: str, moment: Moment) -> float:
        """When a sensor's recording of a moment was made."""
        return float(self._streams[name].times_s[moment.recordings[name]])

    def _T_model(self, name: str, at_s: float, key_s: float) -> Float64[np.ndarray, "4 4"]:
        """A sensor, or the rectified frame, at a time, in the dataset's ego frame at the key frame's time."""
        T = self.T_model_ego @ self.rig.T_ego(name)
        if self.track is None or abs(at_s - key_s) < _SAME_S:
            return T
        T_world = self.track.at(np.array([at_s, key_s]))
        return self.T_model_ego @ np.linalg.inv(T_world[1]) @ T_world[0] @ self.rig.T_ego(name)

    def _cameras(self, moment: Moment) -> Cameras:
        views, names = self.config.views, self.config.cameras
        T_ego_cam = np.stack([self._T_model(name, self._time_s(name, moment), moment.time_s) for name in names])
        return Cameras.pinhole(
            torch.from_numpy(np.stack([views[name].K for name in names])),
            torch.from_numpy(np.linalg.inv(T_ego_cam)),
            torch.tensor([views[name].size_px for name in names]),
        )

    def _pictures(self, moment: Moment) -> Tensor:
        """Views of the pictures, smaller ones in the top left corner."""
        cameras = {camera.name: camera for camera in self.rig.cameras}
        views = [self._view_of(cameras[name], moment) for name in self.config.cameras]
        height, width = (max(view.shape[axis] for view in views) for axis in (0, 1))
        # Channels innermost in memory, as files and Pillow have them.
        images = np.zeros((len(views), height, width, 3), np.uint8)
        for kept, view in zip(images, views):
            kept[: view.shape[0], : view.shape[1]] = view
        return torch.from_numpy(images).permute(0, 3, 1, 2)

    def _view_of(self, camera: CameraEntry, moment: Moment) -> np.ndarray:
        stream, index = self._streams[camera.name], moment.recordings[camera.name]
        picture = stream.read(index)
        if (wrong := size_fault(camera, (picture.shape[0], picture.shape[1]))) is not None:
            raise wrong.error(stream.path(index), "size", "Use the pictures that the calibration is for.")
        return self.config.views[camera.name].of(picture)

    def _scans(self, lidar: LidarEntry, moment: Moment) -> range:
        """Recordings of a LiDAR that are laid over each other, the latest first."""
        last = moment.recordings[lidar.name]
        first = max(last - self.config.scans, -1) if self.track is not None else last - 1
        return range(last, first, -1)

    def _points(self, moment: Moment) -> Float32[np.ndarray, "p c"]:
        parts = []
        for lidar in self.rig.lidars:
            stream = self._streams[lidar.name]
            for index in self._scans(lidar, moment):
                time_s = float(stream.times_s[index])
                T = self._T_model(lidar.name, time_s, moment.time_s)
                age_s = moment.time_s - time_s if index != moment.recordings[lidar.name] else 0.0
                parts.append((lidar, stream.read(index), T, age_s))
        return merged(parts, self.config.columns, self.benchmark.highest_intensity)

    def _pose(self, moment: Moment) -> Tensor:
        assert self.track is not None
        T_world_ego = self.track.at(np.array([moment.time_s]))[0]
        return torch.from_numpy(T_world_ego @ np.linalg.inv(self.T_model_ego))


def _bad(file: object, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
