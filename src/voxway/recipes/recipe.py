"""What a recipe consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from voxway.data.config import DataConfig
from voxway.engine.teaching.together import AnyTeacherConfig
from voxway.engine.train_config import TrainConfig
from voxway.methods.contract import MethodConfig


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One complete run: what is trained, on what, how."""

    method: MethodConfig
    """Configuration of the method."""
    data: DataConfig
    """Training frames."""
    train: TrainConfig
    """Optimisation."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """What prepared files are made from, by need, where none are stored (`voxway.prepare.makers`)."""
    class_counts: Literal["comparable", "labelled"] = "comparable"
    """Which numbers of voxels class weights come from: those of the method's configuration, with which published
    networks have learnt, or those of the frames that may supervise, counted before training."""
    teacher: AnyTeacherConfig | None = None
    """Whom the method learns from besides the labels (`voxway.engine.teaching`)."""
    start: Path | None = None
    """Network to start from: a folder of ours, or a checkpoint with published names. None: from nothing, or from
    ImageNet, as the method says."""
    taught: bool = False
    """Whether the run makes no sense without a teacher."""


@dataclass(frozen=True, kw_only=True)
class StagedRecipe:
    """Several runs in a row, each of which starts from the last one's weights; one folder, one trained network."""

    stages: Mapping[str, Recipe]
    """The runs by name, in order; `--set stages.NAME.train.steps=100` changes one of them."""

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("a recipe of several stages needs at least one")
