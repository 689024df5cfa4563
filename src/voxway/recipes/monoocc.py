"""Recipes of MonoOcc."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.engine.schedule import Schedule
from voxway.engine.train import TrainConfig
from voxway.methods.monoocc import MonoOccConfig
from voxway.recipes.networks.monoocc import MONOOCC_L, MONOOCC_S, SMALL
from voxway.recipes.recipe import Recipe

_NEEDS = frozenset({"images", "proposals", "target", "semantics_2d"})
_BATCH = 4
_EPOCHS = 20


def monoocc_s(root: Path) -> Recipe:
    """MonoOcc-S, the student of the paper (Table II: semantic loss and image-conditioned attention, no teacher).

    20 epochs, batch 4, AdamW 2e-4, cosine by epoch, 500 steps of warm-up (released configuration). Proposals default
    to stereo; published archives of queries are used with ``data.prepared.proposals``.
    """
    frames = SEMANTIC_KITTI.splits["train"].frames or 0
    epoch = frames // _BATCH
    return Recipe(
        method=replace(MONOOCC_S, pretrained=True),
        data=SemanticKITTIConfig(root=root, needs=_NEEDS),
        train=TrainConfig(
            steps=_EPOCHS * epoch,
            batch=_BATCH,
            schedule=Schedule(warmup_steps=500, hold_steps=epoch),
            checkpoint_every=epoch,
            evaluate_every=epoch,
            workers=4,
        ),
        sources={"proposals": "stereo"},
    )


def monoocc_s_released(root: Path) -> Recipe:
    """The released S configuration, whose switches are off: VoxFormer-S (Table II, row 1)."""
    return monoocc_table_2(root, 1)


def monoocc_l(root: Path) -> Recipe:
    """MonoOcc-L: InternImage-XL, trained like the student. Its segmentation pre-training was never published."""
    plain = monoocc_s(root)
    return replace(plain, method=MONOOCC_L)


_TEMPORAL = (3, 6, 9, 12)
"""Scans before the key frame that teachers see. Unpublished; VoxFormer-T's, whose code path this is."""


def monoocc_teacher(root: Path, method: MonoOccConfig = MONOOCC_L) -> Recipe:
    """The privileged branch: five frames that look at one another. Trained first, by the student's schedule.

    Number and distance of its frames and its schedule are not published. Students name it with ``--teacher``, or its
    features, which `voxway prepare teacher` writes.
    """
    plain = monoocc_s(root)
    return replace(
        plain,
        method=replace(method, frames=1 + len(_TEMPORAL), cross_view=True),
        data=replace(plain.data, needs=_NEEDS | {"pose"}, earlier=_TEMPORAL),
    )


TABLE_II = MappingProxyType({
    1: (False, False, False),
    2: (True, False, False),
    3: (False, True, False),
    4: (False, False, True),
    5: (True, True, False),
    6: (True, False, True),
    7: (False, True, True),
    8: (True, True, True),
    9: (True, True, True),
})  # fmt: skip
"""Rows of the paper's ablation: 2D semantic loss, teacher, image-conditioned cross-attention. Row 8 has the teacher
with ResNet-50, row 9 the one with InternImage-XL, as have rows 3, 5 and 7."""


def with_parts(plain: Recipe, semantics: bool, teacher: bool, image_attention: bool) -> Recipe:
    """A recipe of a student with or without each of the paper's parts."""
    method, data = plain.method, plain.data
    assert isinstance(method, MonoOccConfig)
    method = replace(method, semantics_2d=semantics, image_layers=method.image_layers if image_attention else 0)
    needs = data.needs | {"semantics_2d"} if semantics else data.needs - {"semantics_2d"}
    return replace(plain, method=method, data=replace(data, needs=needs), taught=teacher)


def monoocc_table_2(root: Path, row: int) -> Recipe:
    """A row of the paper's Table II; those with a teacher take it from ``--teacher``."""
    return with_parts(monoocc_s(root), *TABLE_II[row])


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
        sources={"proposals": "lidar"},
    )


_WORLD_FRAMES = (5, 10)
"""Scans before the key frame that the small teacher sees; the world has pictures of every fifth."""


def monoocc_world_teacher(root: Path) -> Recipe:
    """The small privileged branch: three frames that look at one another."""
    plain = monoocc_world(root)
    return replace(
        plain,
        method=replace(SMALL, frames=1 + len(_WORLD_FRAMES), cross_view=True),
        data=replace(plain.data, needs=_NEEDS | {"pose"}, earlier=_WORLD_FRAMES),
    )


def monoocc_world_student(root: Path) -> Recipe:
    """The small student of that teacher, with all of the paper's parts."""
    return replace(monoocc_world(root), taught=True)


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
        sources={"proposals": "lidar"},
    )
