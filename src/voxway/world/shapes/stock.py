"""Stocks of shapes: several of each kind, drawn once and put up many times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from voxway.world.shapes import furniture, people, plants, vehicles
from voxway.world.shapes.mesh import Mesh


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
        """One of the meshes at random."""
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
