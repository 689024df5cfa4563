"""Checkpoints of a run in progress: everything that the next step depends on, complete or absent."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from voxway.core.files import read_json, write_json, writing
from voxway.engine.ema import MovingAverage
from voxway.engine.model_files import load_tensors, load_weights, require_alike, save_tensors
from voxway.engine.teaching.teacher import Teacher


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
        """Write ``folder/step-NNNNNNNN`` by renaming a finished folder into place; then remove all but `keep`."""
        unfinished = folder / ".unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        save_tensors(unfinished / "model.safetensors", self.network.state_dict())
        save_tensors(unfinished / "optimizer.safetensors", self._optimizer_tensors())
        if self.average is not None:
            save_tensors(unfinished / "average.safetensors", self.average.state)
        taught = self.teacher.state() if self.teacher else {}
        if taught:
            save_tensors(unfinished / "teacher.safetensors", taught)
        write_json(unfinished / "state.json", {"step": self.step, "best": self.best})
        path = folder / f"step-{self.step:08d}"
        shutil.rmtree(path, ignore_errors=True)
        with writing(path):
            os.replace(unfinished, path)
        for old in _checkpoints(folder)[:-keep]:
            shutil.rmtree(old, ignore_errors=True)

    def resume(self, folder: Path) -> bool:
        """Continue from the newest checkpoint; False if there is none.

        Raises:
            InputError: it is damaged, or belongs to another configuration.
        """
        found = _checkpoints(folder)
        if not found:
            return False
        newest = found[-1]
        load_weights(self.network, load_tensors(newest / "model.safetensors"), newest / "model.safetensors")
        self._load_optimizer(load_tensors(newest / "optimizer.safetensors"))
        if self.average is not None:
            self.average.load(load_tensors(newest / "average.safetensors"))
        self._load_teacher(newest / "teacher.safetensors")
        content = read_json(newest / "state.json")
        self.step, self.best = content["step"], content["best"]
        return True

    def _load_teacher(self, path: Path) -> None:
        own = self.teacher.state() if self.teacher else {}
        if self.teacher is not None and own:
            state = load_tensors(path)
            require_alike(own, state, path)
            self.teacher.load_state(state)

    def _named_parameters(self) -> dict[str, Tensor]:
        own = {id(p) for group in self.optimizer.param_groups for p in group["params"]}
        return {name: p for name, p in self.network.named_parameters() if id(p) in own}

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        return {
            f"{kind}:{name}": value
            for name, parameter in self._named_parameters().items()
            for kind, value in self.optimizer.state.get(parameter, {}).items()
        }

    def _load_optimizer(self, tensors: dict[str, Tensor]) -> None:
        parameters = self._named_parameters()
        for key, value in tensors.items():
            kind, _, name = key.partition(":")
            parameter = parameters[name]
            # Step counters stay on the CPU, as a fresh optimizer keeps them.
            self.optimizer.state[parameter][kind] = value if kind == "step" else value.to(parameter.device)


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-????????"))
