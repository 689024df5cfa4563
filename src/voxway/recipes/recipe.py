"""What a recipe consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voxway.data.config import DataConfig
from voxway.engine.teacher import StoredTeacherConfig, TeacherConfig
from voxway.engine.train import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One complete run: what is trained, on what, how."""

    method: Any
    """Configuration of the method."""
    data: DataConfig
    """Training frames."""
    train: TrainConfig
    """Optimisation."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """What prepared files are made from, by need, where none are stored (`voxway.prepare.makers`)."""
    teacher: TeacherConfig | StoredTeacherConfig | None = None
    """Whom the method learns from besides the labels."""
    start: Path | None = None
    """Network to start from: a folder of ours, or a checkpoint with published names. None: from nothing, or from
    ImageNet, as the method says."""
    taught: bool = False
    """Whether the run makes no sense without a teacher."""
