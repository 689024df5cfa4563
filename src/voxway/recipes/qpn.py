"""Recipes of the query proposal network."""

from __future__ import annotations

from pathlib import Path

from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.engine.schedule import Schedule
from voxway.engine.train import TrainConfig
from voxway.recipes.networks.qpn import QPN_MONOOCC
from voxway.recipes.recipe import Recipe

_NEEDS = frozenset({"pseudo", "target"})
_BATCH = 4
_EPOCHS = 24


def qpn(root: Path) -> Recipe:
    """The proposal network as MonoOcc trains it: 24 epochs, batch 4, AdamW 2e-4, cosine by epoch, 500 steps of warm-up.

    Pseudo points default to stereo, ten sweeps; those of published archives are used with ``data.prepared.pseudo``.
    """
    epoch = (SEMANTIC_KITTI.splits["train"].frames or 0) // _BATCH
    return Recipe(
        method=QPN_MONOOCC,
        data=SemanticKITTIConfig(root=root, needs=_NEEDS),
        train=TrainConfig(
            steps=_EPOCHS * epoch,
            batch=_BATCH,
            schedule=Schedule(warmup_steps=500, hold_steps=epoch),
            checkpoint_every=epoch,
            workers=4,
        ),
    )


def qpn_world(root: Path) -> Recipe:
    """The same network on the synthetic world, trained in minutes on two cores."""
    return Recipe(
        method=QPN_MONOOCC,
        data=SemanticKITTIConfig(root=root, needs=_NEEDS, partial=True),
        train=TrainConfig(
            steps=200,
            learning_rate=2e-3,
            schedule=Schedule(warmup_steps=20, final_factor=0.01),
            checkpoint_every=100,
        ),
    )
