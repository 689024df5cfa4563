"""Stored features as a teacher: what a network said once, read from disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.core.sample import Batch
from voxway.engine.model_files import load_tensors
from voxway.engine.teaching.teacher import FrozenTeacher
from voxway.methods.contract import Said, VoxelStudent

DESCRIPTION = "teacher.json"
"""Beside the features: ``shape`` of a frame's whole volume (c, x, y, z), and the network's ``fingerprint``."""


@dataclass(frozen=True, kw_only=True)
class StoredTeacherConfig:
    """A teacher whose features were written to disk once (`voxway prepare teacher`), so that it need not run again."""

    kind: ClassVar[str] = "stored"

    features: Path
    """Folder of the features."""

    def build(self, device: torch.device | str = "cpu") -> StoredTeacher:
        """The teacher.

        Raises:
            InputError: the folder holds no features.
        """
        remedy = "Write the features again with `voxway prepare teacher`."
        return StoredTeacher(self.features, read_json(self.features / DESCRIPTION, remedy=remedy))


class StoredTeacher(FrozenTeacher):
    """Voxel features from disk. It says ``"voxels"`` (b, c, x2, y2, z2): as they were, in float16 precision, at the
    voxels that students follow, zero elsewhere. Logits it has none."""

    inputs: frozenset[str] = frozenset({"target"})

    def __init__(self, folder: Path, description: Mapping[str, object]) -> None:
        self.folder, self.description = folder, description
        shape = description.get("shape")
        self.shape = tuple(shape) if isinstance(shape, list) else ()

    def prepare(self, student: nn.Module) -> None:
        """Make sure that the student follows voxel features of this shape.

        Raises:
            InputError: it does not.
        """
        shape = student.feature_shape if isinstance(student, VoxelStudent) else None
        if shape != self.shape:
            raise InputError(
                file=self.folder,
                field="shape",
                expected=f"{shape}, as the student's voxel features" if shape else "a student of voxel features",
                found=self.shape,
                remedy="Choose a student of the teacher's width and working grid.",
            )

    def says(self, batch: Batch) -> Said:
        """The stored features of a batch.

        Raises:
            InputError: a frame's features are absent or damaged.
        """
        target: Tensor = batch.need("target")
        voxels = target.new_zeros(len(batch), *self.shape, dtype=torch.float32)
        for features, key in zip(voxels.flatten(2), batch.keys):
            stored = load_tensors(feature_path(self.folder, key))
            features[:, stored["index"].long().to(target.device)] = stored["voxels"].to(features).T
        return {"voxels": voxels}

    def facts(self) -> dict[str, object]:
        """Where the features lie, and whose they are."""
        return {"features": str(self.folder), **self.description}


def feature_path(folder: Path, key: str) -> Path:
    """Where the features of a frame lie: safetensors of ``index`` (v), positions in the flattened volume, and
    ``voxels`` (v, c) float16."""
    return folder / f"{key}.safetensors"
