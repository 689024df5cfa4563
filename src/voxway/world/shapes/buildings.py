"""Buildings: a plastered or brick body with a flat, gabled or hipped roof; windows and doors are texture."""

from __future__ import annotations

import numpy as np

from voxway.world.shapes import labels
from voxway.world.shapes.materials import Material
from voxway.world.shapes.mesh import Mesh, Paint, box, quads

STYLES = 64
"""Number of facade designs that `textures.facade` knows."""
_PLASTERS = np.array(
    [
        [0.72, 0.70, 0.64], [0.74, 0.62, 0.40], [0.62, 0.45, 0.30], [0.55, 0.55, 0.54], [0.70, 0.52, 0.42],
        [0.50, 0.55, 0.48], [0.78, 0.76, 0.72], [0.42, 0.47, 0.55], [0.66, 0.36, 0.26], [0.76, 0.70, 0.52],
    ]
)  # fmt: skip
_ROOFS = np.array([[0.38, 0.13, 0.08], [0.30, 0.11, 0.07], [0.16, 0.13, 0.12], [0.42, 0.20, 0.12], [0.11, 0.11, 0.12]])
STOREY = 2.9
"""Metres from floor to floor."""


def building(
    rng: np.random.Generator, width: float, depth: float, storeys: int, *, gabled: bool, brick: float = 0.2
) -> Mesh:
    """A building whose front is at y = 0, facing -y, `width` along x about 0 and `depth` along y.

    Its walls reach 1.5 m below ground, so that it stands on slopes.
    """
    is_brick = rng.random() < brick
    wall = (
        np.array([0.36, 0.16, 0.11]) * rng.uniform(0.7, 1.3)
        if is_brick
        else _PLASTERS[rng.integers(len(_PLASTERS))] * rng.uniform(0.85, 1.1)
    )
    paint = Paint(
        label=labels.BUILDING,
        material=Material.BRICK if is_brick else Material.PLASTER,
        colour=wall,
        style=int(rng.integers(STYLES)),
    )
    height = storeys * STOREY + 0.5
    parts = [_walls(width, depth, height, paint)]
    roof = Paint(
        label=labels.BUILDING,
        material=Material.TILES,
        colour=(_ROOFS[rng.integers(len(_ROOFS))] * rng.uniform(0.8, 1.3)),
    )
    if gabled:
        parts += _gable(width, depth, height, rng.uniform(0.55, 0.95), paint, roof)
        if rng.random() < 0.6:
            parts.append(
                box((0.7, 0.7, 1.6), (rng.uniform(-0.3, 0.3) * width, depth * 0.5, height + depth * 0.35), paint)
            )
    else:
        parts.append(box((width + 0.3, depth + 0.3, 0.35), (0, depth / 2, height + 0.17), roof))
    if storeys >= 2 and rng.random() < 0.35:
        parts += _balconies(rng, width, storeys)
    return Mesh.merge(parts)


def _walls(width: float, depth: float, height: float, paint: Paint) -> Mesh:
    a, low = width / 2, -1.5
    ring = [(-a, 0.0), (a, 0.0), (a, depth), (-a, depth)]
    corners, uv = [], []
    for i in range(4):
        (x0, y0), (x1, y1) = ring[i], ring[(i + 1) % 4]
        run = float(np.hypot(x1 - x0, y1 - y0))
        corners.append([[x0, y0, low], [x1, y1, low], [x1, y1, height], [x0, y0, height]])
        # Centred, so that windows stand symmetrically on each wall.
        uv.append([[-run / 2, low], [run / 2, low], [run / 2, height], [-run / 2, height]])
    return quads(np.array(corners), paint, np.array(uv))


def _gable(width: float, depth: float, height: float, pitch: float, wall: Paint, roof: Paint) -> list[Mesh]:
    """A ridge along x with eaves that stand out by 0.4 m."""
    out, a = 0.4, width / 2
    rise = depth / 2 * pitch
    eaves = height - out * pitch
    slopes = [
        [
            [-a - out, -out, eaves],
            [a + out, -out, eaves],
            [a + out, depth / 2, height + rise],
            [-a - out, depth / 2, height + rise],
        ],
        [
            [a + out, depth + out, eaves],
            [-a - out, depth + out, eaves],
            [-a - out, depth / 2, height + rise],
            [a + out, depth / 2, height + rise],
        ],
    ]
    plain = Paint(label=wall.label, material=Material.STONE, colour=wall.colour)
    ends = [
        Mesh.of(
            np.array([[x, 0, height], [x, depth, height], [x, depth / 2, height + rise]]), np.array([[0, 1, 2]]), plain
        )
        for x in (-a, a)
    ]
    return [quads(np.array(slopes), roof), *ends]


def _balconies(rng: np.random.Generator, width: float, storeys: int) -> list[Mesh]:
    rail = Paint(label=labels.BUILDING, material=Material.METAL, colour=rng.uniform(0.15, 0.6, 3))
    slab = Paint(label=labels.BUILDING, material=Material.STONE, colour=(0.5, 0.5, 0.48))
    span = min(width * 0.3, 3.0)
    middle = rng.uniform(-0.25, 0.25) * width
    parts = []
    for storey in range(1, storeys):
        foot = storey * STOREY + 0.1
        parts += [
            box((span, 1.2, 0.15), (middle, -0.6, foot), slab),
            box((span, 0.06, 0.95), (middle, -1.2, foot + 0.5), rail),
            box((0.06, 1.2, 0.95), (middle - span / 2, -0.6, foot + 0.5), rail),
            box((0.06, 1.2, 0.95), (middle + span / 2, -0.6, foot + 0.5), rail),
        ]
    return parts


def hall(rng: np.random.Generator, width: float, depth: float) -> Mesh:
    """A low commercial hall, front at y = 0."""
    height = rng.uniform(4.5, 7.5)
    tone = np.array([[0.55, 0.56, 0.58], [0.30, 0.36, 0.46], [0.62, 0.60, 0.54], [0.42, 0.20, 0.16]])[rng.integers(4)]
    side = Paint(label=labels.BUILDING, material=Material.METAL, colour=tone)
    front = Paint(
        label=labels.BUILDING,
        material=Material.PLASTER,
        colour=(tone * 1.1),
        style=int(rng.integers(STYLES)),
    )
    return Mesh.merge(
        [
            box((width, depth, height + 1.5), (0, depth / 2 + 0.05, (height - 1.5) / 2), side),
            quads(
                np.array([[[-width / 2, 0, -1.5], [width / 2, 0, -1.5], [width / 2, 0, 3.4], [-width / 2, 0, 3.4]]]),
                front,
                np.array([[[-width / 2, -1.5], [width / 2, -1.5], [width / 2, 3.4], [-width / 2, 3.4]]]),
            ),
        ]
    )
