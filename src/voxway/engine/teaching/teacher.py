"""What the training loop asks of a teacher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from voxway.core.sample import Batch
from voxway.methods.contract import Said


@runtime_checkable
class Teacher(Protocol):
    """Says named tensors about every batch, from which the student's `follow` makes further terms of its loss."""

    @property
    def inputs(self) -> frozenset[str]:
        """Fields of a batch that it reads; the student's data must be read with them."""
        ...

    @property
    def own_view(self) -> bool:
        """Whether it is shown a view of its own of every sample, where the data offers two
        (`voxway.engine.visits.Viewed`); else it sees what the student sees."""
        ...

    def prepare(self, student: nn.Module) -> None:
        """Make sure that the student fits, and give it what it inherits; called once, before training.

        Raises:
            InputError: the student cannot learn from this teacher.
        """
        ...

    def says(self, batch: Batch) -> Said:
        """What it says about a batch: named tensors without gradients."""
        ...

    def after_step(self, student: nn.Module, step: int) -> None:
        """Called when the student has done step number `step` (from 0), alike in all processes."""
        ...

    def state(self) -> Mapping[str, Tensor]:
        """Its own tensors that change during training and so belong into checkpoints; none of a frozen one."""
        ...

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Continue from a saved state, which has the names and shapes of `state()`."""
        ...

    def facts(self) -> dict[str, object]:
        """What the student's records say of it, as plain values."""
        ...


@runtime_checkable
class TeacherConfig(Protocol):
    """Configuration of a teacher: a frozen dataclass of plain values. A recipe may hold one of a user's own."""

    def build(self, device: torch.device | str = "cpu") -> Teacher:
        """The teacher."""
        ...


class FrozenTeacher:
    """What teachers that do not change have in common."""

    own_view: bool = False

    def after_step(self, student: nn.Module, step: int) -> None:
        """A frozen teacher does not follow its student."""

    def state(self) -> Mapping[str, Tensor]:
        """Nothing belongs into checkpoints."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Nothing to continue from."""
