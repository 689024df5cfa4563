"""Plants: trees of three habits, bushes and hedges. Crowns are loose leaves about a dark core."""

from __future__ import annotations

import numpy as np

from voxway.world.shapes import labels
from voxway.world.shapes.materials import Material
from voxway.world.shapes.mesh import Mesh, Paint, ball, box, scatter, tube

_GREENS = np.array(
    [[0.10, 0.16, 0.035], [0.13, 0.20, 0.05], [0.07, 0.13, 0.04], [0.19, 0.20, 0.05], [0.24, 0.17, 0.05]]
)
_BARK = Paint(label=labels.TRUNK, material=Material.BARK, colour=(0.12, 0.09, 0.07))
_LEAVES = Paint(label=labels.VEGETATION, material=Material.LEAVES)


def tree(rng: np.random.Generator) -> Mesh:
    """A tree about the origin, its foot a little below ground: broad, tall or conifer, 4 to 13 m high."""
    habit = rng.choice(3, p=[0.5, 0.35, 0.15])
    green = _GREENS[rng.integers(len(_GREENS))] * rng.uniform(0.8, 1.2)
    if habit == 2:
        return _conifer(rng, green)
    height = rng.uniform(5, 9) if habit == 0 else rng.uniform(8, 13)
    stem = rng.uniform(1.3, 2.3) if habit == 0 else rng.uniform(1.6, 3.2)
    spread = (height - stem) * (rng.uniform(0.5, 0.65) if habit == 0 else rng.uniform(0.28, 0.4))
    girth = rng.uniform(0.1, 0.15) + 0.012 * height
    parts = [tube((0, 0, -0.3), (0, 0, stem + 0.5), (girth * 1.25, girth), _BARK, sides=7)]
    lobes = []
    for _ in range(int(rng.integers(6, 9))):
        angle, out = rng.uniform(0, 2 * np.pi), spread * rng.uniform(0.25, 0.62)
        up = stem + (height - stem) * rng.uniform(0.22, 0.78)
        centre = np.array([out * np.cos(angle), out * np.sin(angle), up])
        lobes.append((centre, spread * rng.uniform(0.4, 0.6) * np.array([1, 1, rng.uniform(0.7, 1.0)])))
        parts.append(tube((0, 0, stem * rng.uniform(0.75, 1.1)), centre, (girth * 0.5, 0.03), _BARK, sides=4))
    lobes.append((np.array([0, 0, (stem + height) / 2]), np.array([0.62, 0.62, 0.5]) * [spread, spread, height - stem]))
    return Mesh.merge([*parts, foliage(rng, lobes, green, leaves=105 * len(lobes), size=0.23)])


def _conifer(rng: np.random.Generator, green: np.ndarray) -> Mesh:
    height, spread = rng.uniform(5, 11), rng.uniform(1.2, 2.0)
    green = green * [0.6, 0.75, 0.9]
    lobes = []
    for level in np.linspace(0.16, 0.93, 7):
        radius = spread * (1.05 - level) + 0.15
        lobes.append((np.array([0, 0, level * height]), np.array([radius, radius, height * 0.09])))
    stem = tube((0, 0, -0.3), (0, 0, height * 0.8), (0.16, 0.04), _BARK)
    return Mesh.merge([stem, foliage(rng, lobes, green, leaves=700, size=0.2)])


def bush(rng: np.random.Generator) -> Mesh:
    """A bush about the origin, 0.8 to 2.6 m high."""
    height = rng.uniform(0.8, 2.6)
    lobes = []
    for _ in range(int(rng.integers(2, 5))):
        centre = np.array([*rng.normal(0, height * 0.35, 2), height * rng.uniform(0.35, 0.6)])
        lobes.append((centre, height * rng.uniform(0.4, 0.6) * np.array([1, 1, 0.85])))
    green = _GREENS[rng.integers(len(_GREENS))] * rng.uniform(0.8, 1.3)
    return foliage(rng, lobes, green, leaves=70 * len(lobes), size=0.15)


def hedge(rng: np.random.Generator, length: float, height: float, thickness: float) -> Mesh:
    """A clipped hedge along x about the origin."""
    green = _GREENS[rng.integers(3)] * rng.uniform(0.7, 1.2)
    paint = Paint(label=labels.VEGETATION, material=Material.LEAVES, colour=green * 0.4)
    core = box((length, max(thickness - 0.45, 0.1), height - 0.1), (0, 0, height / 2 - 0.15), paint)
    count = int(length * (height * 2 + thickness) * 16)
    # Leaves lie on the top and the two long sides, in proportion to their areas, and a little below the surface.
    on_top = rng.random(count) < thickness / (thickness + 2 * height)
    depth = rng.exponential(0.08, count)
    surface = (thickness / 2 - depth) * rng.choice([-1, 1], count)
    centres = np.stack(
        [
            rng.uniform(-length / 2, length / 2, count),
            np.where(on_top, rng.uniform(-thickness / 2, thickness / 2, count), surface),
            np.where(on_top, height - depth, rng.uniform(0, height, count)),
        ],
        1,
    )
    return Mesh.merge([core, scatter(rng, centres, 0.12, _LEAVES, _shades(rng, green, centres[:, 2] / height))])


def foliage(rng: np.random.Generator, lobes: list, green: np.ndarray, leaves: int, size: float) -> Mesh:
    """Leaves in ellipsoids (centre, radii), densest near their shells, with a dark core inside each."""
    share = np.array([radii.prod() ** (2 / 3) for _, radii in lobes])
    counts = np.maximum((leaves * share / share.sum()).astype(int), 8)
    paint = Paint(label=labels.VEGETATION, material=Material.LEAVES, colour=green * 0.4)
    parts, centres, lit = [], [], []
    for (centre, radii), count in zip(lobes, counts):
        parts.append(ball(centre, radii * 0.42, paint, rings=3, sides=6))
        way = rng.normal(size=(count, 3))
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        depth = rng.uniform(0.3, 1.0, (count, 1)) ** 0.45
        centres.append(centre + way * depth * radii)
        lit.append(0.4 + 0.3 * way[:, 2] + 1.3 * (depth[:, 0] - 0.9))
    shades = _shades(rng, green, np.concatenate(lit))
    return Mesh.merge([*parts, scatter(rng, np.concatenate(centres), size, _LEAVES, shades)])


def _shades(rng: np.random.Generator, green: np.ndarray, lit: np.ndarray) -> np.ndarray:
    """Leaf colours, brighter where more sky is seen."""
    brightness = (0.55 + 0.7 * np.clip(lit, 0, 1)) * rng.uniform(0.7, 1.35, len(lit))
    hue = 1 + rng.normal(0, 0.08, (len(lit), 3))
    return green * brightness[:, None] * hue
