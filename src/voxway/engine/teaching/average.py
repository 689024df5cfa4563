"""The student's own moving average as a teacher.

Mean teachers are better role models (Tarvainen and Valpola, NeurIPS 2017): the teacher's weights are an exponential
moving average of the student's. It is shown a weakly altered view of a sample, the student a strongly altered one, and
the student is to agree with it. Labels are not needed for that.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from voxway.core.config import to_json
from voxway.core.sample import Batch
from voxway.engine.ema import blend
from voxway.engine.teaching.network import named_tensors
from voxway.methods.contract import Learner, Said


@dataclass(frozen=True, kw_only=True)
class AverageTeacherConfig:
    """The moving average of the student's weights teaches the student.

    Raises:
        ValueError: the decay is not from 0 up to, but not including, 1.
    """

    kind: ClassVar[str] = "average"

    decay: float = 0.999
    """What is left of the average at each step."""
    ramp: bool = True
    """Whether the decay grows as ``min(decay, 1 - 1 / (step + 1))``, steps counted from 0, so that the first weights
    are soon forgotten."""
    mode: Literal["eval", "train"] = "eval"
    """``"train"`` lets it draw dropout and leaves its batch norms on the statistics of each batch."""

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay must be at least 0 and below 1, and is {self.decay}")

    def build(self, device: torch.device | str = "cpu") -> AverageTeacher:
        """The teacher; it has no weights until it is prepared."""
        return AverageTeacher(self, device)


class AverageTeacher:
    """A copy of the student whose weights follow the student's slowly. It says what `NetworkTeacher` says.

    It reads what the student reads. Its weights belong into checkpoints; the number of steps stands there already.
    """

    inputs: frozenset[str] = frozenset()
    own_view: bool = True

    def __init__(self, config: AverageTeacherConfig, device: torch.device | str = "cpu") -> None:
        self.config, self.device = config, device
        self.network: nn.Module = nn.Identity()

    def prepare(self, student: nn.Module) -> None:
        """Begin as the student does."""
        network = copy.deepcopy(student).to(self.device).requires_grad_(False)
        self.network = network.train(self.config.mode == "train")
        self.inputs = student.inputs if isinstance(student, Learner) else frozenset()

    @torch.no_grad()
    def says(self, batch: Batch) -> Said:
        """Logits and intermediates that the averaged network makes of a batch."""
        return named_tensors(self.network(batch))

    def after_step(self, student: nn.Module, step: int) -> None:
        """Take in the student's weights; buffers that are not floating point are copied."""
        decay = min(self.config.decay, 1 - 1 / (step + 1)) if self.config.ramp else self.config.decay
        blend(self.network.state_dict(), student, decay)

    def state(self) -> Mapping[str, Tensor]:
        """The average's weights and buffers."""
        return self.network.state_dict()

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Continue from saved weights."""
        self.network.load_state_dict(state)

    def facts(self) -> dict[str, object]:
        """How the average is made."""
        return {"average": to_json(self.config)}
