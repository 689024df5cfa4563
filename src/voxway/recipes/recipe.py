"""What a recipe consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from voxway.data.semantickitti.reader import SemanticKITTIConfig
from voxway.engine.train import TrainConfig
from voxway.prepare.proposals import Source


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One complete run: what is trained, on what, how."""

    method: Any
    """Configuration of the method."""
    data: SemanticKITTIConfig
    """Training frames."""
    train: TrainConfig
    """Optimisation."""
    proposals: Source | None = None
    """What query proposals are made from if none are stored. None: they are stored."""
