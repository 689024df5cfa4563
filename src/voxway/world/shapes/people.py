"""People and two-wheelers about the origin, facing +x; riders carry the class of rider and vehicle together."""

from __future__ import annotations

import numpy as np

from voxway.world.shapes import labels
from voxway.world.shapes.materials import Material
from voxway.world.shapes.mesh import Mesh, Paint, Vector, ball, box, tube

_SKINS = np.array([[0.55, 0.36, 0.26], [0.45, 0.28, 0.18], [0.2, 0.11, 0.07], [0.62, 0.43, 0.33]])


def person(rng: np.random.Generator) -> Mesh:
    """A standing or walking person, 1.5 to 1.9 m tall."""
    tall = rng.uniform(1.5, 1.9)
    shirt, trousers, skin = _clothes(rng, labels.PERSON)
    stride = rng.uniform(0.0, 0.28) * tall
    hip, shoulder = 0.5 * tall, 0.8 * tall
    parts = [
        _head(rng, labels.PERSON, skin, (0, 0, 0.93 * tall)),
        _torso((0, 0, hip - 0.03), (0.02, 0, shoulder), shirt),
    ]
    for side in (-1, 1):
        foot = (side * stride / 2, side * 0.1, 0.02)
        parts.append(tube((0, side * 0.09, hip), foot, (0.095, 0.06), trousers, sides=5))
        parts.append(
            tube((0, side * 0.21, shoulder), (-side * stride * 0.6, side * 0.25, hip), (0.055, 0.045), shirt, sides=4)
        )
    return Mesh.merge(parts)


def bicycle(rng: np.random.Generator, label: int = labels.BICYCLE) -> Mesh:
    """A bicycle, 1.8 m long."""
    frame = Paint(label=label, material=Material.METAL, colour=rng.uniform(0.02, 0.5, 3))
    rubber = Paint(label=label, material=Material.RUBBER, colour=(0.03, 0.03, 0.03))
    saddle, crank, head = (-0.22, 0, 0.92), (-0.05, 0, 0.32), (0.42, 0, 0.88)
    bars = [
        (crank, saddle),
        (crank, head),
        (saddle, head),
        (crank, (-0.55, 0, 0.34)),
        ((-0.55, 0, 0.34), saddle),
        ((0.55, 0, 0.34), (0.38, 0, 1.0)),
    ]
    parts = [tube(a, b, (0.025, 0.025), frame, sides=4) for a, b in bars]
    parts += [_wheel(x, 0.34, 0.05, rubber) for x in (-0.55, 0.55)]
    parts += [
        tube((0.36, -0.3, 1.02), (0.36, 0.3, 1.02), (0.02, 0.02), frame, sides=4),
        box((0.26, 0.16, 0.07), (-0.24, 0, 0.96), rubber),
    ]
    return Mesh.merge(parts)


def motorcycle(rng: np.random.Generator, label: int = labels.MOTORCYCLE) -> Mesh:
    """A motorcycle or scooter, 2 m long."""
    lacquer = Paint(label=label, material=Material.LACQUER, colour=rng.uniform(0.02, 0.5, 3))
    rubber = Paint(label=label, material=Material.RUBBER, colour=(0.03, 0.03, 0.03))
    steel = Paint(label=label, material=Material.METAL, colour=(0.25, 0.25, 0.26))
    parts = [_wheel(x, 0.31, 0.13, rubber) for x in (-0.68, 0.7)]
    parts += [
        ball((0.15, 0, 0.75), (0.35, 0.17, 0.2), lacquer, rings=3, sides=6),
        box((0.5, 0.3, 0.35), (0, 0, 0.42), steel),
        box((0.75, 0.24, 0.12), (-0.42, 0, 0.8), rubber),
        tube((0.7, 0, 0.31), (0.48, 0, 0.98), (0.06, 0.05), steel, sides=4),
        tube((0.45, -0.36, 1.02), (0.45, 0.36, 1.02), (0.03, 0.03), steel, sides=4),
        ball(
            (0.6, 0, 0.85),
            (0.1, 0.1, 0.1),
            Paint(label=label, material=Material.LAMP, colour=(0.8, 0.8, 0.75)),
            rings=2,
            sides=6,
        ),
    ]
    return Mesh.merge(parts)


def bicyclist(rng: np.random.Generator) -> Mesh:
    """A person on a bicycle."""
    label = labels.BICYCLIST
    return Mesh.merge([bicycle(rng, label), *_rider(rng, label, seat=0.98, reach=(0.34, 1.05), pedal=0.3)])


def motorcyclist(rng: np.random.Generator) -> Mesh:
    """A person with a helmet on a motorcycle."""
    label = labels.MOTORCYCLIST
    helmet = Paint(label=label, material=Material.LACQUER, colour=rng.uniform(0.02, 0.7, 3))
    rider = _rider(rng, label, seat=0.86, reach=(0.42, 1.04), pedal=0.4)
    return Mesh.merge([motorcycle(rng, label), *rider, ball((0.0, 0, 1.55), (0.16, 0.15, 0.16), helmet)])


def _rider(rng: np.random.Generator, label: int, seat: float, reach: tuple[float, float], pedal: float) -> list[Mesh]:
    shirt, trousers, skin = _clothes(rng, label)
    hip, shoulder = (-0.22, 0, seat), (-0.02, 0, seat + 0.52)
    parts = [_torso(hip, shoulder, shirt), _head(rng, label, skin, (0.02, 0, seat + 0.7))]
    for side in (-1, 1):
        knee, foot = (0.16, side * 0.14, (seat + pedal) / 2 + 0.12), (0.0, side * 0.14, pedal + 0.1 * side)
        parts.append(tube((hip[0], side * 0.09, seat), knee, (0.09, 0.07), trousers, sides=5))
        parts.append(tube(knee, foot, (0.07, 0.05), trousers, sides=5))
        parts.append(
            tube(
                (shoulder[0], side * 0.2, shoulder[2]),
                (reach[0], side * 0.26, reach[1]),
                (0.055, 0.045),
                shirt,
                sides=4,
            )
        )
    return parts


def _torso(hip: Vector, shoulder: Vector, shirt: Paint) -> Mesh:
    middle = tuple((np.asarray(hip) + shoulder) / 2)
    tall = float(np.linalg.norm(np.asarray(shoulder) - hip))
    return ball(middle, (0.15 + 0.3 * abs(shoulder[0] - hip[0]), 0.23, tall * 0.62), shirt, rings=4, sides=7)


def _head(rng: np.random.Generator, label: int, skin: Vector, centre: Vector) -> Mesh:
    hair = Paint(label=label, material=Material.CLOTH, colour=(rng.uniform(0.01, 0.2) * np.array([1, 0.8, 0.5])))
    face = ball(centre, (0.1, 0.085, 0.125), Paint(label=label, material=Material.SKIN, colour=skin), sides=6)
    return Mesh.merge(
        [face, ball((centre[0] - 0.03, 0, centre[2] + 0.035), (0.1, 0.095, 0.11), hair, rings=3, sides=6)]
    )


def _clothes(rng: np.random.Generator, label: int) -> tuple[Paint, Paint, Vector]:
    shirt = Paint(label=label, material=Material.CLOTH, colour=(rng.uniform(0.02, 0.7) * rng.uniform(0.3, 1, 3)))
    trousers = Paint(
        label=label,
        material=Material.CLOTH,
        colour=(rng.choice([[0.03, 0.04, 0.1], [0.03, 0.03, 0.03], [0.3, 0.25, 0.18]])),
    )
    return shirt, trousers, _SKINS[rng.integers(len(_SKINS))]


def _wheel(x: float, radius: float, width: float, paint: Paint) -> Mesh:
    """A tyre: a ring of short bars."""
    angle = np.arange(10) * 2 * np.pi / 10
    rim = np.stack([x + (radius - 0.03) * np.cos(angle), np.zeros(10), radius + (radius - 0.03) * np.sin(angle)], 1)
    thick = max(width / 2, 0.028)
    return Mesh.merge([tube(a, b, (thick, thick), paint, sides=4) for a, b in zip(rim, np.roll(rim, -1, 0))])
