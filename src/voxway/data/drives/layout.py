"""Where drives lie.

::

    <root>/
        splits.json                 {"train": ["monday", ...], "val": [...]}; without it all drives are for training
        monday/
            rig.json                cameras, LiDARs, poses and where their recordings lie (docs/rig.md)
            labels/000012.npz       voxel labels of the thirteenth recording of the rig's clock, counted from 0
            ...                     the recordings themselves, where the rig's file says
        tuesday/...

Rigs may differ from drive to drive: in cameras, how many there are, and in LiDARs. Source: this project's own formats,
`voxway.data.own.rig_file` and `voxway.core.voxel_labels_file`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.data.files.names import names_in, some

RIG = "rig.json"
SPLITS = "splits.json"
_SPLITS_REMEDY = 'Write {"train": [drives], "val": [drives]} beside the drives\' folders.'


@dataclass(frozen=True)
class DriveFiles:
    """Paths of one drive; see the tree above.

    Attributes:
        root: the folder that holds the drives.
        drive: the name of its folder.
    """

    root: Path
    drive: str

    @property
    def folder(self) -> Path:
        """All that belongs to the drive."""
        return self.root / self.drive

    @property
    def rig(self) -> Path:
        """The rig's file."""
        return self.folder / RIG

    def labels(self, number: int) -> Path:
        """Voxel labels of a recording of the clock."""
        return self.folder / "labels" / f"{number:06d}.npz"

    def labelled(self) -> list[int]:
        """Numbers of the recordings that have labels, ascending."""
        found = (re.fullmatch(r"(\d{6})\.npz", name) for name in names_in(self.folder / "labels"))
        return [int(match[1]) for match in found if match]


def frame_key(drive: str, number: int) -> str:
    """Key of a frame, such as ``"monday/000012"``."""
    return f"{drive}/{number:06d}"


def parse_key(key: str) -> tuple[str, int]:
    """Drive and number of a key.

    Raises:
        InputError: not of that form.
    """
    match = re.fullmatch(r"([^/]+)/(\d{6})", key)
    if match is None:
        raise InputError(
            file="sample key",
            field="key",
            expected='drive and frame, such as "monday/000012"',
            found=repr(key),
            remedy="Write the drive's folder, a stroke, and six digits that count recordings of its clock from 0.",
        )
    return match[1], int(match[2])


def drives_in(root: Path) -> tuple[str, ...]:
    """Names of the folders that hold a rig's file, ascending."""
    return tuple(name for name in names_in(root) if (root / name / RIG).is_file())


def drives_of_split(root: Path, split: str) -> tuple[str, ...]:
    """Drives of a split, as `splits.json` lists them; of split train all that there are where it is absent.

    Raises:
        InputError: no drives, a list that is absent, damaged or names a drive that is not there, or a drive in two.
    """
    path, there = root / SPLITS, drives_in(root)
    if not there:
        remedy = "Name the folder that holds the drives, each in a folder with a rig.json."
        raise InputError(
            file=root, field="drives", expected=f"folders that hold {RIG}", found=some(names_in(root)), remedy=remedy
        )
    if not path.exists() and split == "train":
        return there
    splits = _read_splits(path)
    if split not in splits:
        found = ", ".join(splits) or "none"
        raise InputError(
            file=path, field=split, expected="the drives of that split", found=found, remedy=_SPLITS_REMEDY
        )
    for name in splits[split]:
        if name not in there:
            raise InputError(
                file=path,
                field=f"{split}: {name}",
                expected=f"a drive that is there: {some(there)}",
                found="absent",
                remedy="Correct its name, or complete the copy.",
            )
    return splits[split]


def _read_splits(path: Path) -> dict[str, tuple[str, ...]]:
    content = read_json(path, _SPLITS_REMEDY)
    if not isinstance(content, dict):
        found = type(content).__name__
        raise InputError(file=path, field="contents", expected="splits by name", found=found, remedy=_SPLITS_REMEDY)
    splits: dict[str, tuple[str, ...]] = {}
    for split, names in content.items():
        if split not in ("train", "val", "test"):
            expected = "train, val or test"
            raise InputError(file=path, field="split", expected=expected, found=split, remedy=_SPLITS_REMEDY)
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            expected = "a list of names of drives"
            raise InputError(file=path, field=split, expected=expected, found=names, remedy=_SPLITS_REMEDY)
        splits[split] = tuple(dict.fromkeys(names))
    listed = [name for names in splits.values() for name in names]
    for name in listed:
        if listed.count(name) > 1:
            expected = "each drive in one split"
            raise InputError(
                file=path, field=name, expected=expected, found="several", remedy="Leave it in one of them."
            )
    return splits
