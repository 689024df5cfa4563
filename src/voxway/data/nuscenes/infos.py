"""Info files: lists of key frames, as users of the published surround-view methods hold them.

`bevdetv2-nuscenes_infos_{train,val}.pkl` and `bevdetv3-...` are pickles ``{"infos": [...], "metadata": {...}}``.
A record::

    token scene_token timestamp (microseconds) lidar_path lidar2ego_rotation (w x y z) lidar2ego_translation
    ego2global_rotation ego2global_translation
    sweeps [{data_path timestamp sensor2lidar_rotation (3 x 3) sensor2lidar_translation}], at most 10, the latest first
    cams {CAM_FRONT: {data_path timestamp cam_intrinsic sensor2ego_* ego2global_* sensor2lidar_*}, ...}
    occ_path lidar_token scene_name: in some releases

What else they hold (boxes, above all) is not kept. Files that voxway writes have the same form and all fields.
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from voxway.core.errors import InputError
from voxway.core.files import Json, write_bytes
from voxway.data.files.pickles import read_pickle
from voxway.data.nuscenes.key_frame import parse_info
from voxway.data.nuscenes.tables import read_tables

Info = Mapping[str, Json]

_REMEDY = "Make it again from nuScenes' own tables with `write_infos`, or download it again."
_NEEDED = ("token", "scene_token", "timestamp", "cams", "sweeps")
_KINDS = (
    ("token", str, "text"),
    ("scene_token", str, "text"),
    ("timestamp", (int, float, np.number), "microseconds"),
)
_KEPT = (
    *_NEEDED,
    *("scene_name", "occ_path", "lidar_path", "lidar_token"),
    *("lidar2ego_rotation", "lidar2ego_translation", "ego2global_rotation", "ego2global_translation"),
)


def read_infos(path: Path | str) -> list[Info]:
    """Records of an info file, in order of time.

    Raises:
        InputError: missing, damaged or unsafe file, another version, no records, or a token that occurs twice.
    """
    content = read_pickle(path, _REMEDY)
    if isinstance(content, Mapping) and "data_list" in content:
        raise _wrong(
            path, "version", "a dict with 'infos'", "a dict with 'data_list', as mmdetection3d writes since 1.1"
        )
    if isinstance(content, Mapping):
        if "infos" not in content:
            raise _wrong(path, "infos", "a list of key frames", f"only {', '.join(sorted(map(str, content)))}")
        content = content["infos"]
    if not isinstance(content, list) or not content or not all(isinstance(info, Mapping) for info in content):
        raise _wrong(path, "infos", "a list of key frames", f"{type(content).__name__} {str(content)[:60]}")
    for name in _NEEDED:
        lacking = [number for number, info in enumerate(content) if name not in info]
        if lacking:
            found = f"{len(lacking)} of {len(content)} without it, the first at {lacking[0]}"
            raise _wrong(path, name, "in every record", found)
    for name, kinds, what in _KINDS:
        other = [number for number, info in enumerate(content) if not isinstance(info[name], kinds)]
        if other:
            found = f"{str(content[other[0]][name])[:60]} at {other[0]}"
            raise _wrong(path, name, f"{what} in every record", found)
    infos: list[Info] = [{name: info[name] for name in _KEPT if name in info} for info in content]
    check_tokens([str(info["token"]) for info in infos], path)
    return sorted(infos, key=lambda info: info["timestamp"])


def check_tokens(tokens: Sequence[str], source: object) -> None:
    """Refuse tokens that occur twice.

    Raises:
        InputError: one does.
    """
    twice = [token for token, count in Counter(tokens).items() if count > 1]
    if twice:
        raise _wrong(source, "token", "each key frame once", f"{len(twice)} again, the first {twice[0]}")


def write_infos(tables: Path | str, path: Path | str, scenes: Sequence[str] = ()) -> int:
    """Make an info file from nuScenes' own tables, atomically.

    Args:
        tables: a folder such as `v1.0-trainval`.
        path: the `.pkl` to write.
        scenes: names of scenes to keep; all without any.

    Returns:
        number of key frames.

    Raises:
        InputError: see `read_tables`; or a record could not be read again.
    """
    infos = read_tables(tables, scenes)
    for info in infos:
        parse_info(info, tables)
    content = {"infos": infos, "metadata": {"version": Path(tables).name}}
    write_bytes(path, pickle.dumps(content, protocol=4))
    return len(infos)


def _wrong(path: object, field: str, expected: object, found: object) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=_REMEDY)
