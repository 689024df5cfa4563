"""Recipes: names for complete, reviewable runs. The only room where methods, data and training meet.

A recipe is a function from the data's folder to a `Recipe`; a variation is another function with `dataclasses.replace`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from voxway.core.errors import InputError, nearest
from voxway.recipes.box import box_tune, box_world, box_world_small
from voxway.recipes.effocc import EFFOCC_RECIPES
from voxway.recipes.monoocc import (
    TABLE_II,
    monoocc_l,
    monoocc_overfit,
    monoocc_s,
    monoocc_s_released,
    monoocc_table_2,
    monoocc_teacher,
    monoocc_world,
    monoocc_world_student,
    monoocc_world_teacher,
)
from voxway.recipes.networks.monoocc import MONOOCC_S
from voxway.recipes.occle import (
    occle,
    occle_effb7,
    occle_lite,
    occle_occ3d,
    occle_overfit,
    occle_world,
    occle_world_occ3d,
)
from voxway.recipes.qpn import qpn, qpn_world
from voxway.recipes.recipe import Recipe, StagedRecipe
from voxway.recipes.vlscene import (
    vlscene,
    vlscene_kitti360,
    vlscene_overfit,
    vlscene_world,
    vlscene_world_kitti360,
    with_stand_in,
    without_guidance,
)

RECIPES: Mapping[str, Callable[[Path], Recipe | StagedRecipe]] = {
    "monoocc-s": monoocc_s,
    "monoocc-s-released": monoocc_s_released,
    **{f"monoocc-s-table-2-row-{row}": partial(monoocc_table_2, row=row) for row in TABLE_II},
    "monoocc-l": monoocc_l,
    "monoocc-teacher": monoocc_teacher,
    "monoocc-teacher-s": partial(monoocc_teacher, method=replace(MONOOCC_S, pretrained=True)),
    "monoocc-overfit": monoocc_overfit,
    "monoocc-world": monoocc_world,
    "monoocc-world-teacher": monoocc_world_teacher,
    "monoocc-world-student": monoocc_world_student,
    "qpn": qpn,
    "qpn-world": qpn_world,
    "vlscene": vlscene,
    "vlscene-alone": lambda root: without_guidance(vlscene(root)),
    "vlscene-kitti360": vlscene_kitti360,
    "vlscene-kitti360-alone": lambda root: without_guidance(vlscene_kitti360(root)),
    "vlscene-overfit": vlscene_overfit,
    "vlscene-world": vlscene_world,
    "vlscene-world-guided": lambda root: with_stand_in(vlscene_world(root)),
    "vlscene-world-kitti360": vlscene_world_kitti360,
    "occle": occle,
    "occle-effb7": occle_effb7,
    "occle-lite": occle_lite,
    "occle-occ3d": occle_occ3d,
    "occle-overfit": occle_overfit,
    "occle-world": occle_world,
    "occle-world-occ3d": occle_world_occ3d,
    **EFFOCC_RECIPES,
    "box-tune": box_tune,
    "box-world": box_world,
    "box-world-small": box_world_small,
}

DEMO = "monoocc-world"
"""What `voxway demo` trains."""
FULL_SIZE = (
    "monoocc-s",
    "monoocc-l",
    "monoocc-teacher-s",
    "qpn",
    "vlscene-alone",
    "occle",
    "occle-occ3d",
    "flashocc-r50",
    "effocc-student-r50",
    "effocc-fusion-r18",
    "effocc-fusion-r50",
    "effocc-fusion-swin-b",
    "effocc-waymo-r18",
    "effocc-waymo-lidar",
    "effocc-openoccupancy-r18",
)
"""Recipes of networks of published size, one for each: what is measured when all are."""


def recipe(name: str, root: Path) -> Recipe | StagedRecipe:
    """The recipe of that name for the data in `root`.

    Args:
        name: of a recipe, or ``"module:function"`` of one's own, which takes `root` and returns a `Recipe`.
        root: folder of the data.

    Raises:
        InputError: no recipe has that name (lists them and the nearest), or there is no such function.
    """
    if ":" in name:
        return _own(name)(root)
    if name not in RECIPES:
        raise nearest(name, list(RECIPES), "recipe")
    return RECIPES[name](root)


def measured_recipe(name: str, root: Path) -> Recipe:
    """The recipe of that name; of several stages the last one, whose network predicts.

    Raises:
        InputError: see `recipe`.
    """
    found = recipe(name, root)
    return found if isinstance(found, Recipe) else list(found.stages.values())[-1]


def _own(name: str) -> Callable[[Path], Recipe | StagedRecipe]:
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise InputError(
            file=f"recipe {name}",
            field="module:function",
            expected="a module that Python finds, and a function in it",
            found=error,
            remedy="Start where the module lies, or name its folder with PYTHONPATH.",
        ) from error
