"""What rays hit: the static world and the moving things of one moment, by Embree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, overload, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8, UInt16

from voxway.core.errors import MissingExtra
from voxway.world.shapes.materials import Material
from voxway.world.shapes.mesh import Mesh
from voxway.world.street.ground import Ground, Spot


@dataclass(frozen=True, kw_only=True)
class Hits:
    """The surfaces that rays met; rays that met nothing are left out."""

    ray: Int[np.ndarray, "p"]
    """Which ray, ascending."""
    distance: Float32[np.ndarray, "p"]
    """Metres along it."""
    position: Float32[np.ndarray, "p 3"]
    """World frame, metres."""
    normal: Float32[np.ndarray, "p 3"]
    """Unit vector, turned towards where the ray came from."""
    label: UInt16[np.ndarray, "p"]
    """Raw semantic ids."""
    instance: UInt16[np.ndarray, "p"]
    material: UInt8[np.ndarray, "p"]
    style: UInt16[np.ndarray, "p"]
    colour: Float32[np.ndarray, "p 3"]
    uv: Float32[np.ndarray, "p 2"]
    grounded: Int[np.ndarray, "g"]
    """Which of the hits lie on the ground."""
    spot: Spot
    """What the ground is at those."""


@runtime_checkable
class _Embree(Protocol):
    """What is used of embreex, which has no stubs."""

    @overload
    def run(self, origins: np.ndarray, directions: np.ndarray, *, output: int) -> dict[str, np.ndarray]: ...

    @overload
    def run(self, origins: np.ndarray, directions: np.ndarray, *, query: str) -> np.ndarray: ...


class Caster:
    """Finds the nearest face of a mesh that does not change.

    Raises:
        MissingExtra: embreex is not installed.
    """

    def __init__(self, mesh: Mesh) -> None:
        try:
            # Compiled modules without stubs.
            from embreex.mesh_construction import TriangleMesh  # ty: ignore[import-not-found]
            from embreex.rtcore_scene import EmbreeScene  # ty: ignore[import-not-found]
        except ImportError:
            raise MissingExtra("embreex", "world", "ray casting the synthetic world") from None
        self.mesh = mesh
        self._scene: _Embree | None = None
        if len(mesh.faces):
            self._scene = EmbreeScene()
            # The scene keeps no reference of its own to the geometry's arrays.
            self._geometry = TriangleMesh(self._scene, mesh.vertices, mesh.faces)

    def cast(
        self, origins: Float32[np.ndarray, "p 3"], directions: Float32[np.ndarray, "p 3"]
    ) -> dict[str, np.ndarray]:
        """Embree's answer per ray: tfar (metres), primID (face, -1 for none), Ng, u, v."""
        names = ("tfar", "primID", "Ng", "u", "v")
        if self._scene is None:
            count = len(origins)
            far, none = np.full(count, np.inf, np.float32), np.full(count, -1, np.int32)
            return dict(
                zip(names, (far, none, np.zeros((count, 3), np.float32), np.zeros_like(far), np.zeros_like(far)))
            )
        answer = self._scene.run(origins, directions, output=1)
        answer["tfar"] = np.where(answer["primID"] < 0, np.float32(np.inf), answer["tfar"])
        return {name: answer[name] for name in names}

    def blocked(
        self, origins: Float32[np.ndarray, "p 3"], directions: Float32[np.ndarray, "p 3"]
    ) -> Bool[np.ndarray, "p"]:
        """Whether anything stands in the way of each ray (world frame, metres), however far."""
        if self._scene is None or not len(origins):
            return np.zeros(len(origins), bool)
        return self._scene.run(origins, directions, query="OCCLUDED") >= 0


class Scene:
    """The static world and what moves in it at one moment.

    Args:
        static: built once; expensive.
        moving: a small mesh; cheap.
        ground: tells what lies where on faces of `Material.GROUND`.
    """

    def __init__(self, static: Caster, moving: Mesh, ground: Ground) -> None:
        self._layers = (static, Caster(moving))
        self._ground = ground

    def cast(
        self,
        origins: Float32[np.ndarray, "p 3"],
        directions: Float32[np.ndarray, "p 3"],
        reach: float,
        *,
        textured: bool = True,
    ) -> Hits:
        """The nearest surface along each ray (unit directions), up to `reach` metres; `uv` is 0 unless `textured`."""
        answer, other = (layer.cast(origins, directions) for layer in self._layers)
        moving = np.flatnonzero(other["tfar"] < answer["tfar"])
        for name, values in answer.items():
            values[moving] = other[name][moving]
        ray = np.flatnonzero(answer["tfar"] < reach)
        moving = np.flatnonzero(np.isin(ray, moving, assume_unique=True))
        distance, face, normal = answer["tfar"][ray], answer["primID"][ray], answer["Ng"][ray]
        towards = directions[ray]
        normal *= -(np.sign((normal * towards).sum(1)) / np.sqrt((normal * normal).sum(1)).clip(min=1e-12))[:, None]
        position = origins[ray] + towards * distance[:, None]
        names = ("label", "instance", "material", "style", "colour")
        attributes = {name: self._gather(name, face, moving) for name in names}
        uv = np.zeros((len(ray), 2), np.float32)
        if textured:
            corners = self._gather("uv", face, moving)
            first, u, v = corners[:, 0], answer["u"][ray, None], answer["v"][ray, None]
            uv = first + u * (corners[:, 1] - first) + v * (corners[:, 2] - first)
        grounded = np.flatnonzero(attributes["material"] == Material.GROUND)
        spot = self._ground.look(position[grounded, :2].astype(np.float64))
        attributes["label"][grounded] = spot.label
        return Hits(
            ray=ray,
            distance=distance,
            position=position,
            normal=normal,
            uv=uv,
            grounded=grounded,
            spot=spot,
            **attributes,
        )

    def shadowed(
        self, position: Float32[np.ndarray, "p 3"], normal: Float32[np.ndarray, "p 3"], sun: Float32[np.ndarray, "3"]
    ) -> Bool[np.ndarray, "p"]:
        """Whether the sun does not reach the positions."""
        # Float32 keeps about 0.1 mm at a kilometre; 2 cm keeps a surface out of its own shadow.
        origins = position + np.float32(0.02) * normal
        directions = np.tile(sun, (len(origins), 1))
        blocked = self._layers[0].blocked(origins, directions)
        clear = np.flatnonzero(~blocked)
        blocked[clear] = self._layers[1].blocked(origins[clear], directions[clear])
        return blocked

    def _gather(self, name: str, face: np.ndarray, moving: np.ndarray) -> np.ndarray:
        """An attribute of the faces that were hit; those at `moving` belong to the second layer."""
        static, dynamic = (getattr(layer.mesh, name) for layer in self._layers)
        still = face.copy()
        still[moving] = 0
        values = static[still] if len(static) else np.zeros((len(face), *static.shape[1:]), static.dtype)
        values[moving] = dynamic[face[moving]]
        return values
