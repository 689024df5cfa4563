"""Vehicles at rest about the origin, facing +x: cars of four bodies, trucks, buses, trailers."""

from __future__ import annotations

import numpy as np

from voxway.world.shapes import labels
from voxway.world.shapes.materials import Material
from voxway.world.shapes.mesh import Mesh, Paint, Vector, box, loft, tube

_LACQUERS = np.array(
    [
        [0.55, 0.56, 0.58], [0.30, 0.31, 0.33], [0.02, 0.02, 0.025], [0.75, 0.75, 0.74], [0.35, 0.02, 0.02],
        [0.03, 0.06, 0.22], [0.05, 0.05, 0.06], [0.06, 0.16, 0.09], [0.45, 0.38, 0.26], [0.50, 0.20, 0.03],
    ]
)  # fmt: skip
# Side views (x, z) as shares of length and height; the body up to the waist, then the cabin above it.
_BODIES = {
    "hatchback": ([(-0.5, 0.18), (0.49, 0.18), (0.5, 0.42), (0.46, 0.55), (0.26, 0.64), (-0.47, 0.66), (-0.5, 0.5)],
                  [(-0.47, 0.66), (0.24, 0.64), (0.06, 0.98), (-0.34, 1.0)]),
    "saloon": ([(-0.5, 0.2), (0.49, 0.18), (0.5, 0.42), (0.47, 0.53), (0.24, 0.64), (-0.46, 0.68), (-0.5, 0.55)],
               [(-0.36, 0.67), (0.23, 0.64), (0.05, 0.99), (-0.2, 1.0)]),
    "estate": ([(-0.5, 0.18), (0.49, 0.18), (0.5, 0.42), (0.47, 0.54), (0.26, 0.62), (-0.48, 0.64), (-0.5, 0.5)],
               [(-0.48, 0.64), (0.24, 0.62), (0.08, 0.98), (-0.42, 1.0)]),
    "van": ([(-0.5, 0.14), (0.49, 0.14), (0.5, 0.36), (0.46, 0.48), (0.36, 0.54), (-0.49, 0.56), (-0.5, 0.5)],
            [(-0.49, 0.55), (0.36, 0.53), (0.22, 0.98), (-0.48, 1.0)]),
}  # fmt: skip
_SIZES = {"hatchback": (3.9, 1.7, 1.47), "saloon": (4.6, 1.8, 1.43), "estate": (4.5, 1.8, 1.5), "van": (5.0, 1.95, 2.1)}
_TYRE, _HUB = (0.02, 0.02, 0.022), (0.35, 0.35, 0.36)


def car(rng: np.random.Generator) -> Mesh:
    """A hatchback, saloon, estate or van."""
    body = rng.choice(list(_BODIES), p=[0.4, 0.25, 0.25, 0.1])
    length, width, height = np.array(_SIZES[body]) * rng.uniform(0.94, 1.06, 3)
    lacquer = Paint(label=labels.CAR, material=Material.LACQUER, colour=_colour(rng))
    glass = Paint(label=labels.CAR, material=Material.GLASS, colour=(0.03, 0.035, 0.04))
    lower, upper = (np.array(outline) * [length, height] for outline in _BODIES[body])
    half = width / 2
    waist = np.where(lower[:, 1] < 0.3 * height, 0.96, 1.0) * half
    roof = np.where(upper[:, 1] > 0.8 * height, 0.76, 0.93) * half
    top = np.array([upper[2], upper[3]])
    parts = [
        loft(lower, waist, lacquer),
        loft(upper, roof, glass),
        # A lid of lacquer makes the roof; it overlaps the glass by a hand's breadth.
        loft(
            np.array([top[1] + [-0.05, -0.06], top[0] + [0.06, -0.06], top[0] + [0, 0.02], top[1] + [0, 0.02]]),
            np.full(4, 0.78 * half),
            lacquer,
        ),
        *_pillars(upper, half, lacquer),
        *_wheels(labels.CAR, length * 0.31, width, 0.31),
        *_lights(labels.CAR, length / 2, width, height * 0.45),
    ]
    return Mesh.merge(parts)


def _pillars(upper: np.ndarray, half: float, paint: Paint) -> list[Mesh]:
    (rear, front), (front_top, rear_top) = upper[:2], upper[2:]
    middle = (rear + front) / 2 + [0.1, 0], (rear_top + front_top) / 2
    parts = []
    for side in (-1, 1):
        for (x0, z0), (x1, z1) in ((front, front_top), (rear, rear_top), middle):
            parts.append(
                tube((x0, side * half * 0.92, z0), (x1, side * half * 0.765, z1), (0.05, 0.05), paint, sides=4)
            )
    return parts


def _wheels(label: int, axle: float, width: float, radius: float, axles: tuple[float, ...] = (-1.0, 1.0)) -> list[Mesh]:
    tyre = Paint(label=label, material=Material.RUBBER, colour=_TYRE)
    hub = Paint(label=label, material=Material.METAL, colour=_HUB)
    parts = []
    for where in axles:
        for side in (-1, 1):
            x, outer = where * axle, side * (width / 2 + 0.01)
            parts.append(tube((x, outer - side * 0.22, radius), (x, outer, radius), (radius, radius), tyre, sides=12))
            parts.append(
                tube((x, outer, radius), (x, outer + side * 0.012, radius), (radius * 0.6, radius * 0.55), hub, sides=8)
            )
    return parts


def _lights(label: int, nose: float, width: float, height: float) -> list[Mesh]:
    parts = []
    for side in (-1, 1):
        for x, colour in ((nose, (0.85, 0.85, 0.8)), (-nose, (0.45, 0.01, 0.01))):
            lens = Paint(label=label, material=Material.LAMP, colour=colour)
            parts.append(box((0.1, 0.3, 0.14), (x - np.sign(x) * 0.045, side * width * 0.38, height), lens))
        plate = Paint(label=label, material=Material.SIGN, style=6, colour=(0.8, 0.8, 0.78))
        parts.append(box((0.04, 0.5, 0.11), (side * (nose - 0.005), 0, height - 0.2), plate))
    return parts


def truck(rng: np.random.Generator) -> Mesh:
    """A cab and a cargo box, 6 to 9 m long."""
    length, width, height = rng.uniform(6, 9), rng.uniform(2.2, 2.5), rng.uniform(2.9, 3.6)
    cab_length = 1.9
    cab = Paint(label=labels.TRUCK, material=Material.LACQUER, colour=_colour(rng))
    cargo = Paint(
        label=labels.TRUCK,
        material=Material.METAL,
        colour=rng.choice([[0.75, 0.75, 0.73], [0.1, 0.2, 0.5], [0.55, 0.1, 0.08], [0.2, 0.4, 0.25], [0.7, 0.55, 0.1]]),
    )
    glass = Paint(label=labels.TRUCK, material=Material.GLASS, colour=(0.03, 0.035, 0.04))
    frame = Paint(label=labels.TRUCK, material=Material.METAL, colour=(0.05, 0.05, 0.05))
    front, split = length / 2, length / 2 - cab_length
    nose = np.array([[split, 0.5], [front, 0.5], [front, 1.4], [front - 0.35, 2.5], [split, 2.6]])
    windscreen = np.array([[front - 0.6, 1.45], [front + 0.015, 1.42], [front - 0.30, 2.3], [front - 0.6, 2.3]])
    return Mesh.merge(
        [
            loft(nose, np.full(5, width / 2 * 0.95), cab),
            loft(windscreen, np.full(4, width / 2 * 0.96), glass),
            box(
                (length - cab_length - 0.1, width, height - 1.0),
                ((split - 0.1 - length / 2) / 2, 0, 1.0 + (height - 1.0) / 2),
                cargo,
            ),
            box((length - 0.6, 0.9, 0.35), (0, 0, 0.75), frame),
            *_wheels(labels.TRUCK, length * 0.34, width, 0.48),
            *_lights(labels.TRUCK, length / 2, width, 0.8),
        ]
    )


def bus(rng: np.random.Generator) -> Mesh:
    """A city bus, 10 to 12 m long."""
    length, width, height = rng.uniform(10, 12), 2.5, rng.uniform(2.9, 3.1)
    lacquer = Paint(
        label=labels.BUS,
        material=Material.LACQUER,
        colour=rng.choice([[0.75, 0.7, 0.1], [0.6, 0.05, 0.05], [0.7, 0.7, 0.7], [0.1, 0.3, 0.55]]),
    )
    glass = Paint(label=labels.BUS, material=Material.GLASS, colour=(0.03, 0.035, 0.04))
    panes = [
        box((1.25, width + 0.02, 0.95), (x, 0, height * 0.62), glass)
        for x in np.arange(-length / 2 + 1.0, length / 2 - 0.5, 1.45)
    ]
    return Mesh.merge(
        [
            box((length, width, height - 0.35), (0, 0, 0.35 + (height - 0.35) / 2), lacquer),
            *panes,
            box((length + 0.02, width * 0.86, 1.2), (0, 0, height * 0.6), glass),
            *_wheels(labels.BUS, length * 0.3, width, 0.48),
            *_lights(labels.BUS, length / 2, width, 0.8),
        ]
    )


def trailer(rng: np.random.Generator) -> Mesh:
    """A caravan or a covered trailer: other-vehicle."""
    length, width, height = rng.uniform(3.5, 5.5), rng.uniform(1.9, 2.2), rng.uniform(2.1, 2.6)
    shell = Paint(
        label=labels.OTHER_VEHICLE,
        material=Material.LACQUER,
        colour=(rng.uniform(0.5, 0.8) * np.array([1, 0.98, 0.92])),
    )
    glass = Paint(label=labels.OTHER_VEHICLE, material=Material.GLASS, colour=(0.03, 0.035, 0.04))
    bar = Paint(label=labels.OTHER_VEHICLE, material=Material.METAL, colour=(0.1, 0.1, 0.1))
    side = np.array([(-0.5, 0.2), (0.46, 0.2), (0.5, 0.6), (0.42, 1.0), (-0.46, 1.0), (-0.5, 0.9)]) * [length, height]
    return Mesh.merge(
        [
            loft(side, np.full(6, width / 2), shell),
            box((length * 0.4, width + 0.02, height * 0.25), (0, 0, height * 0.68), glass),
            tube((length * 0.45, 0, 0.45), (length * 0.75, 0, 0.45), (0.05, 0.05), bar, sides=4),
            *_wheels(labels.OTHER_VEHICLE, 0.0, width, 0.32, axles=(1.0,)),
        ]
    )


def _colour(rng: np.random.Generator) -> Vector:
    return _LACQUERS[rng.integers(len(_LACQUERS))] * rng.uniform(0.8, 1.25)
