"""The ground: which zone a point lies in, how high it is, and the mesh that rays hit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Float, UInt8

from voxway.world.shapes import labels
from voxway.world.shapes.materials import Material
from voxway.world.shapes.mesh import Mesh, Paint
from voxway.world.street.roads import REACH, STEP, Road

CELL = 0.5
"""Metres between vertices of the ground near the route."""
KERB = 0.12
"""Metres that a pavement lies above the road."""


class Zone(IntEnum):
    """What the ground is. Where roads overlap, the higher member wins."""

    TERRAIN = 0
    OTHER = 1
    PARKING = 2
    PAVEMENT = 3
    ROAD = 4


LABEL_OF_ZONE = np.array([labels.TERRAIN, labels.OTHER_GROUND, labels.PARKING, labels.SIDEWALK, labels.ROAD], np.uint16)
LIFT_OF_ZONE = np.array([KERB, KERB, 0.03, KERB, 0.0])


@dataclass(frozen=True)
class Spot:
    """What lies at some points of the ground.

    Attributes:
        zone: `Zone`.
        s: metres along the road that owns the zone.
        d: metres to the left of that road's centreline.
        edge: metres from the rim of the carriageway, negative on it.
        marked: whether road paint lies there.
    """

    zone: UInt8[np.ndarray, "p"]
    s: Float[np.ndarray, "p"]
    d: Float[np.ndarray, "p"]
    edge: Float[np.ndarray, "p"]
    marked: np.ndarray

    @property
    def label(self) -> np.ndarray:
        """Raw semantic id of the surface at each point."""
        return np.where(self.marked, np.uint16(labels.LANE_MARKING), LABEL_OF_ZONE[self.zone])


class Ground:
    """Hills, and the zones of all roads together.

    Args:
        rng: draws the hills.
        roads: the route first, then side roads; all with their cross-sections.
        stops: metres along the route where side roads meet it; lane paint pauses there.
    """

    def __init__(self, rng: np.random.Generator, roads: list[Road], stops: list[float]) -> None:
        self.roads = roads
        self._stops = np.asarray(stops)
        waves = 5
        length = rng.uniform(70, 260, waves)
        angle = rng.uniform(0, 2 * np.pi, waves)
        self._wave = np.stack([np.cos(angle), np.sin(angle)]) * 2 * np.pi / length
        # Slopes up to about 2 % each.
        self._amplitude = rng.uniform(0.0, 0.016, waves) * length / (2 * np.pi)
        self._phase = rng.uniform(0, 2 * np.pi, waves)
        self._dashed = bool(rng.random() < 0.6)

    def base(self, xy: Float[np.ndarray, "*p 2"]) -> Float[np.ndarray, "*p"]:
        """Height of the hills alone, metres."""
        return (self._amplitude * np.sin(xy @ self._wave + self._phase)).sum(-1)

    def slope(self, xy: Float[np.ndarray, "*p 2"]) -> Float[np.ndarray, "*p 2"]:
        """Gradient of the hills: metres of rise per metre along x and along y."""
        return (self._amplitude * np.cos(xy @ self._wave + self._phase)) @ self._wave.T

    def look(self, xy: Float[np.ndarray, "p 2"]) -> Spot:
        """What lies at world positions (metres)."""
        count = len(xy)
        zone = np.zeros(count, np.uint8)
        s, d, edge = np.zeros(count), np.full(count, np.inf), np.full(count, np.inf)
        for road in self._near(xy):
            road_s, road_d = road.locate(xy)
            road_zone, road_edge, known = _zones(road, road_s, road_d)
            # A side road's plots never override the route's, but its pavements and carriageway do.
            better = known & ((road_zone > zone) | ((road_zone == zone) & (road_edge < edge)))
            zone, s, d = np.where(better, road_zone, zone), np.where(better, road_s, s), np.where(better, road_d, d)
            edge = np.where(known, np.minimum(edge, road_edge), edge)
        return Spot(zone, s, d, edge, self._paint(zone, s, d, edge))

    def height(self, xy: Float[np.ndarray, "p 2"]) -> Float[np.ndarray, "p"]:
        """Height of the ground, kerbs and banks included, metres."""
        spot = self.look(xy)
        # The mesh is too coarse for an upright kerb; a short ramp keeps it from looking like a staircase.
        ramp = np.clip(spot.edge / CELL, 0, 1)
        return self.base(xy) + LIFT_OF_ZONE[spot.zone] * ramp + self._bank(xy, spot)

    def mesh(self) -> Mesh:
        """The ground as triangles: fine along the roads, coarse and a little lower beyond."""
        route = self.roads[0].centre
        low, high = route.min(0) - REACH - 10, route.max(0) + REACH + 10
        fine = self._patch(low, high, CELL, near=REACH - 12)
        coarse = self._patch(low - 150, high + 150, 10.0, near=None)
        return Mesh.merge([fine, replace(coarse, vertices=coarse.vertices - np.array([0, 0, 0.8], np.float32))])

    def _patch(self, low: np.ndarray, high: np.ndarray, cell: float, near: float | None) -> Mesh:
        counts = np.ceil((high - low) / cell).astype(int) + 1
        axes = [np.arange(count) * cell + start for count, start in zip(counts, low)]
        xy = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
        if near is None:
            keep, z = np.ones(len(xy), bool), self.base(xy)
        else:
            _, d = self.roads[0].locate(xy)
            keep = np.abs(d) < near
            z = np.zeros(len(xy))
            z[keep] = self.height(xy[keep])
        index = np.arange(len(xy)).reshape(counts)
        corners = [index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]]
        a, b, c, e = (corner.reshape(-1) for corner in corners)
        whole = keep[a] & keep[b] & keep[c] & keep[e]
        faces = np.concatenate([np.stack([a, b, c], 1)[whole], np.stack([a, c, e], 1)[whole]])
        used, inverse = np.unique(faces, return_inverse=True)
        paint = Paint(label=labels.TERRAIN, material=Material.GROUND)
        vertices = np.concatenate([xy[used], z[used, None]], 1)
        return Mesh.of(vertices, inverse.reshape(-1, 3), paint, np.zeros((len(faces), 3, 2)))

    def _near(self, xy: np.ndarray) -> list[Road]:
        if not len(xy):
            return []
        low, high = xy.min(0) - REACH, xy.max(0) + REACH
        return [road for road in self.roads if (road.centre.max(0) > low).all() and (road.centre.min(0) < high).all()]

    def _bank(self, xy: np.ndarray, spot: Spot) -> np.ndarray:
        s, d = self.roads[0].locate(xy)
        section = self.roads[0].section
        i, side = self.roads[0].sample(s), (d < 0).astype(int)
        beyond = np.abs(d) - section.pavement[side, i]
        ramp = np.clip(beyond / 9, 0, 1)
        rise = section.bank[side, i] * ramp * ramp * (3 - 2 * ramp)
        return np.where((spot.zone <= Zone.OTHER) & np.isfinite(d), rise, 0)

    def _paint(self, zone: np.ndarray, s: np.ndarray, d: np.ndarray, edge: np.ndarray) -> np.ndarray:
        """Centre line: dashes of 3 m with gaps of 6 m, 12 cm wide, away from junctions."""
        if not self._dashed:
            return np.zeros(len(zone), bool)
        line = (zone == Zone.ROAD) & (np.abs(d) < 0.06) & (np.mod(s, 9.0) < 3.0)
        if len(self._stops):
            clear = np.ones(len(s), bool)
            for stop in self._stops:
                clear &= np.abs(s - stop) > 9
            line &= clear
        return line


def _zones(road: Road, s: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    section = road.section
    known = np.isfinite(d) & (s > -STEP) & (s < road.length + STEP)
    i, side, distance = road.sample(s), (d < 0).astype(int), np.abs(d)
    zone = section.plot_zone[side, i].copy()
    strips = (
        (section.pavement, np.full_like(zone, Zone.PAVEMENT)),
        (section.verge, section.verge_zone[side, i]),
        (section.parking, np.full_like(zone, Zone.PARKING)),
        (section.carriageway, np.full_like(zone, Zone.ROAD)),
    )
    for end, strip in strips:
        zone = np.where(distance < end[side, i], strip, zone)
    return zone, distance - section.carriageway[side, i], known
