"""A run of several stages: each starts from the last one's weights; one command, one folder, resumable at any point."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from voxway.core.errors import InputError
from voxway.core.files import writing
from voxway.core.result import Result
from voxway.engine.distributed import Group
from voxway.engine.model_files import (
    CONFIG,
    WEIGHTS,
    fingerprint,
    load_tensors,
    read_description,
    require_alike,
    require_finite,
)
from voxway.engine.run_folder import claim, finished, owned
from voxway.engine.teaching.teacher import TeacherConfig
from voxway.engine.train import train
from voxway.engine.train_config import TrainConfig
from voxway.engine.visits import Samples
from voxway.methods.contract import Buildable
from voxway.methods.registry import config_name

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One of the runs in a row: what `train` takes, and a name.

    Raises:
        ValueError: the name cannot be part of a folder's.
    """

    name: str
    """What the stage does, e.g. ``"pretrain"``; part of its folder's name."""
    method: Buildable
    """Configuration of the network."""
    data: Samples
    """Training samples."""
    train: TrainConfig
    """How it is trained."""
    teacher: TeacherConfig | None = None
    """Whom it learns from besides the labels."""
    start: Mapping[str, Tensor] | None = None
    """Weights to begin with; None: those of the stage before, as far as they fit."""
    validate: Callable[[nn.Module], Result] | None = None
    """Scores a network on held-out samples."""
    about: Mapping[str, object] = field(default_factory=dict)
    """Further facts for its ``run.json`` and its network's description."""

    def __post_init__(self) -> None:
        if not self.name or not all(letter.isalnum() or letter in "-_" for letter in self.name):
            raise ValueError(f"a stage's name must be of letters, digits, - and _, and is {self.name!r}")


def train_stages(stages: Sequence[Stage], folder: Path, *, group: Group | None = None, show: bool = True) -> Path:
    """Train stage after stage; continue where an earlier call with the same arguments was stopped.

    A network of the same configuration starts from all weights of the stage before, another one from those whose names
    and shapes fit. Optimiser, averages and step counts begin anew.

    Args:
        stages: the runs in order.
        folder: ``run.json`` with the names of the stages, a run's folder ``stage-N-name/`` for each, and at the end
            ``model/``, the network of the last one.
        group: the processes that share the work; None is this one alone, on the CPU.
        show: show progress.

    Returns:
        the folder of the trained network.

    Raises:
        InputError: no stages, the folder holds another run, nothing of one stage's network fits the next, or what
            `train` says.
        OutputError: the folder cannot be written.
        KeyboardInterrupt: stopped by Ctrl-C, after a checkpoint was written.
    """
    group = group or Group()
    if not stages:
        raise InputError(
            file=folder, field="stages", expected="at least one", found="none", remedy="Say what is to be trained."
        )
    for stage in stages:
        config_name(stage.method)  # before the first begins
    done = finished(folder)
    with nullcontext() if done else owned(folder, group):
        claim(folder, {"stages": [stage.name for stage in stages]}, group)
        before: tuple[Stage, Path] | None = None
        for number, stage in enumerate(stages, start=1):
            run = folder / f"stage-{number}-{stage.name}"
            _run(stage, run, before, group, show)
            before = stage, run
        if group.leads and not done:
            _copy(run / "model", folder / "model")
        group.wait()
    return folder / "model"


def _run(stage: Stage, run: Path, before: tuple[Stage, Path] | None, group: Group, show: bool) -> None:
    """Train one stage, or find it trained."""
    logger.info("%s", run.name)
    start, about = stage.start, {"stage": stage.name, **stage.about}
    if start is None and before is not None:
        last, source = before
        _require_own(last, source / "model")
        start = fitting_weights(stage.method, source / "model", whole=stage.method == last.method)
        about["start"] = {
            "source": source.name,
            "fingerprint": fingerprint(source / "model"),
            "tensors": len(start),
        }
    train(
        stage.train,
        stage.method,
        stage.data,
        run,
        group=group,
        start=start,
        teacher=stage.teacher.build(group.device) if stage.teacher is not None else None,
        validate=stage.validate,
        about=about,
        show=show,
    )


def _require_own(stage: Stage, model: Path) -> None:
    """Refuse a network that another stage, or another method, has left in a stage's folder."""
    found = read_description(model)
    name, method = found["facts"].get("stage"), found["method"]
    if (name, method) != (stage.name, config_name(stage.method)):
        raise InputError(
            file=model / CONFIG,
            field="stage",
            expected=f"{stage.name} of {config_name(stage.method)}, from which the next stage starts",
            found=f"{name} of {method}",
            remedy=f"Put the network back that this stage made, or delete {model} to train it again.",
        )


def fitting_weights(method: Buildable, model: Path, *, whole: bool = False) -> dict[str, Tensor]:
    """Weights of a trained network for another: those with a name and shape that it has.

    Args:
        method: configuration of the network that is to start from them.
        model: folder of the trained network.
        whole: all of them must fit.

    Raises:
        InputError: none fits, or not all do; or the folder holds no network.
    """
    with torch.device("meta"):
        ours = method.build().state_dict()
    found = load_tensors(model / WEIGHTS)
    require_finite(found, model / WEIGHTS)
    if whole:
        require_alike(ours, found, model / WEIGHTS)
    taken = {name: tensor for name, tensor in found.items() if name in ours and tensor.shape == ours[name].shape}
    if not taken:
        raise InputError(
            file=model / WEIGHTS,
            field="parameters",
            expected=f"some that fit {type(method).__name__}",
            found=f"{len(found)}, none of which does",
            remedy="Let stages that follow each other share a part of their networks.",
        )
    return taken


def _copy(source: Path, target: Path) -> None:
    """Copy a folder; the copy is complete or absent."""
    unfinished = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    with writing(target):
        shutil.copytree(source, unfinished)
        os.replace(unfinished, target)
