"""What stands about roadworks: traffic cones, barriers, excavators."""

from __future__ import annotations

import numpy as np

from voxway.world.shapes import labels
from voxway.world.shapes.materials import Material
from voxway.world.shapes.mesh import Mesh, Paint, box, loft, tube

_ORANGE, _WHITE = (0.75, 0.16, 0.02), (0.8, 0.8, 0.78)


def cone(rng: np.random.Generator) -> Mesh:
    """A traffic cone of 0.6 to 0.9 m with a white band."""
    height = rng.uniform(0.6, 0.9)
    orange, white, foot = (
        Paint(label=labels.TRAFFIC_CONE, material=material, colour=colour)
        for material, colour in ((Material.CLOTH, _ORANGE), (Material.SIGN, _WHITE), (Material.RUBBER, (0.05,) * 3))
    )
    return Mesh.merge(
        [
            box((0.42, 0.42, 0.06), (0, 0, 0.03), foot),
            tube((0, 0, 0.05), (0, 0, height), (0.16, 0.03), orange, sides=8),
            tube((0, 0, 0.5 * height), (0, 0, 0.7 * height), (0.105, 0.075), white, sides=8),
        ]
    )


def barrier(rng: np.random.Generator) -> Mesh:
    """A movable barrier 2 m long: of concrete, or of red and white plastic."""
    plastic = rng.random() < 0.5
    colour = np.array(_ORANGE if rng.random() < 0.6 else _WHITE) if plastic else rng.uniform(0.35, 0.5) * np.ones(3)
    paint = Paint(label=labels.BARRIER, material=Material.LACQUER if plastic else Material.STONE, colour=colour)
    height = rng.uniform(0.8, 1.05)
    # A broad foot, a narrow head; lofted along y, so turned to run along x.
    side = np.array([(-0.3, -0.1), (0.3, -0.1), (0.3, 0.12), (0.09, 0.35), (0.08, height), (-0.08, height)])
    outline = np.concatenate([side, [(-0.09, 0.35), (-0.3, 0.12)]])
    return loft(outline, np.full(len(outline), 0.98), paint).placed((0, 0, 0), np.pi / 2)


def digger(rng: np.random.Generator) -> Mesh:
    """A small excavator facing +x."""
    yellow = Paint(
        label=labels.CONSTRUCTION_VEHICLE,
        material=Material.LACQUER,
        colour=np.array([0.75, 0.45, 0.03]) * rng.uniform(0.8, 1.15),
    )
    track, glass = (
        Paint(label=labels.CONSTRUCTION_VEHICLE, material=material, colour=colour)
        for material, colour in ((Material.RUBBER, (0.03, 0.03, 0.03)), (Material.GLASS, (0.03, 0.035, 0.04)))
    )
    elbow, wrist = (2.0, 0.2, 3.0), (3.3, 0.2, 1.6 + rng.uniform(-0.6, 0.4))
    return Mesh.merge(
        [
            *(box((2.8, 0.5, 0.65), (0, side * 0.85, 0.33), track) for side in (-1, 1)),
            box((2.6, 2.0, 0.9), (-0.3, 0, 1.2), yellow),
            box((1.2, 0.95, 1.3), (0.4, 0.5, 2.2), glass),
            box((1.25, 1.0, 0.1), (0.4, 0.5, 2.9), yellow),
            tube((0.8, -0.2, 1.4), elbow, (0.2, 0.16), yellow, sides=5),
            tube(elbow, wrist, (0.16, 0.1), yellow, sides=5),
            box((0.5, 0.8, 0.5), (wrist[0], wrist[1], wrist[2] - 0.25), track),
        ]
    )
