"""Learning rate by step: a pure function."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Warm-up, then constant, cosine or stepwise decay."""

    kind: Literal["constant", "cosine", "step"] = "cosine"
    """Shape after the warm-up."""
    warmup_steps: int = 0
    """Steps over which the rate grows linearly."""
    warmup_factor: float = 1 / 3
    """Share of the rate at the first step of the warm-up."""
    final_factor: float = 1e-3
    """Share of the rate at which cosine decay ends."""
    hold_steps: int = 1
    """Cosine decay is constant within blocks of this many steps (MonoOcc: an epoch); 1 decays every step."""
    decay_steps: tuple[int, ...] = ()
    """Steps at which stepwise decay multiplies the rate by `decay_factor`."""
    decay_factor: float = 0.1
    """Factor of stepwise decay."""

    def factor(self, step: int, steps: int) -> float:
        """Share of the full learning rate at `step` (from 0) of `steps`."""
        shape = 1.0
        if self.kind == "cosine":
            done = (step // self.hold_steps) * self.hold_steps / steps
            shape = self.final_factor + (1 - self.final_factor) * 0.5 * (1 + math.cos(math.pi * done))
        elif self.kind == "step":
            shape = self.decay_factor ** sum(step >= at for at in self.decay_steps)
        if step < self.warmup_steps:
            shape *= self.warmup_factor + (1 - self.warmup_factor) * step / self.warmup_steps
        return shape
