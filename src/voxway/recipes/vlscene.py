"""Recipes of VLScene."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.engine.schedule import Schedule
from voxway.engine.train import TrainConfig
from voxway.methods.vlscene import VLSceneConfig
from voxway.recipes.networks.vlscene import SMALL, VLSCENE
from voxway.recipes.recipe import Recipe
from voxway.recipes.teachers.lseg import LSegConfig

_SEEN = frozenset({"images", "T_rect_ego", "target", "depth"})
_POINTS = frozenset({"points", "point_labels"})
_BATCH = 4
"""The configuration says 2 per process, and nothing of how many processes there were."""
_EPOCHS = 30


def vlscene(root: Path) -> Recipe:
    """VLScene on SemanticKITTI with its vision-language teacher, whose file ``--set teacher.weights=FILE`` names.

    30 epochs, AdamW 1e-4, a tenth of it from epochs 20 and 25 on (released configuration).
    """
    epoch = (SEMANTIC_KITTI.splits["train"].frames or 0) // _BATCH
    return Recipe(
        method=replace(VLSCENE, pretrained=True),
        data=SemanticKITTIConfig(root=root, cameras=(2, 3), image_px=(384, 1280), needs=_SEEN | _POINTS),
        train=TrainConfig(
            steps=_EPOCHS * epoch,
            batch=_BATCH,
            micro_batch=2,
            learning_rate=1e-4,
            clip_norm=5.0,
            schedule=Schedule(kind="step", decay_steps=(20 * epoch, 25 * epoch)),
            checkpoint_every=epoch,
            evaluate_every=epoch,
            workers=4,
        ),
        teacher=LSegConfig(weights=Path("demo_e200.ckpt")),
    )


def vlscene_alone(root: Path) -> Recipe:
    """The same without a teacher."""
    guided = vlscene(root)
    assert isinstance(guided.method, VLSceneConfig)
    return replace(guided, method=replace(guided.method, guidance=None), teacher=None)


def vlscene_world(root: Path) -> Recipe:
    """A small VLScene on the synthetic world, trained from nothing in minutes on two cores."""
    return Recipe(
        method=SMALL,
        data=SemanticKITTIConfig(root=root, cameras=(2, 3), image_px=(128, 416), needs=_SEEN, partial=True),
        train=TrainConfig(
            steps=360,
            learning_rate=2e-3,
            schedule=Schedule(warmup_steps=20, final_factor=0.01),
            average_decay=0.99,
            checkpoint_every=90,
        ),
    )


def vlscene_overfit(root: Path) -> Recipe:
    """A small VLScene that learns two real pairs by heart: the check that data, network and loss fit together.

    `root` is a folder as SemanticKITTI has it, or with targets in ``derived/SS_FFFFFF.npz`` instead of voxel files.
    """
    derived, world = root / "derived", vlscene_world(root)
    return replace(
        world,
        data=SemanticKITTIConfig(
            root=root,
            cameras=(2, 3),
            keys=("00/000000", "08/000000"),
            targets=derived if derived.is_dir() else None,
            image_px=(192, 640),
            needs=_SEEN,
        ),
        train=TrainConfig(steps=200, learning_rate=2e-3, schedule=Schedule(warmup_steps=10, final_factor=0.01)),
    )
