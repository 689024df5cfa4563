"""Recipes: names for complete, reviewable runs. The only room where methods, data and training meet.

A recipe is a function from the data's folder to a `Recipe`; a variation is another function with `dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from voxway.core.errors import nearest
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
from voxway.recipes.qpn import qpn, qpn_world
from voxway.recipes.recipe import Recipe

RECIPES: Mapping[str, Callable[[Path], Recipe]] = {
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
    **EFFOCC_RECIPES,
}


def recipe(name: str, root: Path) -> Recipe:
    """The recipe of that name for the data in `root`.

    Raises:
        InputError: no recipe has that name; lists them and the nearest.
    """
    if name not in RECIPES:
        raise nearest(name, list(RECIPES), "recipe")
    return RECIPES[name](root)
