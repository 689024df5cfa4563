"""Teachers: trained networks that a student follows, frozen and outside its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.core.sample import Batch
from voxway.engine.model_files import fingerprint, load_model, load_tensors, read_description
from voxway.methods.contract import Said, Student, VoxelStudent

DESCRIPTION = "teacher.json"
_STORE_REMEDY = "Write the features again with `voxway prepare teacher`."


@runtime_checkable
class Teacher(Protocol):
    """What the training loop asks of a teacher."""

    def prepare(self, student: nn.Module) -> None:
        """Give the student what it is to start from; called once, before training."""
        ...

    def __call__(self, batch: Batch) -> Said:
        """What the teacher says about a batch, without gradients."""
        ...


@dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """A trained network that teaches while the student trains."""

    model: Path
    """Folder of the teacher."""
    mode: Literal["eval", "train"] = "eval"
    """``"train"`` leaves its batch norms on the statistics of each batch, as the released EFFOcc code does."""

    def build(self, device: torch.device | str = "cpu") -> NetworkTeacher:
        """Load the teacher.

        Raises:
            InputError: the folder holds no network.
        """
        return NetworkTeacher(self, load_model(self.model, device), read_description(self.model)["facts"])

    def facts(self) -> dict[str, Any]:
        """What a student's records say of its teacher."""
        return {"model": str(self.model), "fingerprint": fingerprint(self.model), "mode": self.mode}


class NetworkTeacher:
    """A frozen network that looks at the student's own batches, with the same random alterations."""

    def __init__(self, config: TeacherConfig, network: nn.Module, facts: Mapping[str, Any]) -> None:
        self.config = config
        self.facts = facts
        """What its description says: the data it was trained on, among others."""
        self.network = network.requires_grad_(False).train(config.mode == "train")

    @property
    def inputs(self) -> frozenset[str]:
        """Fields of a batch that the teacher reads; the student's data must be read with them."""
        network: Any = self.network
        return network.inputs

    def prepare(self, student: nn.Module) -> None:
        """Hand over what the student inherits.

        Raises:
            InputError: the student's method learns from no teacher, or predicts other classes or voxels.
        """
        remedy = "Choose a student that fits the teacher, or train without one."
        if not isinstance(student, Student):
            found, expected = type(student).__name__, "a method with `follow` and `inherit`"
            raise InputError(file=self.config.model, field="student", expected=expected, found=found, remedy=remedy)
        network: Any = self.network
        if student.task.grid != network.task.grid:
            raise InputError(
                file=self.config.model, field="grid", expected=student.task.grid, found=network.task.grid, remedy=remedy
            )
        student.inherit(self.network)

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Said:
        """The teacher's prediction by name; nothing of it carries gradients."""
        return self.network(batch).tensors


@dataclass(frozen=True, kw_only=True)
class StoredTeacherConfig:
    """A teacher whose features were written to disk once (`voxway prepare teacher`), so that it need not run again."""

    features: Path
    """Folder of the features."""

    def build(self, device: torch.device | str = "cpu") -> StoredTeacher:
        """The teacher.

        Raises:
            InputError: the folder holds no features.
        """
        return StoredTeacher(self.features, read_json(self.features / DESCRIPTION, remedy=_STORE_REMEDY))

    def facts(self) -> dict[str, Any]:
        """What a student's records say of its teacher."""
        return {"features": str(self.features), **read_json(self.features / DESCRIPTION, remedy=_STORE_REMEDY)}


class StoredTeacher:
    """A teacher's voxel features from disk, as float16 at the voxels that students follow, zero elsewhere."""

    inputs: frozenset[str] = frozenset({"target"})

    def __init__(self, folder: Path, description: dict[str, Any]) -> None:
        self.folder = folder
        self.shape: tuple[int, ...] = tuple(description["shape"])

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

    def __call__(self, batch: Batch) -> Said:
        """The stored features of a batch, ``"voxels"``; there are no logits."""
        target: Tensor = batch.need("target")
        voxels = target.new_zeros(len(batch), *self.shape, dtype=torch.float32)
        for features, key in zip(voxels.flatten(2), batch.keys):
            stored = load_tensors(feature_path(self.folder, key))
            features[:, stored["index"].long().to(target.device)] = stored["voxels"].to(features).T
        return {"voxels": voxels}


def feature_path(folder: Path, key: str) -> Path:
    """Where the features of a frame lie."""
    return folder / f"{key}.safetensors"


def teacher_config(folder: Path) -> TeacherConfig | StoredTeacherConfig:
    """A teacher from its folder: of a trained network, or of stored features."""
    return StoredTeacherConfig(features=folder) if (folder / DESCRIPTION).exists() else TeacherConfig(model=folder)
