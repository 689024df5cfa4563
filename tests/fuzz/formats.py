"""Every kind of file that is read: a sound one, its reader, and what must hold of whatever the reader returns."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tests.data import test_clouds, toy, toy_nuscenes, toy_rig, toy_uniocc, toy_waymo
from tests.fuzz import mutate
from tests.methods.tiny import TINY
from voxway.core.calibration import Calibration
from voxway.core.camera import Cameras
from voxway.core.occupancy import Occupancy
from voxway.core.result import Result
from voxway.core.transforms import is_rigid
from voxway.data.files.clouds import read_cloud
from voxway.data.files.flags import read_flags
from voxway.data.files.images import image_size, read_image
from voxway.data.files.pickles import read_pickle
from voxway.data.files.stored import StoredPredictions
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES
from voxway.data.nuscenes.infos import read_infos
from voxway.data.nuscenes.key_frame import parse_info
from voxway.data.nuscenes.labels import read_occ3d, read_openoccupancy
from voxway.data.nuscenes.points import read_lidar
from voxway.data.nuscenes.submission import OCC3D_FILES
from voxway.data.nuscenes.surroundocc import read_surroundocc
from voxway.data.nuscenes.tables import read_tables
from voxway.data.own import rig_file as own_rig
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.data.prepared.class_table import ClassTable, read_class_table, resource
from voxway.data.prepared.evidence import Evidence
from voxway.data.prepared.maps import DepthMaps, SemanticMaps
from voxway.data.registry import dataset
from voxway.data.semantickitti import layout
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.labels import read_target, write_target
from voxway.data.semantickitti.submission import FILES
from voxway.data.steps.selection import Selection
from voxway.data.uniocc.layout import read_cameras, read_pose, read_uniocc, write_uniocc
from voxway.data.waymo.layout import frame_cameras, read_camera_infos, read_occ3d_waymo, read_waymo_scan
from voxway.engine.model_files import load_model, load_tensors, save_model, save_tensors
from voxway.engine.published_files import read_published
from voxway.export.rig import read_rig, rig_to_json


@dataclass(frozen=True, kw_only=True)
class Format:
    """One kind of file.

    Attributes:
        name: what it is called in the table.
        path: of the file to damage, below the folder.
        make: writes a sound one, and what must lie beside it, into a folder.
        read: reads it; given the folder.
        holds: whether a value that was read is valid.
        mutations: ways to damage it, besides bytes.
        cost: how long it takes beside others; it gets fewer mutations by that.
    """

    name: str
    path: str
    make: Callable[[Path], object]
    read: Callable[[Path], Any]
    holds: Callable[[Any], bool]
    mutations: tuple[mutate.Mutation, ...] = field(default=())
    cost: int = 1


def _put(path: str, data: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / path).write_bytes(data())


def _picture(kind: str, mode: str = "RGB", **options: Any) -> Callable[[], bytes]:
    def encoded() -> bytes:
        pixels = np.random.default_rng(0).integers(0, 255, (12, 20, 3)).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
        return buffer.getvalue()

    return encoded


def _ids() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 20, (12, 20)).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _npz(**arrays: np.ndarray) -> Callable[[], bytes]:
    def encoded() -> bytes:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # ty: ignore[invalid-argument-type]
        return buffer.getvalue()

    return encoded


def _npy(value: np.ndarray) -> Callable[[], bytes]:
    def encoded() -> bytes:
        buffer = io.BytesIO()
        np.save(buffer, value)
        return buffer.getvalue()

    return encoded


def _points(columns: int) -> Callable[[np.ndarray], bool]:
    def holds(points: np.ndarray) -> bool:
        shaped = points.ndim == 2 and points.shape[1] == columns and points.dtype == np.float32 and len(points) > 0
        return bool(shaped and np.isfinite(points[:, :4]).all() and np.abs(points[:, :3]).max() <= 500)

    return holds


def _volume(shape: tuple[int, ...], ids: range) -> Callable[[np.ndarray], bool]:
    return lambda volume: volume.shape == shape and bool(np.isin(volume, [*ids, 255]).all())


def _kitti() -> np.ndarray:
    return toy.labelled_scan(0).points[::20]


def _kitti_labels() -> np.ndarray:
    return toy.labelled_scan(0).labels[::20]


def _voxels() -> np.ndarray:
    labels = np.zeros(SEMANTIC_KITTI.grid.shape, np.uint16)
    labels[5:200, 100:150, 3] = 40
    labels[5:200, 150:152, 3:12] = 50
    return labels


def _poses(folder: Path) -> None:
    poses = np.stack([toy.pose(scan) for scan in range(12)])
    layout.write_poses(folder / "poses.txt", poses, toy.calibration().T_cam_velo)


def _rigid(poses: np.ndarray) -> bool:
    return all(is_rigid(torch.from_numpy(pose)) for pose in poses)


def _infos() -> bytes:
    folder = Path(_SCRATCH) / "tables"
    if not folder.exists():
        toy_nuscenes.write_tables(folder)
    infos = [dict(info) for info in read_tables(folder / "v1.0-trainval", ["scene-0001"])]
    return pickle.dumps({"infos": infos, "metadata": {}})


_SCRATCH = "."


def scratch(folder: Path) -> None:
    """Where files lie that only help to make others."""
    global _SCRATCH
    _SCRATCH = str(folder)


def _key_frames(folder: Path) -> list[Any]:
    return [parse_info(info, folder) for info in read_infos(folder / "infos.pkl")]


def _sound_key_frames(frames: list[Any]) -> bool:
    transforms = [T for f in frames for T in (f.T_ego_lidar, f.T_world_ego, *(c.T_ego_cam for c in f.cameras.values()))]
    return _rigid(np.stack(transforms)) and all(isinstance(frame.token, str) for frame in frames)


def _tables(name: str) -> Format:
    def read(folder: Path) -> list[Any]:
        return [parse_info(info, folder) for info in read_tables(folder / "v1.0-trainval", ["scene-0001"])]

    path = f"v1.0-trainval/{name}.json"
    return Format(
        name=f"nuScenes {name}.json", path=path, make=lambda folder: toy_nuscenes.write_tables(folder), read=read,
        holds=lambda frames: not frames or _sound_key_frames(frames), mutations=(mutate.of_json,), cost=8,
    )  # fmt: skip


def _rig(folder: Path) -> None:
    cameras = Cameras.pinhole(torch.eye(3)[None] * 100 + 0, torch.eye(4)[None], torch.tensor([[40, 60]]))
    K = cameras.K.clone()
    K[:, 2, 2] = 1
    rig = Cameras.stack([Cameras.pinhole(K, cameras.T_cam_ego, cameras.size_px)])
    content = rig_to_json(Calibration(cameras=rig, T_rect_ego=rig.T_cam_ego[:, 0]))
    (folder / "rig.json").write_text(json.dumps(content))


def _result(folder: Path) -> None:
    content = {
        "name": "",
        "notes": {},
        "task": _task(),
        "protocol": {"benchmark": "semantickitti", "split": "val", "samples": 1, "masks": [], "inputs": []},
        "confusion": np.eye(20, dtype=int).tolist(),
    }
    (folder / "result.json").write_text(json.dumps(content))


def _task() -> Any:
    from voxway.core.config import to_json

    return to_json(SEMANTIC_KITTI.task)


def _prediction(folder: Path) -> None:
    classes = torch.from_numpy(toy_nuscenes.occ3d_volume(0)["semantics"])
    OCC3D_FILES.write(folder, Occupancy(task=OCC3D_NUSCENES.task, classes=classes, key="key"))


def _submission(folder: Path) -> None:
    classes = torch.zeros(SEMANTIC_KITTI.grid.shape, dtype=torch.uint8)
    FILES.write(folder / "made", Occupancy(task=SEMANTIC_KITTI.task, classes=classes, key="08/000000"))
    FILES.pack(folder / "made", folder / "submission.zip", ["08/000000"])


def _occupancy(folder: Path) -> None:
    config = TINY["monoocc"]
    classes = torch.zeros(config.task.grid.shape, dtype=torch.uint8)
    pose = torch.eye(4)
    logits = torch.arange(float(len(config.task.classes)))[:, None, None, None].expand(-1, *classes.shape)
    masks = {"camera": classes == 0}
    one = Occupancy(task=config.task, classes=classes, logits=logits, masks=masks, pose=pose, key="a")
    one.ranked(3).save(folder / "a.npz")


def _whole_occupancy(read: Occupancy) -> bool:
    fits = read.classes.shape == read.task.grid.shape
    return fits and (not read.judged or bool((read.probabilities.sum(0) < 1.01).all()))


def _model(folder: Path) -> None:
    config = TINY["qpn"]
    save_model(folder, config, config.build().state_dict())


def _checkpoint(folder: Path) -> None:
    content = {"state_dict": {"a.weight": torch.zeros(3, 2), "b": torch.ones(4)}, "meta": {"epoch": 3}}
    torch.save(content, folder / "published.pth")


def _legacy(folder: Path) -> None:
    torch.save({"a": torch.zeros(3, 2)}, folder / "published.pth", _use_new_zipfile_serialization=False)


def _class_table(folder: Path) -> None:
    shipped = dataset("semantickitti").class_table
    assert shipped is not None
    (folder / "table.json").write_bytes(resource(shipped).read_bytes())


def _sound_class_table(table: ClassTable) -> bool:
    task = SEMANTIC_KITTI.task
    labels = (
        table.labels([f"LABEL_{i}" for i in range(table.taxonomy_size)], task, "") if table.taxonomy_size < 500 else ()
    )
    painted = {i for _, i in table.phrases(task)}
    return set(map(int, labels)) <= {*task.occupied, 254, 255} and painted == set(table.over(task))


def _selection(folder: Path) -> None:
    (folder / "selection.json").write_text(json.dumps({"rounds": [{"keys": ["08/000000"], "voxels": 5}]}))


def _waymo_cameras(folder: Path) -> Any:
    path = folder / "cam_infos.pkl"
    return frame_cameras(read_camera_infos(path), "000/001", path)


def _tensors(value: dict[str, Any]) -> bool:
    return bool(value) and all(isinstance(t, torch.Tensor) and isinstance(n, str) for n, t in value.items())


_KITTI_SHAPE, _OCC3D, _OPEN = SEMANTIC_KITTI.grid.shape, OCC3D_NUSCENES.grid.shape, OPENOCCUPANCY_NUSCENES.grid.shape
_ROWS = toy_nuscenes.sparse_rows(0)
_FLAT = np.stack([np.ravel_multi_index(tuple(_ROWS[:, 2::-1].T), _OPEN), _ROWS[:, 3]], 1)
_DENSE = np.zeros((8, 8, 4), np.float32) + 2


def _uniocc(folder: Path) -> None:
    classes, seen = toy_uniocc.volume(0), toy_uniocc.seen(0)
    write_uniocc(folder / "0.npz", classes, seen, toy_uniocc.pose(0), toy_uniocc.cameras("scene_000/0"))


def _read_uniocc(folder: Path) -> tuple[Any, ...]:
    path = folder / "0.npz"
    return read_uniocc(path)[0], read_pose(path), read_cameras(path)


def _sound_uniocc(read: tuple[Any, ...]) -> bool:
    classes, pose, cameras = read
    sound = all(_rigid(camera.T_ego_cam[None]) and camera.K[0, 0] > 0 for camera in cameras)
    return _volume(_OCC3D, range(11))(classes) and _rigid(pose[None]) and sound


_KITTI_ROWS = toy.labelled_scan(0).points[::40]


def _cloud(points: np.ndarray) -> bool:
    """With or without an intensity, as the damage leaves its field a name."""
    return points.shape[1] in (3, 4) and _points(points.shape[1])(points)


def _sound_rig(rig: own_rig.RigFile) -> bool:
    poses = np.stack([rig.T_ego(name) for name in rig.sensors])
    return all(camera.size_px > (0, 0) for camera in rig.cameras) and _rigid(poses)


_RECORDS = all(find_spec(package) for package in ("rosbags", "mcap_ros2"))


def _recording(name: str) -> Format:
    """A recording of ROS, of each kind of file."""

    def make(folder: Path) -> None:
        from tests.data import toy_recording

        toy_recording.write(folder / name)

    def read(folder: Path) -> dict[str, Any]:
        from tests.data import toy_recording

        return toy_recording.read(folder / name)

    def holds(read: dict[str, Any]) -> bool:
        picture, points = read["picture"], read["points"]
        shaped = (
            picture.ndim == 3 and picture.dtype == np.uint8 and picture.shape[2] == 3 and points.dtype == np.float32
        )
        finite = np.isfinite(points[:, :3]).all() and np.isfinite(read["K"]).all()
        return bool(shaped and finite and _rigid(read["poses"]) and _rigid(read["T"][None]))

    return Format(name=f"recording {name}", path=name, make=make, read=read, holds=holds, cost=4)


FORMATS = (
    Format(name="KITTI scan", path="a.bin", make=_put("a.bin", lambda: _kitti().tobytes()),
           read=lambda f: layout.read_scan(f / "a.bin"), holds=_points(4)),
    Format(name="nuScenes scan", path="a.bin",
           make=_put("a.bin", lambda: toy_nuscenes.scan_points("scene-0001", 0).tobytes()),
           read=lambda f: read_lidar(f / "a.bin"), holds=_points(5)),
    Format(name="Waymo scan", path="a.bin", make=_put("a.bin", lambda: toy_waymo.scan("000/000").tobytes()),
           read=lambda f: read_waymo_scan(f / "a.bin"), holds=_points(5)),
    Format(name="point labels", path="a.label", make=_put("a.label", lambda: _kitti_labels().tobytes()),
           read=lambda f: layout.read_point_labels(f / "a.label", 350),
           holds=lambda labels: labels.shape == (350,) and labels.dtype == np.uint32),
    Format(name="calib.txt", path="calib.txt",
           make=lambda f: layout.write_calibration(f / "calib.txt", toy.calibration()),
           read=lambda f: layout.read_calibration(f / "calib.txt"),
           holds=lambda c: _rigid(c.T_cam_velo[None]) and np.isfinite(c.baseline), mutations=(mutate.of_text,)),
    Format(name="poses.txt", path="poses.txt", make=_poses,
           read=lambda f: layout.read_poses(f / "poses.txt", toy.calibration().T_cam_velo), holds=_rigid,
           mutations=(mutate.of_text,)),
    Format(name="times.txt", path="times.txt",
           make=lambda f: layout.write_times(f / "times.txt", np.arange(20) * 0.1),
           read=lambda f: layout.read_times(f / "times.txt"), holds=lambda t: bool((np.diff(t) >= 0).all()),
           mutations=(mutate.of_text,)),
    *(
        Format(name=f"picture, {name}", path="a.png", make=_put("a.png", encoded),
               read=lambda f: (read_image(f / "a.png"), image_size(f / "a.png")),
               holds=lambda read: read[0].dtype == np.uint8 and read[0].shape == (*read[1], 3))
        for name, encoded in {
            "PNG": _picture("PNG"), "JPEG": _picture("JPEG"), "turned JPEG": _picture("JPEG", exif=_turned()),
            "palette": _picture("PNG", "P"), "RGBA": _picture("PNG", "RGBA", exif=_turned()), "TIFF": _picture("TIFF"),
            "WebP": _picture("WEBP"), "BMP": _picture("BMP"), "GIF": _picture("GIF"), "PPM": _picture("PPM"),
        }.items()
    ),
    Format(name="voxel labels", path="a.label", make=_put("a.label", lambda: _voxels().tobytes()),
           read=lambda f: layout.read_voxel_labels(f / "a.label"), cost=20,
           holds=lambda labels: labels.shape == _KITTI_SHAPE and bool(labels.any())),
    Format(name="flags", path="a.bin", make=_put("a.bin", lambda: np.packbits(_voxels() != 0).tobytes()),
           read=lambda f: read_flags(f / "a.bin", SEMANTIC_KITTI.grid), cost=2,
           holds=lambda flags: flags.shape == _KITTI_SHAPE and flags.dtype == bool),
    Format(name="targets", path="a.npy",
           make=lambda f: write_target(f / "a.npy", np.zeros((64, 64, 8), np.uint8)),
           read=lambda f: read_target(f / "a.npy", 4), holds=_volume((64, 64, 8), range(20)),
           mutations=(mutate.of_npy,)),
    Format(name="depth maps", path="a.npy", make=_put("a.npy", _npy(_DENSE)),
           read=lambda f: DepthMaps().read(f / "a.npy", SEMANTIC_KITTI.task, None),
           holds=lambda maps: maps.ndim == 3 and maps.dtype == torch.float32, mutations=(mutate.of_npy,)),
    Format(name="semantic maps", path="a.npy", make=_put("a.npy", _npy(_DENSE.astype(np.uint8))),
           read=lambda f: SemanticMaps().read(f / "a.npy", SEMANTIC_KITTI.task, None),
           holds=lambda maps: maps.ndim == 3 and maps.dtype == torch.uint8, mutations=(mutate.of_npy,)),
    Format(name="evidence", path="a.evidence",
           make=lambda f: Evidence().write(f / "a.evidence", (_voxels() != 0).astype(np.uint8)),
           read=lambda f: Evidence().read(f / "a.evidence", SEMANTIC_KITTI.task), cost=2,
           holds=lambda said: tuple(said.shape) == _KITTI_SHAPE and int(said.max()) <= 2),
    Format(name="pseudo-labels", path="a.png", make=_put("a.png", _ids),
           read=lambda f: PseudoLabels().read(f / "a.png", SEMANTIC_KITTI.task, None),
           holds=lambda maps: maps.ndim == 3 and maps.dtype == torch.uint8),
    *(_tables(name) for name in ("scene", "sample", "sample_data", "calibrated_sensor", "sensor", "ego_pose")),
    Format(name="info file", path="infos.pkl", make=_put("infos.pkl", _infos), read=_key_frames,
           holds=_sound_key_frames, mutations=(mutate.of_pickle, mutate.of_pickle), cost=4),
    Format(name="Occ3D-nuScenes labels", path="labels.npz",
           make=lambda f: toy_nuscenes.write_occ3d(f / "labels.npz", 0), read=lambda f: read_occ3d(f / "labels.npz"),
           holds=lambda read: _volume(_OCC3D, range(18))(read[0]), mutations=(mutate.of_npz,), cost=20),
    Format(name="OpenOccupancy rows", path="a.npy", make=_put("a.npy", _npy(_ROWS)),
           read=lambda f: read_openoccupancy(f / "a.npy"), holds=_volume(_OPEN, range(17)), mutations=(mutate.of_npy,),
           cost=40),
    Format(name="OpenOccupancy archive", path="a.npz", make=_put("a.npz", _npz(arr_0=_FLAT)),
           read=lambda f: read_openoccupancy(f / "a.npz"), holds=_volume(_OPEN, range(17)), mutations=(mutate.of_npz,),
           cost=40),
    Format(name="SurroundOcc rows", path="a.npy", make=_put("a.npy", _npy(toy_nuscenes.surroundocc_rows(0))),
           read=lambda f: read_surroundocc(f / "a.npy"), holds=_volume(_OCC3D, range(17)), mutations=(mutate.of_npy,),
           cost=10),
    Format(name="UniOcc frame", path="0.npz", make=_uniocc, read=_read_uniocc, holds=_sound_uniocc,
           mutations=(mutate.of_npz,), cost=40),
    Format(name="list of voxels", path="key.npz",
           make=_put("key.npz", _npz(occ_loc=_ROWS[:, 2::-1] % 16, sem_pred=_ROWS[:, 3])),
           read=lambda f: StoredPredictions.find(f, ["key"], OCC3D_NUSCENES).read("key"),
           holds=_volume(_OCC3D, range(18)),
           mutations=(mutate.of_npz,), cost=10),
    Format(name="Occ3D-Waymo labels", path="a.npz",
           make=lambda f: toy_waymo.write_labels(f / "a.npz", toy_waymo.volume("000/000")),
           read=lambda f: read_occ3d_waymo(f / "a.npz"), holds=lambda read: _volume(_OCC3D, range(16))(read[0]),
           mutations=(mutate.of_npz,), cost=30),
    Format(name="Waymo camera infos", path="cam_infos.pkl",
           make=_put("cam_infos.pkl", lambda: pickle.dumps(toy_waymo.infos(toy_waymo.FRAMES["train"]))),
           read=_waymo_cameras, holds=lambda read: _rigid(read[1]) and bool((read[0][:, 0, 0] > 0).all()),
           mutations=(mutate.of_pickle, mutate.of_pickle)),
    Format(name="any pickle", path="a.pkl",
           make=_put("a.pkl", lambda: pickle.dumps({"a": [1, 2.0, "x"], "b": np.arange(6.0), "c": (1, None)})),
           read=lambda f: read_pickle(f / "a.pkl", "Fetch it again."), holds=lambda _: True,
           mutations=(mutate.of_pickle,)),
    Format(name="prediction", path="key.npz", make=_prediction, read=lambda f: OCC3D_FILES.read(f, "key"),
           holds=lambda o: o.key == "key", mutations=(mutate.of_npz,), cost=10),
    Format(name="submission", path="submission.zip", make=_submission,
           read=lambda f: FILES.check(f / "submission.zip", ["08/000000"]), holds=lambda none: none is None, cost=20),
    Format(name="stored occupancy", path="a.npz", make=_occupancy, read=lambda f: Occupancy.load(f / "a.npz"),
           holds=_whole_occupancy, mutations=(mutate.of_npz,), cost=2),
    Format(name="network's config.json", path="config.json", make=_model, read=load_model,
           holds=lambda network: not network.training, mutations=(mutate.of_json, mutate.of_json), cost=40),
    Format(name="safetensors", path="a.safetensors",
           make=lambda f: save_tensors(f / "a.safetensors", {"a": torch.zeros(3), "b": torch.ones(2, 2)}),
           read=lambda f: load_tensors(f / "a.safetensors"), holds=lambda t: isinstance(t, dict)),
    Format(name="checkpoint", path="published.pth", make=_checkpoint,
           read=lambda f: read_published(f / "published.pth"), holds=_tensors, cost=2),
    Format(name="checkpoint, old form", path="published.pth", make=_legacy,
           read=lambda f: read_published(f / "published.pth"), holds=_tensors, cost=2),
    Format(name="result.json", path="result.json", make=_result, read=lambda f: Result.load(f / "result.json"),
           holds=lambda r: r.confusion.shape == (len(r.task.classes),) * 2, mutations=(mutate.of_json,), cost=2),
    Format(name="rig.json", path="rig.json", make=_rig, read=lambda f: read_rig(f / "rig.json"),
           holds=lambda rig: bool(torch.isfinite(rig.cameras.projection).all()),
           mutations=(mutate.of_json, mutate.of_json)),
    *(Format(name=f"cloud {name}", path=name, make=_put(name, lambda name=name: test_clouds.WRITERS[name](_KITTI_ROWS)),
             read=lambda f, name=name: read_cloud(f / name, ("x", "y", "z", "intensity")), holds=_cloud, cost=2)
      for name in ("binary.pcd", "compressed.pcd", "ascii.pcd", "big.ply", "ascii.ply")),
    Format(name="rig of one's own", path="rig.json", make=lambda f: toy_rig.written(f, toy_rig.toy_rig(f)),
           read=lambda f: own_rig.read_rig(f / "rig.json"), holds=_sound_rig,
           mutations=(mutate.of_json, mutate.of_json)),
    *(_recording(name) for name in ("chunks.mcap", "plain.mcap", "drive.db3", "drive.bag") if _RECORDS),
    Format(name="class table", path="table.json", make=_class_table,
           read=lambda f: read_class_table(f / "table.json", SEMANTIC_KITTI.task), holds=_sound_class_table,
           mutations=(mutate.of_json, mutate.of_json)),
    Format(name="selection.json", path="selection.json", make=_selection, read=lambda f: Selection.load(f).keys,
           holds=lambda keys: all(isinstance(key, str) for key in keys), mutations=(mutate.of_json, mutate.of_json)),
)  # fmt: skip
