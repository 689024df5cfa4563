"""What a teacher said, read from disk: a foundation network looks at every frame once, and trains many students."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.core.sample import Batch
from voxway.engine.model_files import load_tensors
from voxway.engine.teaching.stored import DESCRIPTION, feature_path
from voxway.engine.teaching.teacher import FrozenTeacher
from voxway.methods.contract import Said

_REMEDY = "Write it again with `voxway prepare teacher`."


@dataclass(frozen=True, kw_only=True)
class RecordedTeacherConfig:
    """A teacher whose words about every frame were written to disk once (`voxway prepare teacher --recipe`)."""

    kind: ClassVar[str] = "recorded"

    folder: Path
    """Holds ``teacher.json`` and a file per frame."""

    def build(self, device: torch.device | str = "cpu") -> RecordedTeacher:
        """The teacher.

        Raises:
            InputError: the folder holds no such record.
        """
        description = read_json(self.folder / DESCRIPTION, remedy=_REMEDY)
        if not isinstance(description, dict) or not isinstance(description.get("says"), dict):
            raise InputError(
                file=self.folder / DESCRIPTION,
                field="says",
                expected="names and shapes of what a teacher said",
                found=str(description)[:60],
                remedy=_REMEDY,
            )
        return RecordedTeacher(self.folder, description, device)


class RecordedTeacher(FrozenTeacher):
    """Says what was written down, in float16 precision: tensors by name, (b, ...) each.

    It knows frames as they are without the random changes of training, and only those.
    """

    inputs: frozenset[str] = frozenset()

    def __init__(self, folder: Path, description: Mapping[str, Mapping], device: torch.device | str = "cpu") -> None:
        self.folder, self.description, self.device = folder, description, device

    def prepare(self, student: nn.Module) -> None:
        """Nothing is inherited; what fits is for the student's `follow` to say."""

    def says(self, batch: Batch) -> Said:
        """What was said of a batch's frames.

        Raises:
            InputError: a frame's file is absent or damaged, or holds something else than its description says.
        """
        files = [load_tensors(feature_path(self.folder, key)) for key in batch.keys]
        for key, stored in zip(batch.keys, files):
            found = {name: list(tensor.shape) for name, tensor in stored.items()}
            if found != self.description["says"]:
                raise InputError(
                    file=feature_path(self.folder, key),
                    field="shapes",
                    expected=self.description["says"],
                    found=found,
                    remedy="Delete it and " + _REMEDY[0].lower() + _REMEDY[1:],
                )
        return {name: torch.stack([one[name] for one in files]).float().to(self.device) for name in files[0]}

    def facts(self) -> dict[str, object]:
        """Where it lies, and what its teacher told of itself."""
        return {"folder": str(self.folder), **self.description}
