"""Which nuScenes key frames a reader reads, and which of them may supervise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.data.augment import Augment
from voxway.data.few_labels import labelled_scenes
from voxway.data.nuscenes.infos import Info, check_tokens, read_infos
from voxway.data.nuscenes.key_frame import KeyFrame, scene_name
from voxway.data.nuscenes.splits import TABLES, scenes_of
from voxway.data.nuscenes.tables import read_tables
from voxway.data.selection import Selection


@dataclass(frozen=True, kw_only=True)
class NuScenesConfig:
    """What Occ3D's and OpenOccupancy's readers of nuScenes have in common."""

    root: Path
    """Folder that holds `samples/` and `sweeps/`."""
    infos: Path | None = None
    """Info file of the split, such as bevdetv3-nuscenes_infos_val.pkl; None reads nuScenes' own tables below `root`."""
    split: Literal["train", "val", "test"] = "train"
    """Which of nuScenes' splits."""
    scenes: tuple[str, ...] = ()
    """Scenes to read instead of all, by name ("scene-0061") or token."""
    keys: tuple[str, ...] = ()
    """Sample tokens to read instead of all."""
    partial: bool = False
    """Accept a copy that lacks frames of the split."""
    needs: frozenset[str] = frozenset({"images", "target"})
    """What to load: images, points, pose, target, depth."""
    labelled: int | None = None
    """How many scenes of split train may supervise, drawn as in the published label-efficient runs: sorted tokens,
    Python's generator, seed 42. Frames of the others have no target. None: all of them. Other splits are whole."""
    only_labelled: bool = False
    """Leave out the frames that may not supervise: the data of a teacher that learns from few labels."""
    selection: Path | None = None
    """Folder that `voxway select` wrote: of split train, only its frames and voxels may supervise."""
    image_px: tuple[int, int] = (256, 704)
    """(height, width) of the network's images."""
    augment: Augment | None = None
    """How `augmented` changes samples; None: not at all."""
    sweep_choice: Literal["random", "nearest"] = "random"
    """Which sweeps, where more are listed than asked for. Published networks draw them at random, in tests too.
    Here the draw is seeded by the frame's token, so that it is the same every time. "nearest" takes the latest."""
    pad_sweeps: bool = True
    """Repeat the key frame's points where a frame has no sweep at all, as published: sums over points stay alike."""
    drop_near: Literal["sweeps", "all", "none"] = "sweeps"
    """Whose points within 1 m of the sensor (along x and y) are dropped. Published: the key frame keeps its own."""

    def __post_init__(self) -> None:
        if min(self.image_px) < 1:
            raise ValueError(f"image_px is (height, width) in pixels, got {self.image_px}")
        if self.only_labelled and self.labelled is None and self.selection is None:
            raise ValueError("only_labelled needs `labelled`, the number of scenes that may supervise, or `selection`")


@dataclass(frozen=True)
class Frames:
    """Records of the key frames to read, in order of time.

    Attributes:
        infos: one record per key frame.
        source: the file or folder they came from, for errors.
        supervising: tokens of the scenes whose targets may supervise; None: all.
        selection: frames and voxels that may supervise; None: all.
    """

    infos: tuple[Info, ...]
    source: Path
    supervising: frozenset[str] | None
    selection: Selection | None = None

    def supervises(self, frame: KeyFrame) -> bool:
        """Whether the target of a frame may supervise."""
        drawn = self.supervising is None or frame.scene in self.supervising
        return drawn and (self.selection is None or frame.token in self.selection.keys)


def find_frames(config: NuScenesConfig, benchmark: Benchmark) -> Frames:
    """The key frames that `config` asks for.

    Raises:
        InputError: no tables, an unknown scene or key, nothing found, or fewer frames than the split has.
    """
    infos, source = _all_of_split(config)
    expected = benchmark.splits[config.split].frames if config.split in benchmark.splits else None
    whole = not (config.scenes or config.keys or config.partial)
    if whole and expected is not None and len(infos) != expected:
        remedy = "Complete the copy, name another info file, or set `partial`."
        raise _bad(source, f"frames of split {config.split}", expected, len(infos), remedy)
    supervising = None
    if config.labelled is not None and config.split == "train":
        supervising = labelled_scenes((str(info["scene_token"]) for info in infos), config.labelled)
    selection = Selection.load(config.selection) if config.selection and config.split == "train" else None
    if config.only_labelled and supervising is not None:
        infos = [info for info in infos if info["scene_token"] in supervising]
    if config.only_labelled and selection is not None:
        infos = [info for info in infos if info["token"] in selection.keys]
    if config.scenes:
        infos = _of_scenes(infos, config.scenes, source)
    if config.keys:
        by_token = {str(info["token"]): info for info in infos}
        unknown = [key for key in config.keys if key not in by_token]
        if unknown:
            found = f"{len(unknown)} that are not there, the first {unknown[0]}"
            raise _bad(source, "keys", "sample tokens of the split", found, "Check the split and the keys.")
        infos = [by_token[key] for key in config.keys]
    if not infos:
        raise _bad(source, "frames", f"key frames of split {config.split}", "none", "Check the split and the scenes.")
    return Frames(tuple(infos), source, supervising, selection)


def _all_of_split(config: NuScenesConfig) -> tuple[list[Info], Path]:
    if config.infos is not None:
        return read_infos(config.infos), Path(config.infos)
    folders = [Path(config.root) / name for name in TABLES[config.split]]
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None:
        remedy = "Unpack nuScenes' metadata there, or name an info file with `infos`."
        raise _bad(config.root, "tables", f"a folder {' or '.join(TABLES[config.split])}", "none", remedy)
    names = [row["name"] for row in read_json(folder / "scene.json", remedy="Unpack nuScenes' metadata again.")]
    scenes = scenes_of(config.split, names, folder.name)
    infos = read_tables(folder, scenes) if scenes else []
    check_tokens([str(info["token"]) for info in infos], folder)
    return infos, folder


def _of_scenes(infos: list[Info], scenes: tuple[str, ...], source: Path) -> list[Info]:
    chosen = [info for info in infos if info["scene_token"] in scenes or scene_name(info) in scenes]
    known = {name for info in chosen for name in (info["scene_token"], scene_name(info))}
    unknown = [scene for scene in scenes if scene not in known]
    if unknown:
        remedy = "Check the names; info files that name no scenes are asked by scene token."
        raise _bad(source, "scenes", ", ".join(scenes), f"no frame of {', '.join(unknown)}", remedy)
    return chosen


def _bad(file: object, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
