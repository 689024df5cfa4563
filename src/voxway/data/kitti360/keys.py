"""Which frames a reader reads: keys such as "2013_05_28_drive_0000_sync/000700"."""

from __future__ import annotations

from voxway.core.errors import InputError
from voxway.data.files.names import names_in, some
from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.data.kitti360.config import KITTI360Config
from voxway.data.kitti360.layout import DriveFiles, parse_key


def drives_of(config: KITTI360Config) -> tuple[str, ...]:
    """Whole names of the drives that `config` asks for."""
    return config.drives or SSCBENCH_KITTI360.splits[config.split].sequences


def keys_of(config: KITTI360Config, drive: str) -> list[str]:
    """Annotated frames of a drive."""
    files = DriveFiles(config.folder, drive, config.labels)
    return [f"{drive}/{frame}" for frame in files.annotated("target" in config.needs)]


def find_keys(config: KITTI360Config) -> tuple[str, ...]:
    """Keys of all frames that `config` asks for, ascending.

    Raises:
        InputError: a drive has no frames, or nothing was found.
    """
    if config.keys:
        return tuple("/".join(parse_key(key)) for key in config.keys)
    by_drive = {drive: keys_of(config, drive) for drive in drives_of(config)}
    missing = [drive for drive, keys in by_drive.items() if not keys]
    if len(missing) == len(by_drive) or (missing and not config.partial):
        raise InputError(
            file=config.folder / "data_2d_raw",
            field="drives",
            expected=f"annotated frames of {some(by_drive)}",
            found=f"none of {some(missing)}; drives that are there: {some(names_in(config.folder / 'data_2d_raw'))}",
            remedy="Check the root folder: it must hold data_2d_raw, and targets in preprocess/labels (or name their "
            "folder with `labels`); name the drives that you have, or set `partial`.",
        )
    return tuple(key for keys in by_drive.values() for key in keys)


def split_keys(config: KITTI360Config) -> tuple[str, ...]:
    """Keys of all annotated frames that are there of the split's drives, and of any that `config` names beyond."""
    beyond = {*drives_of(config), *(parse_key(key)[0] for key in config.keys)}
    drives = sorted({*SSCBENCH_KITTI360.splits[config.split].sequences, *beyond})
    return tuple(key for drive in drives for key in keys_of(config, drive))
