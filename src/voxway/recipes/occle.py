"""Recipes of OccLE: three stages, each from the last one's weights. Steps, rates and stages are our reading of it.

A tenth of the annotated frames keeps its voxel labels, evenly spread; the others' label files are never opened.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from voxway.data.config import DataConfig
from voxway.data.nuscenes.config import Occ3DNuScenesConfig
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.engine.schedule import Schedule
from voxway.engine.train import TrainConfig
from voxway.methods.occle import OccLEConfig
from voxway.methods.occle.supervision import Stage
from voxway.recipes.networks.occle import OCCLE_EFFB7, OCCLE_LITE, OCCLE_R50, OCCLE_R50_OCC3D, SMALL, SMALL_OCC3D
from voxway.recipes.recipe import Recipe, StagedRecipe

SHARE = "1/10"
"""Of annotated frames that keep their voxel labels (paper)."""
_SEEN = frozenset({"images", "points"})
_NEEDS: dict[Stage, frozenset[str]] = {
    "semantic": frozenset({"pseudo_labels"}),
    "geometry": frozenset({"target", "evidence"}),
    "all": frozenset({"target", "evidence", "pseudo_labels"}),
}
_LABELLED_VISITS = "1/2"
"""Of the frames that are looked at, those with labels, in the stages that learn from labels."""
_STEPS: dict[Stage, int] = {"semantic": 15_000, "geometry": 15_000, "all": 25_000}


def staged(method: OccLEConfig, data: DataConfig, train: dict[Stage, TrainConfig], pseudo: str | None) -> StagedRecipe:
    """Three stages of one network on the same frames.

    Args:
        method: the network, of whatever stage.
        data: frames and which of them keep labels; what stages read besides images and points is added.
        train: optimisation of each stage.
        pseudo: what pseudo-labels are made from where none are stored.
    """
    sources = {} if pseudo is None else {"pseudo_labels": pseudo}
    seen = _SEEN | (frozenset({"pose"}) if method.frames > 1 else frozenset())
    earlier = tuple(range(1, method.frames))
    return StagedRecipe(
        stages={
            stage: Recipe(
                method=replace(method, stage=stage, pretrained=method.pretrained and stage == "semantic"),
                data=replace(data, needs=seen | needs, earlier=earlier),
                train=train[stage],
                sources=sources,
                class_counts="comparable" if stage == "semantic" else "labelled",
            )
            for stage, needs in _NEEDS.items()
        }
    )


def _published_size() -> dict[Stage, TrainConfig]:
    """As usual in this family: AdamW, a twentieth of the steps of warm-up, cosine decay, four frames a step."""
    return {
        stage: TrainConfig(
            steps=steps,
            batch=4,
            learning_rate=3e-4 if stage == "all" else 2e-4,
            clip_norm=10.0 if stage == "all" else 35.0,
            labelled_visits=None if stage == "semantic" else _LABELLED_VISITS,
            schedule=Schedule(warmup_steps=steps // 20, warmup_factor=0.04, final_factor=1e-4),
            checkpoint_every=500,
            workers=4,
        )
        for stage, steps in _STEPS.items()
    }


def occle(root: Path, method: OccLEConfig = OCCLE_R50, share: str | None = SHARE) -> StagedRecipe:
    """Our reading of OccLE on SemanticKITTI. Pseudo-labels lie in a folder that ``--set
    stages.semantic.data.prepared.pseudo_labels=FOLDER`` names, and likewise for the last stage."""
    data = SemanticKITTIConfig(root=root, image_px=(384, 1280), labelled_share=share, labelled_by="frames")
    return staged(replace(method, pretrained=True), data, _published_size(), None)


def occle_effb7(root: Path) -> StagedRecipe:
    """The same with EfficientNet-B7."""
    return occle(root, OCCLE_EFFB7)


def occle_lite(root: Path) -> StagedRecipe:
    """A narrower one of one frame, whose ImageNet weights an ordinary package carries."""
    return occle(root, OCCLE_LITE)


def occle_occ3d(root: Path, share: str | None = SHARE) -> StagedRecipe:
    """Our reading of OccLE on Occ3D-nuScenes."""
    data = Occ3DNuScenesConfig(root=root, labelled_share=share, labelled_by="frames")
    return staged(replace(OCCLE_R50_OCC3D, pretrained=True), data, _published_size(), None)


def _world_steps() -> dict[Stage, TrainConfig]:
    """Few steps for the branches, which go on to learn at full rate in the last stage. A labelled frame and one without
    labels make a step: taken in turn, one of each a step, they pulled apart, and labels alone did better."""
    steps: dict[Stage, int] = {"semantic": 40, "geometry": 40, "all": 400}
    return {
        stage: TrainConfig(
            steps=count,
            batch=2,
            micro_batch=2,
            learning_rate=2e-3,
            clip_norm=10.0,
            labelled_visits=None if stage == "semantic" else _LABELLED_VISITS,
            schedule=Schedule(warmup_steps=10, final_factor=0.01),
            checkpoint_every=60,
        )
        for stage, count in steps.items()
    }


def occle_world(root: Path, share: str | None = SHARE) -> StagedRecipe:
    """A small OccLE on the synthetic world, whose pseudo-labels a stand-in for segmentation networks makes. The world
    must have been written with the class of every pixel."""
    data = SemanticKITTIConfig(root=root, image_px=(128, 416), labelled_share=share, labelled_by="frames", partial=True)
    return staged(SMALL, data, _world_steps(), "world")


def occle_world_occ3d(root: Path, share: str | None = SHARE) -> StagedRecipe:
    """The same on a synthetic world in nuScenes' files with Occ3D's labels."""
    data = Occ3DNuScenesConfig(root=root, image_px=(96, 256), labelled_share=share, labelled_by="frames", partial=True)
    return staged(SMALL_OCC3D, data, _world_steps(), "world")


def occle_overfit(root: Path) -> Recipe:
    """A small OccLE that learns two real frames by heart, from labels and LiDAR's rays in one stage without any
    pseudo-labels: the check that data, network and loss fit together.

    `root` is a folder as SemanticKITTI has it, or with targets in ``derived/SS_FFFFFF.npz`` instead of voxel files.
    """
    derived, world = root / "derived", occle_world(root, None).stages["all"]
    assert isinstance(world.method, OccLEConfig)
    rays_alone = replace(world.method.supervision, projection=0.0, semantic_share=0.0, predicted_labels=0.0)
    return replace(
        world,
        method=replace(world.method, supervision=rays_alone),
        data=SemanticKITTIConfig(
            root=root,
            keys=("00/000000", "08/000000"),
            targets=derived if derived.is_dir() else None,
            image_px=(192, 640),
            needs=_SEEN | _NEEDS["geometry"],
        ),
        train=TrainConfig(
            steps=200, learning_rate=2e-3, clip_norm=10.0, schedule=Schedule(warmup_steps=10, final_factor=0.01)
        ),
        sources={},
    )
