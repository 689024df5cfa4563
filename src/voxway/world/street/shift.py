"""Another style of world: daylight, surfaces, roads and heights that the usual streets never have.

Networks that learnt on the usual style are tried on this one, and chosen by it: what they have learnt of our textures
and suns is of no use here, what they have learnt of streets is. Everything is still labelled as what it is. Other
surfaces and cameras go with it: `voxway.world.sensors.repainting`, `voxway.world.sensors.odd_camera`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from voxway.world.shapes import labels
from voxway.world.shapes.materials import rgb
from voxway.world.shapes.mesh import Mesh
from voxway.world.street.ground import Ground
from voxway.world.street.light import Light

HALF_WIDTH_M = (5.2, 7.5)
"""Half of a carriageway: from two lanes in each direction; usual ones have 2.9 to 4.2 m."""
_STRETCHED = {
    (labels.BUILDING,): ((0.5, 0.65), (1.5, 2.4)),
    (labels.VEGETATION, labels.TRUNK): ((0.55, 0.75), (1.35, 1.8)),
    (labels.FENCE,): ((0.5, 0.7), (1.5, 2.0)),
}
"""Factors on heights of what stands on the ground."""


def stretched(static: Mesh, ground: Ground, random: np.random.Generator) -> Mesh:
    """What stands along a street, lower or higher than usual, kind by kind."""
    vertices = static.vertices.copy()
    foot = ground.base(vertices[:, :2].astype(np.float64))
    for kinds, ranges in _STRETCHED.items():
        factor = random.uniform(*ranges[int(random.integers(len(ranges)))])
        moved = np.unique(static.faces[np.isin(static.label, kinds)])
        vertices[moved, 2] = foot[moved] + factor * (vertices[moved, 2] - foot[moved])
    return replace(static, vertices=vertices)


def shifted_light(random: np.random.Generator) -> Light:
    """A day of fog, a sun on the horizon, or dusk; usual suns stand 18 to 60 degrees high in clear air."""
    kind = str(random.choice(["fog", "low sun", "dusk"]))
    around = random.uniform(0, 2 * np.pi)
    height = np.radians(random.uniform(3, 9) if kind == "low sun" else random.uniform(30, 60))
    sun = np.array([np.cos(height) * np.cos(around), np.cos(height) * np.sin(around), np.sin(height)])
    sunshine, zenith, horizon, cover, visibility_m = {
        "fog": (0.05, rgb(0.6, 0.6, 0.62), rgb(0.75, 0.75, 0.76), 1.0, random.uniform(35, 80)),
        "low sun": (4.0, rgb(0.10, 0.16, 0.42), rgb(0.95, 0.50, 0.22), 0.1, 500.0),
        "dusk": (0.02, rgb(0.02, 0.02, 0.10), rgb(0.32, 0.12, 0.28), 0.6, 600.0),
    }[kind]
    return Light(
        sun=sun.astype(np.float32),
        sunshine=(sunshine * rgb(1.0, 0.62, 0.3)).astype(np.float32),
        zenith=zenith,
        horizon=horizon,
        cover=cover,
        skyline=float(random.uniform(0.08, 0.16)),
        exposure=float(random.uniform(0.5, 2.0)),
        offset=float(random.uniform(0, 1000)),
        visibility_m=visibility_m,
    )
