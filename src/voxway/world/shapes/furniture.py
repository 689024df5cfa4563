"""Street furniture: lamps, signs, fences, walls, bollards, bins."""

from __future__ import annotations

import numpy as np

from voxway.world.shapes import labels
from voxway.world.shapes.materials import Material
from voxway.world.shapes.mesh import Mesh, Paint, ball, box, quads, tube

SIGNS = 6
"""Number of sign designs that `textures.sign` knows: three round, one triangle, two square."""
_STEEL = Paint(label=labels.POLE, material=Material.METAL, colour=(0.33, 0.35, 0.36))


def lamp(rng: np.random.Generator) -> Mesh:
    """A street lamp whose arm reaches towards +y, 5 to 8 m high."""
    height, arm = rng.uniform(5, 8), rng.uniform(0.6, 1.8)
    tone = rng.uniform(0.7, 1.3)
    steel = Paint(label=labels.POLE, material=Material.METAL, colour=(0.30 * tone, 0.33 * tone, 0.32 * tone))
    glass = Paint(label=labels.POLE, material=Material.LAMP, colour=(0.8, 0.8, 0.75))
    return Mesh.merge(
        [
            tube((0, 0, -0.3), (0, 0, height), (0.09, 0.06), steel),
            tube((0, 0, height), (0, arm, height + 0.25), (0.045, 0.04), steel, sides=4),
            box((0.25, 0.6, 0.12), (0, arm, height + 0.22), glass),
        ]
    )


def sign(rng: np.random.Generator) -> Mesh:
    """One or two traffic signs on a post, facing -x."""
    height = rng.uniform(2.3, 2.9)
    parts = [tube((0, 0, -0.3), (0, 0, height + 0.35), (0.035, 0.035), _STEEL, sides=5)]
    for below in range(1 if rng.random() < 0.7 else 2):
        parts.append(_plate(int(rng.integers(SIGNS)), height - 0.75 * below, rng.uniform(0.36, 0.48)))
    return Mesh.merge(parts)


def board(rng: np.random.Generator) -> Mesh:
    """A large direction sign on two posts, facing -x."""
    width, height = rng.uniform(1.4, 2.4), rng.uniform(0.8, 1.4)
    foot = rng.uniform(1.6, 2.4)
    plate = Paint(
        label=labels.TRAFFIC_SIGN,
        material=Material.SIGN,
        style=5,
        colour=(0.85, 0.75, 0.12) if rng.random() < 0.6 else (0.05, 0.16, 0.5),
    )
    corners = np.array(
        [
            [
                [-0.05, width / 2, foot],
                [-0.05, -width / 2, foot],
                [-0.05, -width / 2, foot + height],
                [-0.05, width / 2, foot + height],
            ]
        ]
    )
    unit = np.array([[[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]])
    posts = [tube((0, y, -0.3), (0, y, foot + height), (0.05, 0.05), _STEEL, sides=5) for y in (-width / 3, width / 3)]
    return Mesh.merge([*posts, quads(corners, plate, unit)])


def _plate(design: int, height: float, radius: float) -> Mesh:
    sides = {3: 3, 4: 4, 5: 4}.get(design, 12)
    turn = {3: np.pi / 2, 4: np.pi / 4, 5: np.pi / 4}.get(design, 0.0)
    angle = turn + np.arange(sides) * 2 * np.pi / sides
    flat = np.stack([np.cos(angle), np.sin(angle)], 1)
    vertices = np.concatenate(
        [[[-0.05, 0, height]], np.stack([np.full(sides, -0.05), -radius * flat[:, 0], height + radius * flat[:, 1]], 1)]
    )
    here = np.arange(sides)
    faces = np.stack([np.zeros(sides, int), here + 1, (here + 1) % sides + 1], 1)
    unit = np.concatenate([[[0, 0]], flat])
    paint = Paint(label=labels.TRAFFIC_SIGN, material=Material.SIGN, style=design, colour=(0.8, 0.8, 0.8))
    return Mesh.of(vertices, faces, paint, unit[faces])


def picket_fence(rng: np.random.Generator, length: float) -> Mesh:
    """A fence along x about the origin, of upright slats that one sees through, 0.9 to 1.6 m high."""
    height, gap = rng.uniform(0.9, 1.6), rng.uniform(0.12, 0.2)
    wooden = rng.random() < 0.6
    tone = np.array([0.34, 0.22, 0.13]) if wooden else np.array([0.12, 0.16, 0.13])
    if wooden and rng.random() < 0.3:
        tone = np.array([0.7, 0.7, 0.68])
    paint = Paint(
        label=labels.FENCE,
        material=Material.WOOD if wooden else Material.METAL,
        colour=(tone * rng.uniform(0.8, 1.2)),
    )
    slats = np.arange(-length / 2, length / 2, gap)
    half = gap * rng.uniform(0.25, 0.38)
    corners = np.stack(
        [
            np.stack([slats + dx, np.zeros_like(slats), np.full_like(slats, z)], 1)
            for dx, z in ((-half, 0.0), (half, 0.0), (half, height), (-half, height))
        ],
        1,
    )
    rails = [box((length, 0.05, 0.08), (0, 0.03, height * share), paint) for share in (0.25, 0.8)]
    return Mesh.merge([quads(corners, paint), *rails])


def wall(rng: np.random.Generator, length: float) -> Mesh:
    """A garden wall along x about the origin, 0.6 to 1.8 m high. SemanticKITTI counts small walls as fence."""
    height = rng.uniform(0.6, 1.8)
    if rng.random() < 0.5:
        paint = Paint(
            label=labels.FENCE,
            material=Material.BRICK,
            colour=(np.array([0.38, 0.2, 0.14]) * rng.uniform(0.7, 1.4)),
        )
    else:
        paint = Paint(
            label=labels.FENCE,
            material=Material.STONE,
            colour=(np.array([0.5, 0.48, 0.44]) * rng.uniform(0.7, 1.3)),
        )
    return box((length, 0.25, height + 0.5), (0, 0, height / 2 - 0.25), paint)


def panel_fence(rng: np.random.Generator, length: float) -> Mesh:
    """A close-boarded fence along x about the origin, 1.4 to 2 m high."""
    height = rng.uniform(1.4, 2.0)
    tone = np.array([[0.34, 0.22, 0.13], [0.22, 0.13, 0.08], [0.33, 0.31, 0.28]])[rng.integers(3)]
    paint = Paint(label=labels.FENCE, material=Material.WOOD, colour=tone * rng.uniform(0.8, 1.2))
    posts = [box((0.12, 0.14, height + 0.3), (x, 0, height / 2), paint) for x in (-length / 2, length / 2)]
    return Mesh.merge([box((length, 0.05, height + 0.2), (0, 0, height / 2 - 0.1), paint), *posts])


def guard_rail(length: float) -> Mesh:
    """A crash barrier along x about the origin."""
    paint = Paint(label=labels.FENCE, material=Material.METAL, colour=(0.5, 0.52, 0.54))
    posts = [box((0.1, 0.12, 0.7), (x, 0, 0.3), paint) for x in np.arange(-length / 2 + 0.5, length / 2, 2.0)]
    return Mesh.merge([box((length, 0.06, 0.31), (0, -0.08, 0.6), paint), *posts])


def bollard(rng: np.random.Generator) -> Mesh:
    """A bollard of about 1 m."""
    tone = (0.6, 0.1, 0.08) if rng.random() < 0.3 else (0.16, 0.17, 0.18)
    paint = Paint(label=labels.POLE, material=Material.METAL, colour=tone)
    return Mesh.merge(
        [
            tube((0, 0, -0.2), (0, 0, 0.95), (0.07, 0.06), paint),
            ball((0, 0, 0.95), (0.07, 0.07, 0.05), paint, rings=2, sides=6),
        ]
    )


def traffic_light(rng: np.random.Generator, label: int = labels.POLE) -> Mesh:
    """A traffic light facing -x; its case and lamps are of class `label`."""
    case = Paint(label=label, material=Material.METAL, colour=(0.03, 0.05, 0.04))
    lit = int(rng.integers(3))
    parts = [tube((0, 0, -0.3), (0, 0, 3.4), (0.07, 0.06), _STEEL), box((0.2, 0.32, 0.9), (-0.1, 0, 2.9), case)]
    for i, colour in enumerate(((0.9, 0.05, 0.03), (0.9, 0.5, 0.02), (0.05, 0.8, 0.3))):
        glow = 1.6 if i == lit else 0.15
        lens = Paint(label=label, material=Material.LAMP, colour=(colour[0] * glow, colour[1] * glow, colour[2] * glow))
        parts.append(ball((-0.2, 0, 3.18 - 0.28 * i), (0.04, 0.1, 0.1), lens, rings=2, sides=6))
    return Mesh.merge(parts)


def bin_(rng: np.random.Generator) -> Mesh:
    """A waste bin; SemanticKITTI's other-object, which carries no training class."""
    tones = ((0.05, 0.05, 0.06), (0.05, 0.10, 0.25), (0.25, 0.2, 0.05), (0.08, 0.16, 0.08))
    paint = Paint(label=labels.OTHER_OBJECT, material=Material.METAL, colour=tones[rng.integers(len(tones))])
    return box((0.6, 0.7, 1.05), (0, 0, 0.52), paint)
