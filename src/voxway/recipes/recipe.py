"""What a recipe consists of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxway.data import DataConfig
from voxway.engine.teaching.together import AnyTeacherConfig
from voxway.engine.train import TrainConfig
from voxway.prepare.proposals import Source


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One complete run: what is trained, on what, how."""

    method: Any
    """Configuration of the method."""
    data: DataConfig
    """Training frames."""
    train: TrainConfig
    """Optimisation."""
    proposals: Source | None = None
    """What query proposals are made from if none are stored. None: they are stored."""
    teacher: AnyTeacherConfig | None = None
    """Whom the method learns from besides the labels (`voxway.engine.teaching`)."""
    start: Path | None = None
    """Network to start from: a folder of ours, or a checkpoint with published names. None: from nothing, or from
    ImageNet, as the method says."""
    taught: bool = False
    """Whether the run makes no sense without a teacher."""
