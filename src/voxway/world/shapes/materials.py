"""What surfaces are made of: how they answer to laser light, and the ids that textures go by."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from jaxtyping import Float32


def rgb(red: float, green: float, blue: float) -> Float32[np.ndarray, "3"]:
    """A colour: linear reflectance, 0..1."""
    return np.array([red, green, blue], np.float32)


class Material(IntEnum):
    """Surface materials. The ground's own are told apart by `ground.Zone`."""

    GROUND = 0
    PLASTER = 1
    BRICK = 2
    TILES = 3
    LEAVES = 4
    BARK = 5
    WOOD = 6
    STONE = 7
    METAL = 8
    LACQUER = 9
    GLASS = 10
    RUBBER = 11
    CLOTH = 12
    SKIN = 13
    SIGN = 14
    LAMP = 15


REMISSION = np.zeros(len(Material), np.float32)
"""Share of the laser's light that comes back at normal incidence, by material."""
for _material, _share in {
    Material.GROUND: 0.28,
    Material.PLASTER: 0.45,
    Material.BRICK: 0.38,
    Material.TILES: 0.30,
    Material.LEAVES: 0.42,
    Material.BARK: 0.30,
    Material.WOOD: 0.40,
    Material.STONE: 0.35,
    Material.METAL: 0.35,
    Material.LACQUER: 0.30,
    Material.GLASS: 0.08,
    Material.RUBBER: 0.06,
    Material.CLOTH: 0.35,
    Material.SKIN: 0.40,
    Material.SIGN: 0.97,
    Material.LAMP: 0.60,
}.items():
    REMISSION[_material] = _share
