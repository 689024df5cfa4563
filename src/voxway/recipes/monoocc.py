"""Recipes of MonoOcc."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from voxway.core.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.reader import SemanticKITTIConfig
from voxway.engine.schedule import Schedule
from voxway.engine.train import TrainConfig
from voxway.methods.monoocc import MonoOccConfig
from voxway.recipes.recipe import Recipe

_NEEDS = frozenset({"images", "proposals", "target", "semantics_2d"})
_BATCH = 4
_EPOCHS = 20


def monoocc_s(root: Path) -> Recipe:
    """MonoOcc-S, the student of the paper (Table II: semantic loss and image-conditioned attention, no teacher).

    20 epochs, batch 4, AdamW 2e-4, cosine by epoch, 500 steps of warm-up (released configuration). Proposals default
    to stereo; published archives of queries are used with ``data.proposals`` and ``data.proposals_tag``.
    """
    frames = SEMANTIC_KITTI.splits["train"].frames or 0
    epoch = frames // _BATCH
    return Recipe(
        method=MonoOccConfig(pretrained=True),
        data=SemanticKITTIConfig(root=root, needs=_NEEDS),
        train=TrainConfig(
            steps=_EPOCHS * epoch,
            batch=_BATCH,
            schedule=Schedule(warmup_steps=500, hold_steps=epoch),
            checkpoint_every=epoch,
            evaluate_every=epoch,
            workers=4,
        ),
        proposals="stereo",
    )


def monoocc_s_released(root: Path) -> Recipe:
    """The released S configuration, whose switches are off: VoxFormer-S (Table II, row 1)."""
    paper = monoocc_s(root)
    return replace(
        paper,
        method=replace(paper.method, semantics_2d=False, image_layers=0),
        data=replace(paper.data, needs=_NEEDS - {"semantics_2d"}),
    )


SMALL = MonoOccConfig(
    coarsening=(4, 4, 4),
    plane=(128, 256),
    width=64,
    heads=4,
    points=2,
    hidden=128,
    seed_layers=2,
    completion_layers=2,
    image_layers=1,
    backbone="resnet18",
    reduction=8,
    norm="group",
    frozen_stages=-1,
    dropout=0.0,
    query_start="position",
)
"""MonoOcc for a laptop: working voxels of 0.8 m, half the width, no ImageNet weights."""


def monoocc_world(root: Path) -> Recipe:
    """A small MonoOcc on the synthetic world, trained from nothing in minutes on two cores."""
    return Recipe(
        method=SMALL,
        data=SemanticKITTIConfig(root=root, needs=_NEEDS, partial=True),
        train=TrainConfig(
            steps=360,
            learning_rate=2e-3,
            schedule=Schedule(warmup_steps=20, final_factor=0.01),
            average_decay=0.99,
            checkpoint_every=90,
        ),
        proposals="lidar",
    )


def monoocc_overfit(root: Path) -> Recipe:
    """A small MonoOcc that learns a few real frames by heart: the check that data, network and loss fit together.

    `root` is a folder as SemanticKITTI has it, or with targets in ``derived/SS_FFFFFF.npz`` instead of voxel files.
    """
    derived = root / "derived"
    return Recipe(
        method=replace(SMALL, semantics_2d=False),
        data=SemanticKITTIConfig(
            root=root,
            keys=("00/000000", "03/000000", "08/000000", "08/000005"),
            targets=derived if derived.is_dir() else None,
            needs=_NEEDS - {"semantics_2d"},
        ),
        train=TrainConfig(steps=200, learning_rate=2e-3, schedule=Schedule(warmup_steps=10, final_factor=0.01)),
        proposals="lidar",
    )
