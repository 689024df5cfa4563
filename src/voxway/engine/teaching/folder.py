"""A teacher from its folder, whatever kind it holds."""

from __future__ import annotations

from pathlib import Path

from voxway.core.files import read_json
from voxway.engine.teaching.network import NetworkTeacherConfig
from voxway.engine.teaching.recorded import RecordedTeacherConfig
from voxway.engine.teaching.stored import DESCRIPTION, StoredTeacherConfig


def teacher_config(folder: Path) -> NetworkTeacherConfig | StoredTeacherConfig | RecordedTeacherConfig:
    """A trained network, its stored voxel features, or what any teacher said of every frame.

    Raises:
        InputError: its description is damaged.
    """
    if not (folder / DESCRIPTION).exists():
        return NetworkTeacherConfig(model=folder)
    description = read_json(folder / DESCRIPTION)
    if isinstance(description, dict) and "says" in description:
        return RecordedTeacherConfig(folder=folder)
    return StoredTeacherConfig(features=folder)
