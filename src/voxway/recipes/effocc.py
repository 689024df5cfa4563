"""Recipes of EFFOcc: fusion networks, camera baselines and students, on all labels or on few."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.nuscenes.config import Occ3DNuScenesConfig, OpenOccupancyConfig
from voxway.data.steps.augment import Augment
from voxway.data.waymo.config import Occ3DWaymoConfig
from voxway.engine.schedule import Schedule
from voxway.engine.train import TrainConfig
from voxway.methods.effocc import EffOccConfig
from voxway.methods.effocc.distillation import Distillation
from voxway.methods.effocc.supervision import Supervision
from voxway.recipes.networks.effocc import (
    FLASHOCC_R50,
    FUSION_R18,
    FUSION_R50,
    FUSION_SWIN_B,
    OCC3D_NUSCENES_WEIGHTS,
    OPENOCCUPANCY_R18,
    SMALL_CAMERA,
    SMALL_FUSION,
    SMALL_LIDAR,
    STUDENT_R50,
    WAYMO_LIDAR,
    WAYMO_R18,
)
from voxway.recipes.recipe import Recipe

_GPUS = 8
_LIDAR = frozenset({"points", "target"})
_CAMERA = frozenset({"images", "target"})
_FUSION = frozenset({"images", "points", "depth", "target"})
_WAYMO_FRAMES = 158_081
"""Frames of Waymo's training split."""
_SCENES = OCC3D_NUSCENES.splits["train"].scenes or 0
_FRAMES = OCC3D_NUSCENES.splits["train"].frames or 0
SHARES = (5, 10, 20, 40, 60, 80)
"""Percentages of labelled scenes, besides all of them, for which there are recipes."""


def _schedule(epochs: int, per_gpu: int, rate: float, frames: int | float) -> TrainConfig:
    """The published optimisation: AdamW, 200 steps of warm-up, a tenth of the rate from epoch 24 on, averaged weights.

    Args:
        epochs: passes over the data.
        per_gpu: samples that pass through the network together; eight of those make a batch.
        rate: learning rate.
        frames: of the data.
    """
    batch = per_gpu * _GPUS
    epoch = max(round(frames / batch), 1)
    return TrainConfig(
        steps=epochs * epoch,
        batch=batch,
        micro_batch=per_gpu,
        learning_rate=rate,
        clip_norm=5.0,
        schedule=Schedule(kind="step", warmup_steps=200, warmup_factor=0.001, decay_steps=(24 * epoch,)),
        average_decay=0.999,
        average_start=10_560,
        checkpoint_every=epoch,
        workers=4,
    )


def _occ3d(root: Path, needs: frozenset[str], percent: int = 100) -> Occ3DNuScenesConfig:
    """Occ3D-nuScenes with the published augmentation; of few labels, all scenes are read and some supervise."""
    labelled = None if percent == 100 else _SCENES * percent // 100
    return Occ3DNuScenesConfig(root=root, needs=needs, labelled=labelled, augment=Augment())


def fusion(root: Path, percent: int = 100, method: EffOccConfig = FUSION_R18) -> Recipe:
    """The fusion network, which is also the teacher: trained on the labelled scenes and nothing else."""
    epochs, rate = {5: (24, 1e-4), 10: (48, 1e-4)}.get(percent, (48, 4e-4))
    data = _occ3d(root, _FUSION, percent)
    return Recipe(
        method=replace(method, pretrained=True),
        data=replace(data, only_labelled=percent < 100),
        train=_schedule(epochs, 8, rate, _FRAMES * percent / 100),
    )


def fusion_swin_b(root: Path) -> Recipe:
    """The largest fusion network, on images of 512 x 1408. Published from ImageNet-22k weights: ``--start``."""
    data = replace(_occ3d(root, _FUSION), image_px=(512, 1408))
    return Recipe(method=FUSION_SWIN_B, data=data, train=_schedule(48, 4, 4e-4, _FRAMES))


def flashocc(root: Path, percent: int = 100) -> Recipe:
    """The camera network without a teacher, on the labelled scenes.

    The published 32.01 starts from a detector's weights, ``--start bevdet-r50-cbgs.pth``; from ImageNet it is 30.07.
    """
    per_gpu = 4 if percent in (10, 20, 100) else 16
    data = replace(_occ3d(root, _CAMERA, percent), only_labelled=percent < 100)
    method = replace(FLASHOCC_R50, pretrained=True)
    return Recipe(method=method, data=data, train=_schedule(24, per_gpu, 1e-4, _FRAMES * percent / 100))


def student(root: Path, percent: int = 100) -> Recipe:
    """The camera network that follows a teacher on all scenes and the labels of some; image backbone from ImageNet.

    The teacher must have been trained on the same percentage, whose scenes are drawn alike: `fusion`.
    """
    per_gpu, rate = {5: (8, 2e-4), 10: (8, 2e-4), 20: (8, 2e-4), 80: (8, 1e-4)}.get(percent, (4, 1e-4))
    return Recipe(
        method=replace(STUDENT_R50, pretrained=True),
        data=_occ3d(root, _CAMERA, percent),
        train=_schedule(24, per_gpu, rate, _FRAMES),
        taught=True,
    )


def student_long(root: Path) -> Recipe:
    """The paper's best student: all labels, 48 epochs at a higher rate. Published from a detector's weights: pass
    ``--start bevdet-r50-cbgs.pth``."""
    return replace(student(root), train=_schedule(48, 8, 4e-4, _FRAMES))


def openoccupancy(root: Path, backbone: str = "resnet18") -> Recipe:
    """The fusion network on OpenOccupancy. Published from a detector's weights (R18), ``--start``."""
    camera = OPENOCCUPANCY_R18.camera
    assert camera is not None
    method = replace(OPENOCCUPANCY_R18, camera=replace(camera, backbone=backbone), pretrained=True)
    return Recipe(
        method=method,
        data=OpenOccupancyConfig(root=root, needs=_FUSION, image_px=(512, 1408), augment=Augment()),
        train=_schedule(24 if backbone == "resnet18" else 15, 2, 1e-4, _FRAMES),
    )


def waymo(root: Path, method: EffOccConfig = WAYMO_R18, every: int = 1) -> Recipe:
    """Occ3D-Waymo: single scans; `every` 5 is the paper's fifth of the frames, for which it trains 8 epochs."""
    fifth = every == 5
    if method.camera is None and fifth:
        # Of LiDAR alone, the run on all frames has plain cross-entropy and that on a fifth mines hard examples.
        method = replace(method, supervision=WAYMO_R18.supervision)
    return Recipe(
        method=replace(method, pretrained=method.camera is not None),
        data=Occ3DWaymoConfig(root=root, needs=_FUSION if method.camera else _LIDAR, augment=Augment(), every=every),
        train=_schedule(8 if fifth else 24, 2, 1e-4, _WAYMO_FRAMES / every),
    )


WORLD_IMAGE_PX = (64, 176)
"""Images of the small siblings."""


def _small(root: Path, method: EffOccConfig, needs: frozenset[str], labelled: int | None = None) -> Recipe:
    """A small network on the synthetic world, trained from nothing in minutes on a processor.

    The paper's variant with four losses: in so few steps cross-entropy alone finds the road and free space. Together
    they are about sixteen times as large, and what a teacher says is weighed to match.
    """
    supervision = Supervision(terms="four", masks=OCC3D_NUSCENES.masks, class_weights=OCC3D_NUSCENES_WEIGHTS)
    return Recipe(
        method=replace(method, supervision=supervision, distillation=Distillation(ratio=16.0)),
        data=Occ3DNuScenesConfig(
            root=root,
            needs=needs,
            image_px=WORLD_IMAGE_PX,
            sweeps=4,
            sweep_choice="nearest",
            labelled=labelled,
            partial=True,
            augment=Augment(scale=(-0.03, 0.05), rotation_deg=(-2.0, 2.0)),
        ),
        train=TrainConfig(
            steps=250,
            batch=2,
            micro_batch=2,
            learning_rate=4e-3,
            clip_norm=5.0,
            schedule=Schedule(warmup_steps=20, final_factor=0.01),
            average_decay=0.99,
            checkpoint_every=100,
        ),
    )


def fusion_world(root: Path, labelled: int | None = None) -> Recipe:
    """The small fusion network; of few labels it sees the labelled scenes alone."""
    plain = _small(root, SMALL_FUSION, _FUSION)
    return replace(plain, data=replace(plain.data, labelled=labelled, only_labelled=labelled is not None))


def lidar_world(root: Path, labelled: int | None = None) -> Recipe:
    """The small network on LiDAR alone."""
    plain = _small(root, SMALL_LIDAR, _LIDAR)
    return replace(plain, data=replace(plain.data, labelled=labelled, only_labelled=labelled is not None))


def camera_world(root: Path, labelled: int | None = None) -> Recipe:
    """The small camera network without a teacher, on the labelled scenes."""
    plain = _small(root, SMALL_CAMERA, _CAMERA)
    return replace(plain, data=replace(plain.data, labelled=labelled, only_labelled=labelled is not None))


def student_world(root: Path, labelled: int | None = None) -> Recipe:
    """The small student: a teacher on all scenes, labels on some."""
    return replace(_small(root, SMALL_CAMERA, _CAMERA, labelled), taught=True)


def _few(build: Callable[..., Recipe], name: str) -> dict[str, Callable[[Path], Recipe]]:
    return {name: build} | {f"{name}-{percent}": partial(build, percent=percent) for percent in SHARES}


EFFOCC_RECIPES: Mapping[str, Callable[[Path], Recipe]] = {
    **_few(fusion, "effocc-fusion-r18"),
    "effocc-fusion-r50": partial(fusion, method=FUSION_R50),
    "effocc-fusion-swin-b": fusion_swin_b,
    **_few(flashocc, "flashocc-r50"),
    **_few(student, "effocc-student-r50"),
    "effocc-student-r50-long": student_long,
    "effocc-openoccupancy-r18": openoccupancy,
    "effocc-openoccupancy-r50": partial(openoccupancy, backbone="resnet50"),
    "effocc-waymo-r18": waymo,
    "effocc-waymo-r18-fifth": partial(waymo, every=5),
    "effocc-waymo-lidar": partial(waymo, method=WAYMO_LIDAR),
    "effocc-waymo-lidar-fifth": partial(waymo, method=WAYMO_LIDAR, every=5),
    "effocc-fusion-world": fusion_world,
    "effocc-lidar-world": lidar_world,
    "effocc-camera-world": camera_world,
    "effocc-student-world": student_world,
}
