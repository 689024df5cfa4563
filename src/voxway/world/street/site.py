"""The building site: a stock of shapes, what ground is taken, and the parts put up so far."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from voxway.world.shapes.mesh import Mesh
from voxway.world.shapes.stock import Deck, Shapes, Stock
from voxway.world.street.ground import Ground, Zone
from voxway.world.street.roads import SIGN, Road

_CLAIM_CELL = 0.5
_OFF_ROAD = (Zone.TERRAIN, Zone.OTHER)


class Site:
    """Puts shapes onto the ground where there is room.

    Attributes:
        rng: draws whatever the fillers draw.
        ground: the ground.
        stock: shapes to use.
        roadworks: whether things that SemanticKITTI has no class for may stand here.
        parts: meshes put up, in the world frame.
        things: instances named so far.
        parked: draws what stands in parking bays.
        riders: draws riders who have stopped.
    """

    def __init__(self, rng: np.random.Generator, ground: Ground, *, roadworks: bool = False) -> None:
        self.rng, self.ground, self.stock = rng, ground, Stock(rng)
        self.roadworks = roadworks
        self.parts: list[Mesh] = []
        self.things = 0
        stock = self.stock
        self.parked = Deck(
            rng,
            [(stock.cars, 26), (stock.trucks, 1), (stock.trailers, 1), (stock.motorcycles, 2)],
        )
        self.riders = Deck(rng, [(stock.bicyclists, 1), (stock.motorcyclists, 1)])
        ends = np.concatenate([road.centre for road in ground.roads])
        self._corner = ends.min(0) - 80
        self._taken = np.zeros(np.ceil((ends.max(0) + 80 - self._corner) / _CLAIM_CELL).astype(int), bool)

    def next_thing(self) -> int:
        """A new instance id, 1..65535."""
        self.things = self.things % 65535 + 1
        return self.things

    def put(
        self,
        mesh: Mesh,
        xy: Float[np.ndarray, "2"],
        yaw: float,
        size: Sequence[float | int],
        *,
        zones: tuple[Zone, ...] | None = _OFF_ROAD,
        thing: bool = False,
        scale: float = 1.0,
    ) -> bool:
        """Put a shape up unless its footprint is taken or touches a zone that is not in `zones`.

        Args:
            mesh: the shape, its foot at z = 0.
            xy: where, metres.
            yaw: which way it faces, radians.
            size: length and width of its footprint about `xy`, metres.
            zones: what it may stand on; None for anything.
            thing: whether it gets an instance id of its own.
            scale: factor on its size.

        Returns:
            whether it stands.
        """
        spots = _footprint(np.asarray(xy), yaw, size)
        cells = self._cells(spots)
        if self._taken[cells].any():
            return False
        if zones is not None and not np.isin(self.ground.look(spots).zone, zones).all():
            return False
        self._taken[cells] = True
        z = float(self.ground.height(np.asarray(xy)[None])[0])
        placed = mesh.placed((*xy, z), yaw, scale)
        self.parts.append(placed.named(instance=self.next_thing()) if thing else placed)
        return True

    def scatter(
        self,
        shapes: Shapes,
        xy: Float[np.ndarray, "n 2"],
        room: float,
        zones: tuple[Zone, ...] | None,
        scales: tuple[float, float],
    ) -> None:
        """Put up many plants at once, each one of `shapes` turned at random, wherever `room` metres square are free."""
        if not len(xy):
            return
        zone, height = self.ground.look(xy).zone, self.ground.height(xy)
        fits = np.ones(len(xy), bool) if zones is None else np.isin(zone, zones)
        for i in np.flatnonzero(fits):
            cells = self._cells(_footprint(xy[i], 0.0, (room, room)))
            if self._taken[cells].any():
                continue
            self._taken[cells] = True
            yaw, scale = self.rng.uniform(0, 2 * np.pi), self.rng.uniform(*scales)
            self.parts.append(shapes.pick(self.rng).placed((*xy[i], height[i]), yaw, scale))

    def beside(self, road: Road, side: int, s: float, distance: float) -> tuple[Float[np.ndarray, "2"], float]:
        """Position at `distance` from the centreline, and the heading that looks from there at the road."""
        heading = float(road.direction(s))
        return road.point(s, SIGN[side] * distance), heading - SIGN[side] * np.pi / 2

    def row(
        self,
        road: Road,
        side: int,
        start: float,
        end: float,
        distance: float,
        shape: Callable[[float], Mesh],
        step: float = 3.0,
    ) -> None:
        """Pieces of fence, wall or hedge end to end along a road, following its bends.

        Args:
            shape: makes the piece for a length in metres, along x about the origin.
        """
        count = max(round((end - start) / step), 1)
        bounds = np.linspace(start, end, count + 1)
        corners = road.point(bounds, np.full(count + 1, SIGN[side] * distance))
        piece, made = None, 0.0
        for a, b in itertools.pairwise(corners):
            length = float(np.linalg.norm(b - a))
            if length < 0.3:
                continue
            if piece is None or abs(length - made) > 0.15:
                piece, made = shape(length), length
            yaw = float(np.arctan2(b[1] - a[1], b[0] - a[0]))
            # Ends touch their neighbours, so the claim stops short of them.
            self.put(piece, (a + b) / 2, yaw, (length - 1.2, 0.3))

    def _cells(self, spots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cell = np.clip(((spots - self._corner) / _CLAIM_CELL).astype(int), 0, np.array(self._taken.shape) - 1)
        return cell[:, 0], cell[:, 1]


def _footprint(xy: np.ndarray, yaw: float, size: Sequence[float | int]) -> np.ndarray:
    axes = [np.linspace(-extent / 2, extent / 2, max(int(np.ceil(extent / _CLAIM_CELL)) + 1, 1)) for extent in size]
    local = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    cos, sin = np.cos(yaw), np.sin(yaw)
    return local @ np.array([[cos, sin], [-sin, cos]]) + xy
