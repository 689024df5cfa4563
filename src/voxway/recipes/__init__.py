"""Recipes: names for complete, reviewable runs. The only room where methods, data and training meet.

A recipe is a function from the data's folder to a `Recipe`; a variation is another function with `dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from voxway.core.errors import nearest
from voxway.recipes.monoocc import monoocc_overfit, monoocc_s, monoocc_s_released, monoocc_world
from voxway.recipes.qpn import qpn, qpn_world
from voxway.recipes.recipe import Recipe

RECIPES: Mapping[str, Callable[[Path], Recipe]] = {
    "monoocc-s": monoocc_s,
    "monoocc-s-released": monoocc_s_released,
    "monoocc-overfit": monoocc_overfit,
    "monoocc-world": monoocc_world,
    "qpn": qpn,
    "qpn-world": qpn_world,
}


def recipe(name: str, root: Path) -> Recipe:
    """The recipe of that name for the data in `root`.

    Raises:
        InputError: no recipe has that name; lists them and the nearest.
    """
    if name not in RECIPES:
        raise nearest(name, list(RECIPES), "recipe")
    return RECIPES[name](root)
