"""The building site: a stock of shapes, what ground is taken, and the parts put up so far."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from voxway.world import furniture, people, plants, vehicles
from voxway.world.ground import Ground, Zone
from voxway.world.mesh import Mesh
from voxway.world.roads import SIGN, Road

_CLAIM_CELL = 0.5
_OFF_ROAD = (Zone.TERRAIN, Zone.OTHER)


@dataclass(frozen=True)
class Shapes:
    """Several meshes of one kind of thing.

    Attributes:
        meshes: at least one.
        size: length and width of the ground that any of them takes, metres.
    """

    meshes: list[Mesh]
    size: tuple[float, float]

    def pick(self, rng: np.random.Generator) -> Mesh:
        """One of them."""
        return self.meshes[int(rng.integers(len(self.meshes)))]


class Stock:
    """Shapes drawn once per street and put up many times."""

    def __init__(self, rng: np.random.Generator) -> None:
        def several(count: int, draw: Callable[[np.random.Generator], Mesh], size: tuple[float, float]) -> Shapes:
            return Shapes([draw(rng) for _ in range(count)], size)

        self.trees = several(9, plants.tree, (0.6, 0.6))
        self.bushes = several(6, plants.bush, (0.8, 0.8))
        self.cars = several(14, vehicles.car, (4.5, 1.8))
        self.trucks = several(3, vehicles.truck, (8.5, 2.4))
        self.buses = several(2, vehicles.bus, (11.5, 2.5))
        self.trailers = several(3, vehicles.trailer, (5.5, 2.1))
        self.bicycles = several(4, people.bicycle, (1.4, 0.4))
        self.motorcycles = several(4, people.motorcycle, (2.0, 0.7))
        self.people = several(10, people.person, (0.5, 0.5))
        self.bicyclists = several(4, people.bicyclist, (1.8, 0.6))
        self.motorcyclists = several(4, people.motorcyclist, (2.0, 0.7))
        self.lamps = several(1, furniture.lamp, (0.3, 0.3))
        self.bollards = several(1, furniture.bollard, (0.3, 0.3))
        self.bins = several(3, furniture.bin_, (0.7, 0.7))


class Deck:
    """Draws kinds of things like cards, so that rare ones come regularly and no street goes without.

    Args:
        cards: how often each kind lies in the deck.
    """

    def __init__(self, rng: np.random.Generator, cards: list[tuple[Shapes, int]]) -> None:
        self._rng = rng
        self._cards = [shapes for shapes, count in cards for _ in range(count)]
        self._left: list[Shapes] = []

    def draw(self) -> Shapes:
        """The next card; the deck is shuffled anew when it is used up."""
        if not self._left:
            self._left = [self._cards[i] for i in self._rng.permutation(len(self._cards))]
        return self._left.pop()


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

    def row(self, road: Road, side: int, start: float, end: float, distance: float, shape, step: float = 3.0) -> None:
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
