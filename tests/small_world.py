"""A synthetic world of three key frames and a network that trains on it in seconds; for tests of whole commands."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from voxway.cli import main
from voxway.world.layouts.semantickitti import WorldConfig

WORLD = WorldConfig(
    seed=3, sequences={"00": 2, "08": 1}, size_px=(93, 307), columns=256, truth_scans=5, tail=5
)  # fmt: skip

SETTINGS = (
    "method.coarsening=[8,8,8]",
    "method.plane=[64,64]",
    "method.width=16",
    "method.heads=2",
    "method.points=2",
    "method.hidden=16",
    "method.seed_layers=1",
    "method.completion_layers=1",
)
"""For ``--set``: the recipe's network, as small as it gets."""


def execute(*arguments: object) -> int:
    """Run a command in this process; its exit code."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert stop.value.code is None or isinstance(stop.value.code, int)
    return stop.value.code or 0


def train(root: Path, out: Path, *more: object, settings: Sequence[str] = SETTINGS) -> int:
    """Train the small network on a world; proposals are kept in the run's folder."""
    keep = ("--out", out, "--cache", out, "--device", "cpu")
    return execute("train", "monoocc-world", "--root", root, *keep, *more, "--set", *settings)


def linked(folder: Path, copy: Path) -> Path:
    """A copy that shares its files; replace them with `rewrite`, never write into them."""
    return Path(shutil.copytree(folder, copy, copy_function=os.link))


def rewrite(path: Path, data: bytes | str) -> Path:
    """Give a file of a linked copy other contents."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def leftovers(folder: Path) -> list[Path]:
    """Files that an interrupted or failed command left half-written."""
    return [path for path in folder.rglob(".*") if path.suffix == ".part"]


_SURROUND = (
    "data.image_px=[32,88]",
    "data.sweeps=1",
    "train.batch=1",
    "train.micro_batch=1",
    "method.bev_factor=8",
    "method.head_width=8",
)
_LIDAR = ("method.lidar.cell=[0.8,0.8,0.4]", "method.lidar.widths=[4,4,4]")


# At this width no lifted point of so few stands on the border of two voxels, where rounding decides.
_PAIR = (
    "data.image_px=[48,176]",
    "train.batch=1",
    "train.micro_batch=1",
    "method.width=8",
    "method.stereo_features=8",
    "method.stereo_groups=2",
    "method.sparse_widths=[8,8,8]",
    "method.head_width=8",
)


# One that starts from how often classes occur says free everywhere after a step, and there would be nothing to look at.
_STAGED = tuple(
    f"stages.{stage}.{setting}"
    for stage in ("semantic", "geometry", "all")
    for setting in ("data.image_px=[48,160]", "data.labelled_share=1/2", "method.class_prior=false")
)


def settings_for(name: str) -> tuple[str, ...]:
    """For ``--set``: a recipe of the synthetic world with its network as small as it gets."""
    if name.startswith("vlscene"):
        return _PAIR
    if name.startswith("occle"):
        return _STAGED
    if not name.startswith("effocc"):
        return SETTINGS
    return _SURROUND if name.endswith(("camera-world", "student-world")) else (*_SURROUND, *_LIDAR)


def train_surround(name: str, root: Path, out: Path, *more: object, settings: Sequence[str] = ()) -> int:
    """Train a small EFFOcc network for two steps."""
    keep = ("--out", out, "--device", "cpu", "--steps", "2")
    return execute("train", name, "--root", root, *keep, *more, "--set", *settings_for(name), *settings)
