"""A foundation network as a teacher: it has no voxels, and names what it says itself, such as features of pixels."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from voxway.core.errors import InputError
from voxway.core.sample import Batch
from voxway.engine.teaching.teacher import FrozenTeacher
from voxway.methods.contract import Said


class FoundationTeacher(FrozenTeacher):
    """A frozen network from elsewhere, asked about the student's own batches.

    A recipe holds a configuration of its own whose `build` makes one: a frozen dataclass such as
    ``LSegConfig(weights=...)``, which needs no place in any list.

    Args:
        network: its `forward` takes a batch and gives named tensors, e.g. ``{"pixels": (b, n, c, h2, w2)}``. Images
            come as they lie in the batch: uint8 (b, n, 3, h, w).
        inputs: fields of a batch that it reads.
        facts: what the student's records say of it; the weights' origin should be among them.
        device: where it computes.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        inputs: frozenset[str] = frozenset({"images"}),
        facts: Mapping[str, object],
        device: torch.device | str = "cpu",
    ) -> None:
        self.network = network.requires_grad_(False).eval().to(device)
        self.inputs = inputs
        self._facts = dict(facts)

    def prepare(self, student: nn.Module) -> None:
        """Nothing is inherited; what fits is for the student's `follow` to say."""

    @torch.no_grad()
    def says(self, batch: Batch) -> Said:
        """What the network makes of a batch.

        Raises:
            InputError: it is something else than named tensors.
        """
        said = self.network(batch)
        if not isinstance(said, Mapping):
            raise InputError(
                file=type(self.network).__name__,
                field="forward",
                expected="named tensors",
                found=type(said).__name__,
                remedy='Return a dictionary, such as {"pixels": features}.',
            )
        return said

    def facts(self) -> dict[str, object]:
        """What its maker told."""
        return self._facts
