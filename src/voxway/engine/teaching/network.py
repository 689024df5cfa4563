"""A trained network as a teacher: frozen, and outside the student's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from voxway.core.errors import InputError
from voxway.core.files import Json
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Batch, Prediction
from voxway.engine.model_files import fingerprint, load_model, read_description
from voxway.engine.teaching.teacher import FrozenTeacher
from voxway.methods.contract import Heir, Learner, Said


@dataclass(frozen=True, kw_only=True)
class NetworkTeacherConfig:
    """A trained network that teaches while the student trains."""

    kind: ClassVar[str] = "network"

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


class NetworkTeacher(FrozenTeacher):
    """A frozen network that looks at the student's own batches, with the same random alterations.

    It says its ``"logits"`` (b, k, x, y, z) and every tensor among its prediction's intermediates.
    """

    def __init__(self, config: NetworkTeacherConfig, network: nn.Module, facts: Mapping[str, Json]) -> None:
        self.config = config
        self.trained_on: Mapping[str, Json] = facts.get("data", {})
        """The configuration of the data that it was trained on, as its description has it; empty if that is unknown."""
        self.network = network.requires_grad_(False).train(config.mode == "train")

    @property
    def inputs(self) -> frozenset[str]:
        """Fields of a batch that the network reads."""
        return self.network.inputs if isinstance(self.network, Learner) else frozenset()

    def prepare(self, student: nn.Module) -> None:
        """Hand over what the student inherits.

        Raises:
            InputError: the student predicts other voxels.
            ValueError: what it would inherit does not fit.
        """
        mine, theirs = _grid(self.network), _grid(student)
        if mine != theirs:
            raise InputError(
                file=self.config.model,
                field="grid",
                expected=theirs,
                found=mine,
                remedy="Choose a student that fits the teacher, or train without one.",
            )
        if isinstance(student, Heir):
            student.inherit(self.network)

    @torch.no_grad()
    def says(self, batch: Batch) -> Said:
        """Logits and intermediates that the network makes of a batch."""
        return named_tensors(self.network(batch))

    def facts(self) -> dict[str, object]:
        """Where it lies, whose weights it has and how it is asked."""
        return {
            "model": str(self.config.model),
            "fingerprint": fingerprint(self.config.model),
            "mode": self.config.mode,
        }


def named_tensors(prediction: Prediction) -> dict[str, Tensor]:
    """A prediction's ``"logits"`` and the tensors among its intermediates."""
    others = {name: value for name, value in prediction.intermediates.items() if isinstance(value, Tensor)}
    return {"logits": prediction.logits, **others}


def _grid(network: nn.Module) -> VoxelGrid | None:
    return getattr(getattr(network, "task", network), "grid", None)
