"""Recipes of VLScene."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.data.kitti360.config import KITTI360Config
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.engine.schedule import Schedule
from voxway.engine.train import TrainConfig
from voxway.methods.vlscene import VLSceneConfig
from voxway.methods.vlscene.guidance import GuidanceConfig
from voxway.recipes.networks.vlscene import SMALL, SMALL_KITTI360, VLSCENE, VLSCENE_KITTI360
from voxway.recipes.recipe import Recipe
from voxway.recipes.teachers.lseg import LSegConfig
from voxway.recipes.teachers.stand_in import StandInConfig

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


_KITTI360_BATCH, _KITTI360_EPOCHS = 4, 25


def vlscene_kitti360(root: Path) -> Recipe:
    """VLScene on SSCBench-KITTI-360 at full width, with 8 black rows on top: 25 epochs, a tenth of the rate from epochs
    20 and 24 on, as the authors' later network. Validated on drive 6, never on the test drive.
    """
    epoch = (SSCBENCH_KITTI360.splits["train"].frames or 0) // _KITTI360_BATCH
    plain = vlscene(root)
    return replace(
        plain,
        method=replace(VLSCENE_KITTI360, pretrained=True),
        data=KITTI360Config(root=root, cameras=(0, 1), image_px=(384, 1408), needs=_SEEN),
        train=replace(
            plain.train,
            steps=_KITTI360_EPOCHS * epoch,
            batch=_KITTI360_BATCH,
            schedule=Schedule(kind="step", decay_steps=(20 * epoch, 24 * epoch)),
            checkpoint_every=epoch,
            evaluate_every=epoch,
        ),
    )


def without_guidance(guided: Recipe) -> Recipe:
    """A recipe without its vision-language teacher."""
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


def with_stand_in(plain: Recipe) -> Recipe:
    """A recipe of the synthetic world with language guidance by a stand-in, which is no vision-language network
    (`voxway.recipes.teachers.stand_in`). The world must have been written with the class of every pixel."""
    assert isinstance(plain.method, VLSceneConfig)
    task = plain.method.task
    teacher = StandInConfig(words=task.classes, sky=task.free)
    guidance = GuidanceConfig(words=len(teacher.words), features=teacher.features, hidden=64)
    method = replace(plain.method, guidance=guidance)
    return replace(plain, method=method, teacher=teacher, sources={**plain.sources, "pseudo_labels": "world"})


def vlscene_world_kitti360(root: Path) -> Recipe:
    """The same on a synthetic world in SSCBench-KITTI-360's files."""
    data = KITTI360Config(root=root, cameras=(0, 1), image_px=(112, 416), needs=_SEEN, partial=True)
    return replace(vlscene_world(root), method=SMALL_KITTI360, data=data)


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
