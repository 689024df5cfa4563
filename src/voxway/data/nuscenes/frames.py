"""Which nuScenes key frames a reader reads: those of a split, of scenes, or by token."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.data.files.names import some
from voxway.data.nuscenes.config import NuScenesConfig
from voxway.data.nuscenes.infos import Info, check_tokens, read_infos
from voxway.data.nuscenes.key_frame import scene_name
from voxway.data.nuscenes.splits import TABLES, scenes_of
from voxway.data.nuscenes.tables import read_table, read_tables


@dataclass(frozen=True)
class Frames:
    """Records of key frames, in order of time.

    Attributes:
        infos: one record per key frame of the split.
        keys: tokens of those that were asked for.
        source: the file or folder they came from, for errors.
    """

    infos: tuple[Info, ...]
    keys: tuple[str, ...]
    source: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The info file, or those tables that say what was recorded where."""
        names = ("sample_data", "ego_pose", "calibrated_sensor")
        return tuple(self.source / f"{name}.json" for name in names) if self.source.is_dir() else (self.source,)


def find_frames(config: NuScenesConfig, benchmark: Benchmark) -> Frames:
    """The key frames that `config` asks for.

    Raises:
        InputError: no tables, an unknown scene or key, nothing found, or fewer frames than the split has.
    """
    infos, source = _all_of_split(config)
    expected = benchmark.splits[config.split].frames if config.split in benchmark.splits else None
    whole = not (config.drives or config.keys or config.partial)
    if whole and expected is not None and len(infos) != expected:
        remedy = "Complete the copy, name another info file, or set `partial`."
        raise _bad(source, f"frames of split {config.split}", expected, len(infos), remedy)
    chosen = _of_scenes(infos, config.drives, source) if config.drives else infos
    keys = tuple(str(info["token"]) for info in chosen)
    if config.keys:
        known = frozenset(keys)
        unknown = [key for key in config.keys if key not in known]
        if unknown:
            found = f"{len(unknown)} that are not there, the first {unknown[0]}"
            raise _bad(source, "keys", "sample tokens of the split", found, "Check the split and the keys.")
        keys = config.keys
    if not keys:
        raise _bad(source, "frames", f"key frames of split {config.split}", "none", "Check the split and the scenes.")
    return Frames(tuple(infos), keys, source)


def _all_of_split(config: NuScenesConfig) -> tuple[list[Info], Path]:
    if config.infos is not None:
        return read_infos(config.infos), Path(config.infos)
    folders = [config.folder / name for name in TABLES[config.split]]
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None:
        remedy = "Unpack nuScenes' metadata there, or name an info file with `infos`."
        raise _bad(config.folder, "tables", f"a folder {' or '.join(TABLES[config.split])}", "none", remedy)
    names = [row["name"] for row in read_table(folder, "scene")]
    scenes = scenes_of(config.split, names, folder.name)
    infos = read_tables(folder, scenes) if scenes else []
    check_tokens([str(info["token"]) for info in infos], folder)
    return infos, folder


def _of_scenes(infos: list[Info], scenes: tuple[str, ...], source: Path) -> list[Info]:
    chosen = [info for info in infos if info["scene_token"] in scenes or scene_name(info) in scenes]
    known = {name for info in chosen for name in (info["scene_token"], scene_name(info))}
    unknown = [scene for scene in scenes if scene not in known]
    if unknown:
        there = dict.fromkeys(scene_name(info) or str(info["scene_token"]) for info in infos)
        remedy = "Check the names and the split; info files that name no scenes are asked by scene token."
        raise _bad(source, "scenes", f"scenes that are there: {some(there)}", ", ".join(unknown), remedy)
    return chosen


def _bad(file: object, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
