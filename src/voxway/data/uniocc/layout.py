"""UniOcc's files: where they lie and what their arrays mean.

::

    <root>/
        scene_infos.pkl                     which scenes there are; not read
        scene_001/12.npz                    one frame; scenes may have any name, frames are numbers
            occ_label                       (200, 200, 16), x y z: classes 0..9, 10 free
            occ_mask_camera                 (200, 200, 16): what cameras see
            occ_flow_forward, _backward     (200, 200, 16, 3): way to the next and to the last frame, voxels along x y z
            ego_to_world_transformation     4 x 4, metres
            cameras                         [{name, filename, intrinsics 3 x 3, extrinsics 4 x 4, camera to ego}]
            annotations                     [{token, agent_to_ego, agent_to_world, size l w h, category_id}]

Source: UniOcc's description of its data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from voxway.core.arrays import read_member, write_archive
from voxway.core.errors import InputError
from voxway.core.faults import Fault
from voxway.core.files import listed
from voxway.core.geometry_faults import intrinsics_fault, offset_fault, rigid_fault, upright_fault, view_fault
from voxway.data.files.objects import read_objects
from voxway.data.files.volumes import read_labels, read_mask
from voxway.data.uniocc.benchmark import UNIOCC

_REMEDY = "The file is damaged or of another dataset; fetch it again."


@dataclass(frozen=True, kw_only=True)
class FrameCamera:
    """One camera of a frame.

    Attributes:
        name: such as "CAM_FRONT".
        filename: of its picture, relative to the source's root.
        K: intrinsics of the picture as recorded.
        T_ego_cam: camera (x right, y down, z ahead) to ego, metres.
    """

    name: str
    filename: str
    K: Float64[np.ndarray, "3 3"]
    T_ego_cam: Float64[np.ndarray, "4 4"]


@dataclass(frozen=True, kw_only=True)
class FrameThing:
    """One annotated thing of a frame.

    Attributes:
        token: by which things are told apart.
        category: training id of its class.
        size_m: length, width, height.
        T_ego_agent: its box (x along its length, from its middle) to ego, metres.
    """

    token: str
    category: int
    size_m: tuple[float, float, float]
    T_ego_agent: Float64[np.ndarray, "4 4"]


def frame_path(root: Path, key: str) -> Path:
    """The file of a frame such as ``"scene_001/12"``."""
    return root / f"{key}.npz"


def frame_keys(root: Path) -> dict[str, tuple[str, ...]]:
    """Frames by scene, both in order; scenes without a frame are left out.

    Raises:
        InputError: a folder may not be read.
    """
    found = {}
    for scene in (path for path in listed(root) if path.is_dir()):
        numbers = [path.stem for path in listed(scene) if path.suffix == ".npz" and path.stem.isdecimal()]
        if numbers:
            found[scene.name] = tuple(f"{scene.name}/{number}" for number in sorted(numbers, key=int))
    return found


def read_uniocc(path: Path) -> tuple[UInt8[np.ndarray, "x y z"], Bool[np.ndarray, "x y z"]]:
    """Training ids 0..10 and what cameras see.

    Raises:
        InputError: missing or damaged file, an array is absent or of another grid, or ids that are no class.
    """
    return read_labels(path, "occ_label", UNIOCC), read_mask(path, "occ_mask_camera", UNIOCC)


def read_flow(path: Path, which: str = "occ_flow_forward") -> Float32[np.ndarray, "x y z 3"]:
    """Way of every voxel to the next frame, or to the last one, in voxels along x, y, z.

    Raises:
        InputError: missing or damaged file, no such array, another grid, or numbers that are not finite.
    """
    flow, shape = read_member(path, which, _REMEDY), (*UNIOCC.grid.shape, 3)
    if flow.shape != shape:
        raise _bad(path, which, shape, flow.shape)
    if not np.isfinite(flow).all():
        raise _bad(path, which, "finite numbers", "others")
    return flow.astype(np.float32)


def read_pose(path: Path) -> Float64[np.ndarray, "4 4"]:
    """Ego to world, metres.

    Raises:
        InputError: missing or damaged file, or no pose of a car.
    """
    name = "ego_to_world_transformation"
    T_world_ego = _matrix(read_member(path, name, _REMEDY), path, name, 4)
    wrong = rigid_fault(T_world_ego) or upright_fault(T_world_ego, "a car")
    if wrong is not None:
        raise wrong.error(path, name, _REMEDY)
    return T_world_ego


def read_cameras(path: Path) -> tuple[FrameCamera, ...]:
    """The frame's cameras, in the order of the file.

    Raises:
        InputError: missing or damaged file, a camera lacks a part, or has a calibration that cannot be.
    """
    found = []
    for number, entry in enumerate(read_objects(path, "cameras", _REMEDY)):
        where = f"cameras[{number}]"
        if not isinstance(entry, Mapping):
            raise _bad(path, where, "named values", type(entry).__name__)
        absent = [name for name in ("name", "filename", "intrinsics", "extrinsics") if name not in entry]
        if absent:
            raise _bad(path, f"{where}.{absent[0]}", "present", f"only {', '.join(map(str, entry))}")
        K = _matrix(entry["intrinsics"], path, f"{where}.intrinsics", 3)
        T_ego_cam = _matrix(entry["extrinsics"], path, f"{where}.extrinsics", 4)
        faults: dict[str, Fault | None] = {
            "intrinsics": intrinsics_fault(K),
            "extrinsics": rigid_fault(T_ego_cam) or offset_fault(T_ego_cam[:3, 3]) or view_fault(T_ego_cam),
        }
        for name, wrong in faults.items():
            if wrong is not None:
                raise wrong.error(path, f"{where}.{name}", _REMEDY)
        # Names come with the folders of other machines, or with their strokes.
        filename = str(entry["filename"]).replace("\\", "/").lstrip("./")
        found.append(FrameCamera(name=str(entry["name"]), filename=filename, K=K, T_ego_cam=T_ego_cam))
    return tuple(found)


def write_uniocc(
    path: Path,
    classes: UInt8[np.ndarray, "x y z"],
    camera: Bool[np.ndarray, "x y z"],
    T_world_ego: Float64[np.ndarray, "4 4"],
    cameras: Sequence[FrameCamera] = (),
    flow: Float32[np.ndarray, "x y z 3"] | None = None,
    things: Sequence[FrameThing] = (),
) -> None:
    """Write one frame, atomically; nothing moves where no flow is given.

    Args:
        path: `<scene>/<number>.npz`.
        classes: training ids.
        camera: what cameras see.
        T_world_ego: ego to world, metres.
        cameras: of the frame.
        flow: way to the next frame, in voxels along x, y, z.
        things: that are annotated.
    """
    still = np.zeros((*classes.shape, 3), np.float32)
    objects = np.empty(len(cameras), object)
    objects[:] = [
        {
            "name": one.name,
            "filename": PurePosixPath(one.filename).as_posix(),
            "intrinsics": one.K.tolist(),
            "extrinsics": one.T_ego_cam.tolist(),
        }
        for one in cameras
    ]
    annotations = np.empty(len(things), object)
    annotations[:] = [
        {
            "token": one.token,
            "agent_to_ego": one.T_ego_agent.tolist(),
            "agent_to_world": (T_world_ego @ one.T_ego_agent).tolist(),
            "size": list(one.size_m),
            "category_id": one.category,
        }
        for one in things
    ]
    arrays = {
        "occ_label": classes.astype(np.uint8),
        "occ_mask_camera": camera.astype(np.uint8),
        "occ_flow_forward": still if flow is None else flow.astype(np.float32),
        "occ_flow_backward": still,
        "ego_to_world_transformation": T_world_ego,
        "cameras": objects,
        "annotations": annotations,
    }
    write_archive(path, arrays, objects=True)


def _matrix(value: object, path: Path, field: str, side: int) -> Float64[np.ndarray, "s s"]:
    try:
        matrix = np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _bad(path, field, "a matrix of numbers", error) from None
    if matrix.shape != (side, side) or not np.isfinite(matrix).all():
        raise _bad(path, field, f"a finite {side} x {side} matrix", str(matrix.tolist())[:200])
    return matrix


def _bad(path: Path, field: str, expected: object, found: object) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=_REMEDY)
