"""Recordings of a drive through the synthetic world, written by the libraries that people have: rosbags and mcap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image
from rosbags.interfaces import Nodetype
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from voxway.core.lens import KannalaBrandt, Lens, Pinhole
from voxway.core.quaternion import quaternion
from voxway.world.layouts.semantickitti.rig import kitti_rig
from voxway.world.sensors.camera import Camera, photograph
from voxway.world.sensors.lidar import scan
from voxway.world.sensors.rig import mounted
from voxway.world.sensors.scene import Caster, Scene
from voxway.world.street.drive import present
from voxway.world.street.street import build_street

Fields = dict[str, Any]
"""A message by the names of its fields; those that are left out are 0 or empty."""
STORE = get_typestore(Stores.ROS2_JAZZY)
START_NS = 1_700_000_000_123_456_789
LATE_NS = 7_000_000
"""How long after its stamp a message is written down."""


@dataclass(frozen=True)
class Said:
    """A message of a topic."""

    topic: str
    kind: str
    fields: Fields
    recorded_ns: int


def stamped(time_ns: int, frame: str) -> Fields:
    """A header."""
    return {"stamp": {"sec": time_ns // 10**9, "nanosec": time_ns % 10**9}, "frame_id": frame}


def image(picture: np.ndarray, time_ns: int, frame: str, encoding: str = "rgb8", padding: int = 0) -> Fields:
    """An Image of a picture whose channels are already those of the encoding."""
    rows = picture.reshape(len(picture), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    sizes = {"height": picture.shape[0], "width": picture.shape[1], "step": rows.shape[1]}
    return {"header": stamped(time_ns, frame), "encoding": encoding, "data": rows.reshape(-1), **sizes}


def compressed(picture: np.ndarray, time_ns: int, frame: str, kind: str = "jpeg") -> Fields:
    """A CompressedImage."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, kind, quality=95)
    data = np.frombuffer(buffer.getvalue(), np.uint8)
    return {"header": stamped(time_ns, frame), "format": f"rgb8; {kind} compressed bgr8", "data": data}


POINT_TYPES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8}


def cloud(points: np.ndarray, time_ns: int, frame: str) -> Fields:
    """A PointCloud2 of a structured array, with one row or several; its layout is the array's."""
    rows = points if points.ndim == 2 else points[None]
    fields = [
        {"name": name, "offset": place, "datatype": POINT_TYPES[kind.str[1:]], "count": 1}
        for name, (kind, place) in ((name, entry[:2]) for name, entry in points.dtype.fields.items())
    ]
    big = any(kind.byteorder == ">" for kind, *_ in points.dtype.fields.values())
    step = points.dtype.itemsize
    return {
        "header": stamped(time_ns, frame),
        "height": rows.shape[0],
        "width": rows.shape[1],
        "fields": fields,
        "is_bigendian": big,
        "point_step": step,
        "row_step": rows.shape[1] * step,
        "data": np.frombuffer(rows.tobytes(), np.uint8),
    }


def pose(T: np.ndarray) -> Fields:
    """A Pose."""
    w, x, y, z = quaternion(T[:3, :3])
    return {"position": dict(zip("xyz", T[:3, 3])), "orientation": {"x": x, "y": y, "z": z, "w": w}}


def tie(T: np.ndarray, outer: str, inner: str, time_ns: int = 0) -> Fields:
    """A TransformStamped."""
    said = pose(T)
    transform = {"translation": said["position"], "rotation": said["orientation"]}
    return {"header": stamped(time_ns, outer), "child_frame_id": inner, "transform": transform}


def camera_info(lens: Lens, size_px: tuple[int, int], time_ns: int, frame: str, model: str) -> Fields:
    """A CameraInfo."""
    K, d = np.asarray(lens.K, np.float64), np.array(lens.distortion, np.float64)
    sizes = {"height": size_px[0], "width": size_px[1]}
    return {"header": stamped(time_ns, frame), "distortion_model": model, "d": d, "k": K.reshape(-1), **sizes}


class FisheyeCamera(Camera):
    """A camera of the world behind a fisheye lens without distortion of its own: angles grow evenly from the centre."""

    def rays(self, T_world_vehicle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Origins and unit directions in the world frame, row by row."""
        height, width = self.size_px
        v, u = np.mgrid[0:height, 0:width].reshape(2, -1)
        plane = np.stack([u - self.K[0, 2], v - self.K[1, 2]], 1) / self.K[[0, 1], [0, 1]]
        angle = np.linalg.norm(plane, axis=1, keepdims=True)
        local = np.concatenate([plane * np.sinc(angle / np.pi), np.cos(angle)], 1)
        T_world_cam = T_world_vehicle @ self.T_vehicle_cam
        directions = (local @ T_world_cam[:3, :3].T).astype(np.float32)
        return np.tile(T_world_cam[:3, 3].astype(np.float32), (len(directions), 1)), directions


FRONT, FISHEYE, LIDAR = "/front/image_raw", "/fisheye/image_raw/compressed", "/lidar/points"
ODOMETRY = "/odom"


def camera_name(topic: str) -> str:
    """What the camera of a topic of pictures is called."""
    return topic.split("/")[1]


POINT = np.dtype(
    {
        "names": ["x", "y", "z", "intensity", "t", "ring"],
        "formats": ["<f4", "<f4", "<f4", "<f4", "<u4", "<u2"],
        "offsets": [0, 4, 8, 16, 20, 26],
        "itemsize": 48,
    }
)
"""As Ouster's driver lays points out, with holes."""


@dataclass(frozen=True)
class Drive:
    """What a car with a pinhole camera, a fisheye and a LiDAR has seen, and where it was. Its frame is `base_link`."""

    times_ns: list[int]
    T_world_ego: list[np.ndarray]
    T_ego_sensor: dict[str, np.ndarray]
    lenses: dict[str, tuple[Lens, tuple[int, int], str]]
    pictures: dict[str, list[np.ndarray]]
    points: list[np.ndarray]
    more: list[Said] = field(default_factory=list)

    def messages(self) -> list[Said]:
        """All that is recorded, in the order of recording."""
        return sorted([*self._all(), *self.more], key=lambda said: said.recorded_ns)

    def _all(self) -> Iterator[Said]:
        start = self.times_ns[0]
        ties = [tie(T, "base_link", f"{name}_frame") for name, T in self.T_ego_sensor.items()]
        yield Said("/tf_static", "tf2_msgs/msg/TFMessage", {"transforms": ties}, start)
        for number, (time, pose_now) in enumerate(zip(self.times_ns, self.T_world_ego)):
            late = time + LATE_NS
            for topic, (lens, size_px, model) in self.lenses.items():
                name = camera_name(topic)
                info = camera_info(lens, size_px, time, f"{name}_frame", model)
                yield Said(f"/{name}/camera_info", "sensor_msgs/msg/CameraInfo", info, late)
                picture = self.pictures[topic][number]
                if topic.endswith("compressed"):
                    said, kind = compressed(picture, time, f"{name}_frame"), "sensor_msgs/msg/CompressedImage"
                else:
                    said, kind = image(picture, time, f"{name}_frame"), "sensor_msgs/msg/Image"
                yield Said(topic, kind, said, late)
            scan_said = cloud(self.points[number], time, "lidar_frame")
            yield Said(LIDAR, "sensor_msgs/msg/PointCloud2", scan_said, late)
            odometry = {
                "header": stamped(time, "odom"),
                "child_frame_id": "base_link",
                "pose": {"pose": pose(pose_now)},
            }
            yield Said(ODOMETRY, "nav_msgs/msg/Odometry", odometry, late)
            moving = {"transforms": [tie(pose_now, "odom", "base_link", time)]}
            yield Said("/tf", "tf2_msgs/msg/TFMessage", moving, late)


@cache
def drive(frames: int = 3) -> Drive:
    """A short drive, one moment every tenth of a second; not to be changed."""
    street = build_street(1, "00", 20)
    static = Caster(street.static)
    kitti = kitti_rig((60, 200), 256)
    fisheye = FisheyeCamera(
        K=np.array([[36.0, 0, 49.5], [0, 36, 39.5], [0, 0, 1]]),
        T_vehicle_cam=mounted(90.0, -10.0, (1.0, 0.9, 1.2)),
        size_px=(80, 100),
    )
    cameras: dict[str, Camera] = {FRONT: kitti.left, FISHEYE: fisheye}
    lenses: dict[str, tuple[Lens, tuple[int, int], str]] = {
        FRONT: (Pinhole(K=kitti.left.K, distortion=(0.0,) * 5), kitti.left.size_px, "plumb_bob"),
        FISHEYE: (KannalaBrandt(K=fisheye.K), fisheye.size_px, "equidistant"),
    }
    poses = [street.drive.T_world_vehicle[frame] for frame in range(frames)]
    pictures: dict[str, list[np.ndarray]] = {topic: [] for topic in cameras}
    points = []
    for frame, T in enumerate(poses):
        scene = Scene(static, present(street.actors, frame, T), street.ground)
        for topic, camera in cameras.items():
            pictures[topic].append(photograph(scene, street.light, camera, T, np.random.default_rng(frame)).image)
        taken = scan(scene, kitti.lidar, T, np.random.default_rng(frame)).points
        rows = np.zeros(len(taken), POINT)
        for column, name in enumerate(("x", "y", "z", "intensity")):
            rows[name] = taken[:, column]
        rows["t"] = np.linspace(0, 99_000_000, len(rows))
        points.append(rows)
    sensors = {
        "front": kitti.left.T_vehicle_cam,
        "fisheye": fisheye.T_vehicle_cam,
        "lidar": kitti.lidar.T_vehicle_lidar,
    }
    times = [START_NS + 100_000_000 * frame for frame in range(frames)]
    return Drive(times, poses, sensors, lenses, pictures, points)


def typed(kind: str, fields: Fields) -> Any:
    """A message of rosbags."""
    values = {}
    for name, (node, said) in STORE.fielddefs[kind][1]:
        given = fields.get(name)
        if node == Nodetype.NAME:
            values[name] = typed(said, given or {})
        elif node == Nodetype.BASE:
            values[name] = ("" if said[0] == "string" else 0) if given is None else given
        elif said[0][0] == Nodetype.NAME:
            values[name] = [typed(said[0][1], one) for one in given or ()]
        else:
            given = np.zeros(said[1]) if given is None else given
            values[name] = np.asarray(given, np.dtype(said[0][1][0].replace("octet", "uint8")))
    return STORE.types[kind](**values)


def write_rosbag2(
    messages: list[Said], folder: Path, storage: StoragePlugin, packed: CompressionMode | None = None
) -> Path:
    """A folder as rosbag2 writes it."""
    writer = Writer(folder, version=9, storage_plugin=storage)
    if packed is not None:
        writer.set_compression(packed, CompressionFormat.ZSTD)
    with writer:
        connections: dict[str, Any] = {}
        for said in messages:
            if said.topic not in connections:
                connections[said.topic] = writer.add_connection(said.topic, said.kind, typestore=STORE)
            data = STORE.serialize_cdr(typed(said.kind, said.fields), said.kind)
            writer.write(connections[said.topic], said.recorded_ns, data)
    return folder


def write_mcap(messages: list[Said], path: Path, plain: Fields | None = None, **options: Any) -> Path:
    """A bare file, by the writer of MCAP's makers.

    Args:
        messages: what it holds.
        path: of the file.
        plain: options of the writer below the one for ROS, such as to write no chunks.
        options: of the one for ROS.
    """
    from mcap.writer import Writer as PlainWriter
    from mcap_ros2.writer import Writer as McapWriter

    with path.open("wb") as file:
        writer = McapWriter(file if plain is None else BytesIO(), **options)
        if plain is not None:
            writer._writer = PlainWriter(file, **plain)
            writer._writer.start("ros2")
        schemas: dict[str, Any] = {}
        for said in messages:
            if said.kind not in schemas:
                text, _ = STORE.generate_msgdef(said.kind, ros_version=2)
                schemas[said.kind] = writer.register_msgdef(said.kind, text)
            plain = _plain(typed(said.kind, said.fields))
            writer.write_message(said.topic, schemas[said.kind], plain, said.recorded_ns)
        writer.finish()
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tobytes() if value.dtype == np.uint8 else value.tolist()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if hasattr(value, "__msgtype__"):
        return SimpleNamespace(
            **{name: _plain(getattr(value, name)) for name, _ in STORE.fielddefs[value.__msgtype__][1]}
        )
    return value.item() if isinstance(value, np.generic) else value


def write_ros1(messages: list[Said], path: Path) -> Path:
    """A file .bag of ROS 1."""
    store = get_typestore(Stores.ROS1_NOETIC)
    store.register(get_types_from_msg("geometry_msgs/TransformStamped[] transforms\n", "tf2_msgs/msg/TFMessage"))
    with Writer1(path) as writer:
        connections: dict[str, Any] = {}
        for said in messages:
            if said.topic not in connections:
                connections[said.topic] = writer.add_connection(said.topic, said.kind, typestore=store)
            data = STORE.serialize_cdr(typed(said.kind, said.fields), said.kind)
            writer.write(connections[said.topic], said.recorded_ns, STORE.cdr_to_ros1(data, said.kind))
    return path
