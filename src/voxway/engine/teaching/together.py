"""Several teachers at once, such as a foundation network for pixels and a trained network for voxels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from voxway.core.errors import InputError
from voxway.core.sample import Batch
from voxway.engine.teaching.average import AverageTeacherConfig
from voxway.engine.teaching.network import NetworkTeacherConfig
from voxway.engine.teaching.recorded import RecordedTeacherConfig
from voxway.engine.teaching.stored import StoredTeacherConfig
from voxway.engine.teaching.teacher import Teacher, TeacherConfig
from voxway.methods.contract import Said

OneTeacherConfig = (
    NetworkTeacherConfig | StoredTeacherConfig | RecordedTeacherConfig | AverageTeacherConfig | TeacherConfig
)
"""A teacher of a kind that is told apart in JSON, or one of a user's own."""


@dataclass(frozen=True, kw_only=True)
class TeachersConfig:
    """Several teachers, whose names for what they say must not collide."""

    kind: ClassVar[str] = "together"

    members: tuple[OneTeacherConfig, ...]
    """The teachers."""

    def build(self, device: torch.device | str = "cpu") -> Teachers:
        """All of them.

        Raises:
            InputError: one cannot be loaded.
        """
        return Teachers([member.build(device) for member in self.members])


AnyTeacherConfig = OneTeacherConfig | TeachersConfig
"""What a recipe's or a stage's `teacher` may be."""


class Teachers:
    """Says all that its members say. If one of them is shown a view of its own, all see that view."""

    def __init__(self, members: Sequence[Teacher]) -> None:
        self.members = tuple(members)
        self.own_view = any(member.own_view for member in members)

    @property
    def inputs(self) -> frozenset[str]:
        """What any of them reads."""
        return frozenset().union(*(member.inputs for member in self.members))

    def prepare(self, student: nn.Module) -> None:
        """Prepare each, in order: of two that hand something over, the last one's stays.

        Raises:
            InputError: the student cannot learn from one of them.
        """
        for member in self.members:
            member.prepare(student)

    def says(self, batch: Batch) -> Said:
        """What all of them say.

        Raises:
            InputError: two use the same name.
        """
        said: dict[str, Tensor] = {}
        for member in self.members:
            more = member.says(batch)
            twice = said.keys() & more.keys()
            if twice:
                raise InputError(
                    file="teachers",
                    field=", ".join(sorted(twice)),
                    expected="each said by one teacher",
                    found="said by two",
                    remedy="Leave one of them out, or let one say it under another name.",
                )
            said |= more
        return said

    def after_step(self, student: nn.Module, step: int) -> None:
        """Tell each."""
        for member in self.members:
            member.after_step(student, step)

    def state(self) -> Mapping[str, Tensor]:
        """The tensors of each, its number before their names."""
        return {f"{i}.{name}": t for i, member in enumerate(self.members) for name, t in member.state().items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Give each its own."""
        for i, member in enumerate(self.members):
            member.load_state({n.removeprefix(f"{i}."): t for n, t in state.items() if n.startswith(f"{i}.")})

    def facts(self) -> dict[str, object]:
        """What each says of itself."""
        return {"members": [member.facts() for member in self.members]}


def each(teacher: Teacher | None) -> Iterator[Teacher]:
    """A teacher by itself, or the members of several; none of None."""
    if isinstance(teacher, Teachers):
        for member in teacher.members:
            yield from each(member)
    elif teacher is not None:
        yield teacher
