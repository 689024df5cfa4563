"""A rig's file, read: JSON into what `voxway.data.own.rig` holds. docs/rig.md shows one."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.core.lens import KannalaBrandt, Lens, Mei, Pinhole
from voxway.core.stamps import Stamp, stamp
from voxway.data.own.bag_rig import recorded_camera, recorded_pose
from voxway.data.own.fields import REMEDY, Fields
from voxway.data.own.folders import PER_SECOND
from voxway.data.own.rig import (
    COLUMNS,
    RECTIFIED,
    CameraEntry,
    LidarEntry,
    Pair,
    PosesEntry,
    RigFile,
    Source,
    Times,
    View,
)
from voxway.data.own.sensor_pose import SensorPose, read_pose

TOLERANCE_S = 0.05
"""How far apart in time recordings of one moment may be, where the file does not say."""
_CALIBRATION = ("width_px", "height_px", "lens", "K", "distortion", "xi")
"""What the recording of a camera says where the file says none of it."""
LENSES = ("pinhole", "kannala-brandt", "mei")
_RECORDING = 'a recording that it is a topic of, named as "recording" at the top of the file'


def read_rig(path: Path | str) -> RigFile:
    """Read a rig's file. Paths in it are taken from its own folder.

    Raises:
        InputError: absent, no JSON, or a value that is absent, unknown or impossible; the error names its place.
    """
    return _read(Path(path), stamp(path))


@lru_cache(maxsize=8)
def _read(path: Path, stamped: Stamp | None) -> RigFile:
    content = read_json(path, "Write one; docs/rig.md shows it.")
    if not isinstance(content, dict):
        raise InputError(
            file=path, field="the file", expected="named values", found=type(content).__name__, remedy=REMEDY
        )
    top = Fields(content, path)
    top.only(
        "name", "ego", "ego_height_m", "recording", "cameras", "lidars", "poses", "pair", "clock", "tolerance_s"
    )  # fmt: skip
    recording = path.parent / top.text("recording") if top.has("recording") else None
    ego = top.text("ego", "ego")
    cameras = tuple(_camera(one, recording, ego) for one in top.several("cameras"))
    lidars = tuple(_lidar(one, recording, ego) for one in top.several("lidars"))
    names = [sensor.name for sensor in (*cameras, *lidars)]
    if not names:
        raise top.wrong("cameras", "at least one camera or LiDAR", "none")
    taken = [*names, ego, RECTIFIED]
    for name in taken:
        if taken.count(name) > 1:
            raise top.wrong("cameras, lidars", "names of their own for all sensors and the ego frame", f"{name} twice")
    pair = _pair(top.inner("pair"), tuple(one.name for one in cameras)) if top.has("pair") else None
    frames = (ego, *names, *([RECTIFIED] if pair else []))
    rig = RigFile(
        path=path,
        name=top.text("name", path.resolve().parent.name or "drive").replace("/", "_"),
        ego=ego,
        ego_height_m=top.number("ego_height_m", least=-1.0, most=10.0, unit="metres"),
        recording=recording,
        cameras=cameras,
        lidars=lidars,
        poses=_poses(top.inner("poses"), recording, frames) if top.has("poses") else None,
        pair=pair,
        clock=top.text("clock", (lidars or cameras)[0].name, names),
        tolerance_s=top.number("tolerance_s", TOLERANCE_S, least=0.0, most=10.0, unit="seconds"),
    )
    for name in names:
        rig.T_ego(name)
    return rig


def _camera(fields: Fields, recording: Path | None, ego: str) -> CameraEntry:
    fields.only(
        "name", "folder", "topic", "times", "width_px", "height_px", "lens", "K", "distortion", "xi", "pose", "view"
    )  # fmt: skip
    source = _source(fields, recording)
    if recording is not None and source.topic is not None and not any(fields.has(name) for name in _CALIBRATION):
        recorded = recorded_camera(recording, source.topic)
        lens, size_px, T_frame_lens = recorded.lens, recorded.size_px, recorded.T_frame_lens
    else:
        lens, size_px = _lens(fields), (fields.whole("height_px", 1), fields.whole("width_px", 1))
        T_frame_lens = np.eye(4)
    plain = isinstance(lens, Pinhole) and not any(lens.distortion)
    view = _view(fields.inner("view")) if fields.has("view") else None if plain else View()
    return CameraEntry(
        name=fields.text("name"),
        place=fields.place,
        source=source,
        size_px=size_px,
        lens=lens,
        pose=_pose(fields, source, recording, ego, T_frame_lens),
        view=view,
    )


def _pose(
    fields: Fields, source: Source, recording: Path | None, ego: str, T_frame_sensor: Float64[np.ndarray, "4 4"]
) -> SensorPose:
    """Where the file says, or else where the recording says that the sensor's frame is."""
    named = fields.has("pose") and fields.inner("pose").has("frame")
    if recording is None or source.topic is None or (fields.has("pose") and not named):
        return read_pose(fields.inner("pose"))
    inner = fields.inner("pose") if named else Fields({}, fields.file, fields.path("pose"))
    inner.only("frame")
    T = recorded_pose(recording, source.topic, ego, inner.text("frame") if named else None)
    return SensorPose(T=T @ T_frame_sensor, parent=None, fields=inner)


def _lens(fields: Fields) -> Lens:
    kind = fields.text("lens", "pinhole", LENSES)
    numbers = fields.numbers("K", 4, 9)
    fx, fy, cx, cy = numbers if len(numbers) == 4 else (0.0, 0.0, 0.0, 0.0)
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]) if len(numbers) == 4 else numbers.reshape(3, 3)
    counts = (0, 4, 5, 8) if kind == "pinhole" else (0, 4)
    given = fields.numbers("distortion", *counts) if fields.has("distortion") else np.zeros(0)
    distortion = tuple(given.tolist())
    if kind != "mei" and fields.has("xi"):
        raise fields.wrong("xi", "no such number, which belongs to lens mei", f"lens {kind}")
    if kind == "pinhole":
        return Pinhole(K=K, distortion=distortion)
    first, second, third, fourth = distortion or (0.0, 0.0, 0.0, 0.0)
    if kind == "kannala-brandt":
        return KannalaBrandt(K=K, distortion=(first, second, third, fourth))
    return Mei(K=K, xi=fields.number("xi", least=0.0, most=10.0), distortion=(first, second, third, fourth))


def _view(fields: Fields) -> View:
    fields.only("width_px", "height_px", "focal_px", "across_deg")
    if fields.has("width_px") != fields.has("height_px"):
        raise fields.wrong("width_px, height_px", "both or neither", "one")
    size = (fields.whole("height_px", 8), fields.whole("width_px", 8)) if fields.has("width_px") else None
    if not fields.has("across_deg"):
        return View(size_px=size, focal_px=fields.number("focal_px", least=1.0) if fields.has("focal_px") else None)
    across = fields.number("across_deg", least=1.0, most=170.0, unit="degrees")
    if size is None or fields.has("focal_px"):
        raise fields.wrong("across_deg", "width_px and height_px beside it, and no focal_px", sorted(fields.values))
    return View(size_px=size, focal_px=size[1] / 2 / float(np.tan(np.radians(across / 2))))


def _lidar(fields: Fields, recording: Path | None, ego: str) -> LidarEntry:
    fields.only("name", "folder", "topic", "times", "pose", "columns", "highest_intensity", "nearest_m")
    columns = fields.texts("columns", COLUMNS)
    if columns[:3] != ("x", "y", "z"):
        raise fields.wrong("columns", "x, y, z first", ", ".join(columns))
    highest = fields.number("highest_intensity", least=1e-6) if fields.has("highest_intensity") else None
    source = _source(fields, recording)
    return LidarEntry(
        name=fields.text("name"),
        place=fields.place,
        source=source,
        pose=_pose(fields, source, recording, ego, np.eye(4)),
        columns=columns,
        highest_intensity=highest,
        nearest_m=fields.number("nearest_m", 0.0, least=0.0, most=20.0, unit="metres"),
    )


def _source(fields: Fields, recording: Path | None) -> Source:
    folder = fields.file.parent / fields.text("folder") if fields.one_of("folder", "topic") == "folder" else None
    if folder is None and recording is None:
        raise fields.wrong("topic", _RECORDING, "none")
    times = _times(fields, folder is None)
    return Source(folder=folder, topic=None if folder else fields.text("topic"), times=times)


def _times(fields: Fields, recorded: bool) -> Times:
    if recorded:
        inner = fields.inner("times") if fields.has("times") else Fields({}, fields.file, fields.path("times"))
        inner.only("clock", "offset_s")
        clock = "recorded" if inner.text("clock", "header", ("header", "recorded")) == "recorded" else "header"
        return Times(kind="recording", clock=clock, offset_s=inner.number("offset_s", 0.0))
    if not fields.has("times"):
        remedy = 'Add one of {"file": "times.txt"}, {"names": "ns"} where names are stamps, {"rate_hz": 10}.'
        raise fields.wrong("times", "when pictures or scans were taken", "absent", remedy)
    inner = fields.inner("times")
    inner.only("file", "names", "rate_hz", "unit", "offset_s")
    offset_s, kind = inner.number("offset_s", 0.0, unit="seconds"), inner.one_of("file", "names", "rate_hz")
    if kind == "rate_hz":
        return Times(kind="rate", rate_hz=inner.number("rate_hz", least=1e-3, most=1e4), offset_s=offset_s)
    if kind == "names":
        return Times(kind="names", unit=inner.text("names", choices=tuple(PER_SECOND)), offset_s=offset_s)
    unit = inner.text("unit", "s", tuple(PER_SECOND))
    return Times(kind="file", file=fields.file.parent / inner.text("file"), unit=unit, offset_s=offset_s)


def _poses(fields: Fields, recording: Path | None, names: tuple[str, ...]) -> PosesEntry:
    fields.only("file", "topic", "frame", "kind", "of")
    named = fields.one_of("file", "topic", "frame")
    if named != "file" and recording is None:
        raise fields.wrong(named, _RECORDING, "none")
    kind = fields.text("kind", "tum", ("kitti", "tum"))
    return PosesEntry(
        file=fields.file.parent / fields.text("file") if named == "file" else None,
        topic=fields.text("topic") if named == "topic" else None,
        frame=fields.text("frame") if named == "frame" else None,
        kind="kitti" if kind == "kitti" else "tum",
        of=fields.text("of", names[0], names),
    )


def _pair(fields: Fields, cameras: tuple[str, ...]) -> Pair:
    fields.only("left", "right", "pose")
    left, right = (fields.text(side, choices=cameras) for side in ("left", "right"))
    if left == right:
        raise fields.wrong("right", "another camera than the left one", right)
    return Pair(left=left, right=right, pose=read_pose(fields.inner("pose")) if fields.has("pose") else None)
