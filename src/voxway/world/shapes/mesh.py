"""Triangle meshes whose every face knows its class, thing, material and paint; and the solids all else is made of.

Meshes are in metres, x forward, y left, z up. Texture coordinates are metres along the surface, so that a texture
is a plain function of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8, UInt16

Vector = Sequence[float | int] | np.ndarray
"""Three numbers."""


@dataclass(frozen=True, kw_only=True)
class Paint:
    """What a surface is and looks like."""

    label: int
    """Raw semantic id."""
    material: int
    """A member of `materials.Material`."""
    colour: Vector = (0.5, 0.5, 0.5)
    """Linear RGB reflectance, 0..1."""
    style: int = 0
    """Which variant of the material's texture."""


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """Triangles. All attributes but `vertices` are per face."""

    vertices: Float32[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]
    label: UInt16[np.ndarray, "f"]
    instance: UInt16[np.ndarray, "f"]
    material: UInt8[np.ndarray, "f"]
    style: UInt16[np.ndarray, "f"]
    colour: Float32[np.ndarray, "f 3"]
    uv: Float32[np.ndarray, "f 3 2"]

    @classmethod
    def of(
        cls,
        vertices: Float[np.ndarray, "v 3"],
        faces: np.ndarray,
        paint: Paint,
        uv: Float[np.ndarray, "f 3 2"] | None = None,
    ) -> Mesh:
        """A mesh of one paint; without `uv`, texture coordinates are x and z of the vertices."""
        vertices, faces = np.asarray(vertices, np.float32), np.asarray(faces, np.int32)
        count = len(faces)
        return cls(
            vertices=vertices,
            faces=faces,
            label=np.full(count, paint.label, np.uint16),
            instance=np.zeros(count, np.uint16),
            material=np.full(count, paint.material, np.uint8),
            style=np.full(count, paint.style, np.uint16),
            colour=np.tile(np.asarray(paint.colour, np.float32), (count, 1)),
            uv=np.asarray(vertices[faces][:, :, [0, 2]] if uv is None else uv, np.float32),
        )

    @classmethod
    def merge(cls, meshes: Iterable[Mesh]) -> Mesh:
        """One mesh of many; nothing is shared with them."""
        parts = list(meshes)
        if not parts:
            return cls.of(np.zeros((0, 3)), np.zeros((0, 3)), Paint(label=0, material=0))
        starts = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
        faces = [part.faces + np.int32(start) for part, start in zip(parts, starts)]
        names = ("vertices", "label", "instance", "material", "style", "colour", "uv")
        return cls(faces=np.concatenate(faces), **{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})

    def placed(self, position: Vector, yaw: float = 0.0, scale: float | Vector = 1.0) -> Mesh:
        """The mesh scaled, turned by `yaw` (radians) about z, then moved to `position` (metres)."""
        cos, sin = np.cos(yaw), np.sin(yaw)
        rotation = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        moved = (self.vertices * np.asarray(scale)) @ rotation.T + np.asarray(position, np.float64)
        return replace(self, vertices=moved.astype(np.float32))

    def named(self, *, label: int | None = None, instance: int | None = None) -> Mesh:
        """The mesh with all faces of one class or one thing."""
        changed = self
        if label is not None:
            changed = replace(changed, label=np.full_like(self.label, label))
        if instance is not None:
            changed = replace(changed, instance=np.full_like(self.instance, instance))
        return changed


def quads(corners: Float[np.ndarray, "q 4 3"], paint: Paint, uv: Float[np.ndarray, "q 4 2"] | None = None) -> Mesh:
    """Flat four-cornered faces; without `uv`, coordinates run in metres along the first edge and the last."""
    corners = np.asarray(corners, np.float64)
    if uv is None:
        width = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1)
        height = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=-1)
        zero = np.zeros_like(width)
        u, v = np.stack([zero, width, width, zero], 1), np.stack([zero, zero, height, height], 1)
        uv = np.stack([u, v], -1)
    split = np.array([[0, 1, 2], [0, 2, 3]])
    faces = (np.arange(len(corners))[:, None, None] * 4 + split).reshape(-1, 3)
    return Mesh.of(corners.reshape(-1, 3), faces, paint, uv.reshape(-1, 2)[faces])


def box(size: Vector, centre: Vector, paint: Paint) -> Mesh:
    """A box of `size` about `centre`. On its sides u runs around it and v up from its foot."""
    a, b, c = np.asarray(size) / 2
    ring = np.array([[-a, -b], [a, -b], [a, b], [-a, b]])
    sides = []
    for i in range(4):
        (x0, y0), (x1, y1) = ring[i], ring[(i + 1) % 4]
        sides.append([[x0, y0, -c], [x1, y1, -c], [x1, y1, c], [x0, y0, c]])
    top = [[x, y, c] for x, y in ring]
    bottom = [[x, y, -c] for x, y in ring[::-1]]
    return quads(np.array([*sides, top, bottom]) + np.asarray(centre), paint)


def loft(outline: Float[np.ndarray, "n 2"], half_width: Float[np.ndarray, "n"], paint: Paint) -> Mesh:
    """A solid with a convex side view: `outline` in (x, z), reaching `half_width` to either side at each corner."""
    outline, half_width = np.asarray(outline, np.float64), np.asarray(half_width, np.float64)
    count = len(outline)
    left = np.stack([outline[:, 0], half_width, outline[:, 1]], 1)
    right = left * [1, -1, 1]
    fan = np.stack([np.zeros(count - 2), np.arange(1, count - 1), np.arange(2, count)], 1)
    here, after = np.arange(count), (np.arange(count) + 1) % count
    rim = np.concatenate([np.stack([here, after, after + count], 1), np.stack([here, after + count, here + count], 1)])
    return Mesh.of(np.concatenate([left, right]), np.concatenate([fan, fan + count, rim]), paint)


def tube(start: Vector, end: Vector, radii: tuple[float, float], paint: Paint, sides: int = 6) -> Mesh:
    """A round bar from `start` to `end`, with a radius at either and flat ends."""
    low_end, high_end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    length = float(np.linalg.norm(high_end - low_end))
    along = (high_end - low_end) / max(length, 1e-9)
    helper = np.array([1.0, 0, 0]) if abs(along[0]) < 0.9 else np.array([0, 1.0, 0])
    first = np.cross(along, helper)
    first /= np.linalg.norm(first)
    second = np.cross(along, first)
    angle = np.arange(sides) * 2 * np.pi / sides
    circle = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second
    vertices = np.concatenate([low_end + radii[0] * circle, high_end + radii[1] * circle, [low_end, high_end]])
    here, after = np.arange(sides), (np.arange(sides) + 1) % sides
    low, high = np.full(sides, 2 * sides), np.full(sides, 2 * sides + 1)
    faces = [
        (here, after, after + sides),
        (here, after + sides, here + sides),
        (after, here, low),
        (here + sides, after + sides, high),
    ]
    u = np.concatenate([angle, angle, [0, 0]]) * radii[0]
    v = np.concatenate([np.zeros(sides), np.full(sides, length), [0, length]])
    triangles = np.concatenate([np.stack(face, 1) for face in faces])
    return Mesh.of(vertices, triangles, paint, np.stack([u, v], 1)[triangles])


def ball(centre: Vector, radii: Vector, paint: Paint, rings: int = 4, sides: int = 8) -> Mesh:
    """An ellipsoid of `rings` bands with `sides` faces each."""
    polar = np.linspace(0, np.pi, rings + 1)
    azimuth = np.arange(sides) * 2 * np.pi / sides
    unit = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(azimuth),
            np.sin(polar)[:, None] * np.sin(azimuth),
            np.cos(polar)[:, None] * np.ones(sides),
        ],
        -1,
    )
    index = np.arange((rings + 1) * sides).reshape(rings + 1, sides)
    a, b = index[:-1], index[1:]
    after_a, after_b = np.roll(a, -1, 1), np.roll(b, -1, 1)
    # At either pole a ring is one point, and one of a face's two triangles has no area.
    towards_low, towards_high = np.stack([a, b, after_b], -1)[:-1], np.stack([a, after_b, after_a], -1)[1:]
    faces = np.concatenate([towards_low.reshape(-1, 3), towards_high.reshape(-1, 3)])
    return Mesh.of(unit.reshape(-1, 3) * np.asarray(radii) + np.asarray(centre), faces, paint)


def scatter(
    rng: np.random.Generator,
    centres: Float[np.ndarray, "n 3"],
    size: float,
    paint: Paint,
    colours: Float[np.ndarray, "n 3"],
) -> Mesh:
    """Loose triangles about `centres`, each turned its own way: leaves, twigs, grass."""
    count = len(centres)
    offsets = rng.normal(size=(count, 3, 3))
    offsets -= offsets.mean(1, keepdims=True)
    offsets *= size / np.linalg.norm(offsets, axis=-1, keepdims=True).clip(min=0.3)
    vertices = (np.asarray(centres)[:, None] + offsets).reshape(-1, 3)
    mesh = Mesh.of(vertices, np.arange(3 * count).reshape(-1, 3), paint)
    return replace(mesh, colour=np.asarray(colours, np.float32))
