"""Recipes of the box network, which learns on drives of rigs that have nothing in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from voxway.data.drives.config import DrivesConfig
from voxway.data.steps.augment import Augment
from voxway.data.steps.photometric import Photometric
from voxway.data.street import STREET
from voxway.engine.schedule import Schedule
from voxway.engine.train import TrainConfig
from voxway.methods.box import BoxConfig
from voxway.methods.shared.depth_bins import DepthBins
from voxway.recipes.recipe import Recipe, StagedRecipe

_NEEDS = frozenset({"images", "points", "depth", "target"})
_BATCH = 4
"""Drives in a step, each in a micro-batch of its own: they have unlike numbers of cameras."""

_RATES = {"camera.backbone": 0.1, "head": 10.0}
"""The head's few numbers have far to go: at the others' rate a short training fills half of the free space."""

_AUGMENT = Augment(photometric=Photometric(), points=(0.25, 1.0), flip_x=0.0)
"""Front and back keep their places: most rigs look ahead, and the grid reaches farther there."""


def box_world(root: Path) -> StagedRecipe:
    """The network of the box, on a world of layout ``rigs``; image backbone from ImageNet.

    All classes that the world's labels hold are weighed by how often they occur there.
    """
    return _staged(_whole(root), pretrained=True)


def _staged(whole: Recipe, pretrained: bool) -> StagedRecipe:
    """The camera branch alone first, from pixels, for a quarter of a whole step's time; then all parts.

    Lifted to where nothing is known to be, pictures would teach the rest to look away from them.
    """
    assert isinstance(whole.method, BoxConfig)
    camera = replace(
        whole,
        method=replace(whole.method, stage="camera", pretrained=pretrained),
        data=replace(whole.data, needs=_NEEDS - {"points"}),
        class_counts="comparable",
        train=replace(whole.train, learning_rate=1e-3),
    )
    return StagedRecipe(stages={"camera": camera, "all": whole})


def _whole(root: Path) -> Recipe:
    """The stage in which all parts learn."""
    return Recipe(
        method=BoxConfig(task=STREET),
        data=DrivesConfig(root=root, needs=_NEEDS, image_px=(256, 480), depth_range_m=(1.0, 53.0), augment=_AUGMENT),
        class_counts="labelled",
        train=TrainConfig(
            steps=6000,
            batch=_BATCH,
            learning_rate=6e-4,
            rate_factors=_RATES,
            clip_norm=10.0,
            schedule=Schedule(kind="cosine", warmup_steps=200),
            average_decay=0.999,
            checkpoint_every=250,
        ),
    )


def box_tune(root: Path) -> Recipe:
    """The box that the package brings along, further on drives of one's own: gently, and not for long.

    Grid, classes and height of the road are those of the labels; where they are the street's, every weight is taken,
    else all but the last ones.
    """
    whole = _whole(root)
    assert isinstance(whole.method, BoxConfig)
    settings = {"needs": _NEEDS, "image_px": (256, 480), "depth_range_m": (1.0, 53.0), "augment": _AUGMENT}
    data = DrivesConfig.as_labelled(root, **settings)
    method = replace(whole.method, task=data.task, road_m=-data.ego_height_m)
    train = replace(
        whole.train,
        steps=1000,
        learning_rate=1e-4,
        rate_factors={**_RATES, "head": 3.0},
        average_decay=0.99,
        schedule=Schedule(kind="cosine", warmup_steps=50),
        checkpoint_every=100,
    )
    return replace(whole, method=method, data=data, train=train, start=Path("box"))


def box_world_small(root: Path) -> StagedRecipe:
    """The same from nothing, as small as looks at a street at all: to see that data and commands work, in minutes."""
    whole = _whole(root)
    method = BoxConfig(
        task=STREET,
        backbone="resnet18",
        norm="group",
        width=24,
        context=8,
        cell=4,
        depth_bins=DepthBins(start=1.0, end=53.0, step=2.0),
        widths=(24, 32),
        head_width=16,
    )
    train = replace(whole.train, steps=200, learning_rate=1e-3, rate_factors={"head": 10.0}, average_decay=None)
    data = replace(whole.data, image_px=(96, 192))
    return _staged(replace(whole, method=method, data=data, train=train), pretrained=False)
