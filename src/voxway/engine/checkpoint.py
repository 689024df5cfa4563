"""Checkpoints of a run in progress: everything that the next step depends on, complete or absent."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from voxway.core.errors import InputError
from voxway.core.files import Json, listed, read_json, write_json, writing
from voxway.engine.ema import MovingAverage
from voxway.engine.model_files import load_tensors, load_weights, require_alike, save_tensors
from voxway.engine.teaching.teacher import Teacher

logger = logging.getLogger(__name__)

_UNFINISHED = ".unfinished-"
"""How names of folders begin that are being made or removed; what follows names host and process, so that two that
write at once do not meet."""
_ANEW = "Delete the run's folder `checkpoints`, and the same command begins anew."


@dataclass
class TrainingState:
    """What a checkpoint holds. Random numbers need no state: every micro-batch draws from a seed of its own."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    average: MovingAverage | None
    teacher: Teacher | None = None
    step: int = 0
    """Steps done."""
    best: float = -1.0
    """Best validation mIoU so far."""

    def after_step(self, step: int) -> None:
        """Step number `step` is done: averages take in the new weights."""
        if self.average is not None:
            self.average.update(self.network, step)
        if self.teacher is not None:
            self.teacher.after_step(self.network, step)
        self.step = step + 1

    def weights(self) -> dict[str, Tensor]:
        """What is evaluated and saved: the average where there is one."""
        return self.average.state if self.average is not None else self.network.state_dict()

    def save(self, folder: Path, keep: int) -> None:
        """Write ``folder/step-NNNNNNNN`` by renaming a finished folder into place; then remove all but `keep`.

        Raises:
            OutputError: the folder cannot be written to.
        """
        unfinished = folder / f"{_UNFINISHED}{socket.gethostname()}-{os.getpid()}"
        path = folder / f"step-{self.step:08d}"
        try:
            self._write(unfinished)
            with writing(path):
                _put(unfinished, path)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        for old in _checkpoints(folder)[:-keep]:
            _remove(old)

    def _write(self, folder: Path) -> None:
        save_tensors(folder / "model.safetensors", self.network.state_dict())
        save_tensors(folder / "optimizer.safetensors", self._optimizer_tensors())
        if self.average is not None:
            save_tensors(folder / "average.safetensors", self.average.state)
        taught = self.teacher.state() if self.teacher else {}
        if taught:
            save_tensors(folder / "teacher.safetensors", taught)
        write_json(folder / "state.json", {"step": self.step, "best": self.best})

    def resume(self, folder: Path) -> bool:
        """Continue from the newest checkpoint that is whole; False if there is none at all.

        Raises:
            InputError: none is whole, or the newest that is belongs to another configuration.
        """
        for leftover in listed(folder):
            if leftover.name.startswith(_UNFINISHED):
                shutil.rmtree(leftover, ignore_errors=True)
        damaged: list[InputError] = []
        for path in reversed(_checkpoints(folder)):
            try:
                found = self._read(path)
            except InputError as error:
                logger.warning("%s is not whole (%s: found %s)", path.name, Path(error.file).name, error.found)
                damaged.append(error)
                continue
            self._load(path, *found)
            return True
        if damaged:
            raise damaged[0]
        return False

    def _read(self, path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Json]]:
        """Everything that a checkpoint holds, before anything is changed.

        Raises:
            InputError: a file is absent, damaged, or holds something else.
        """
        names = ["model", "optimizer"]
        names += ["average"] if self.average is not None else []
        names += ["teacher"] if self.teacher is not None and self.teacher.state() else []
        found = {name: load_tensors(path / f"{name}.safetensors") for name in names}
        content = read_json(path / "state.json", _ANEW)
        if not isinstance(content, dict) or not {"step", "best"} <= content.keys():
            raise InputError(
                file=path / "state.json", field="contents", expected="step and best", found=content, remedy=_ANEW
            )
        return found, content

    def _load(self, path: Path, found: Mapping[str, dict[str, Tensor]], content: Mapping[str, Json]) -> None:
        load_weights(self.network, found["model"], path / "model.safetensors")
        self._load_optimizer(found["optimizer"], path / "optimizer.safetensors")
        if self.average is not None:
            require_alike(self.average.state, found["average"], path / "average.safetensors")
            self.average.load(found["average"])
        if self.teacher is not None and "teacher" in found:
            require_alike(self.teacher.state(), found["teacher"], path / "teacher.safetensors")
            self.teacher.load_state(found["teacher"])
        self.step, self.best = content["step"], content["best"]

    def _named_parameters(self) -> dict[str, Tensor]:
        own = {id(p) for group in self.optimizer.param_groups for p in group["params"]}
        return {name: p for name, p in self.network.named_parameters() if id(p) in own}

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        return {
            f"{kind}:{name}": value
            for name, parameter in self._named_parameters().items()
            for kind, value in self.optimizer.state.get(parameter, {}).items()
        }

    def _load_optimizer(self, tensors: dict[str, Tensor], source: Path) -> None:
        parameters = self._named_parameters()
        for key, value in tensors.items():
            kind, _, name = key.partition(":")
            if name not in parameters:
                raise InputError(
                    file=source, field="parameters", expected="those of the network", found=name, remedy=_ANEW
                )
            parameter = parameters[name]
            # Step counters stay on the CPU, as a fresh optimizer keeps them.
            self.optimizer.state[parameter][kind] = value if kind == "step" else value.to(parameter.device)


def _checkpoints(folder: Path) -> list[Path]:
    return [path for path in listed(folder) if re.fullmatch(r"step-\d{8}", path.name)]


def _put(unfinished: Path, path: Path) -> None:
    """Rename a folder onto its place; another one that stands there, or is put there meanwhile, is removed."""
    while True:
        try:
            os.replace(unfinished, path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            _remove(path)
        else:
            return


def _remove(path: Path) -> None:
    """Remove a checkpoint; whoever looks meanwhile, or after this was killed, sees all of it or nothing."""
    hidden = path.with_name(f"{_UNFINISHED}{path.name}-{socket.gethostname()}-{os.getpid()}")
    with suppress(FileNotFoundError):
        path.rename(hidden)
    shutil.rmtree(hidden, ignore_errors=True)
