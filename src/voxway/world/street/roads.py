"""Roads: curved centrelines with a cross-section, and where a point lies along and beside them.

A road has its own coordinates: `s` metres along the centreline, `d` metres to the left of it. Side 0 is the left,
side 1 the right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

STEP = 0.5
"""Metres between two samples of a centreline."""
REACH = 60.0
"""Metres on either side within which a road knows where points lie."""
SIDE_ROAD = 90.0
"""Metres that a side road runs away from the route."""
LEFT, RIGHT = 0, 1
SIGN = np.array([1.0, -1.0])
"""Sign of `d` on either side."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """Cross-section of a road per side and sample: distances from the centreline at which each strip ends, metres."""

    carriageway: Float[np.ndarray, "2 n"]
    parking: Float[np.ndarray, "2 n"]
    """End of the parking bay; equals `carriageway` where there is none."""
    verge: Float[np.ndarray, "2 n"]
    """End of the strip between kerb and pavement."""
    pavement: Float[np.ndarray, "2 n"]
    verge_zone: UInt8[np.ndarray, "2 n"]
    """`ground.Zone` of the verge: terrain, or paved where a driveway crosses it."""
    plot_zone: UInt8[np.ndarray, "2 n"]
    """`ground.Zone` of what lies beyond the pavement."""
    bank: Float[np.ndarray, "2 n"]
    """How far the ground beyond the pavement rises, metres."""


class Road:
    """A centreline and its cross-section.

    Attributes:
        centre: samples of the centreline, `STEP` apart, metres.
        heading: direction there, radians.
        curvature: 1/metres, positive to the left.
    """

    def __init__(
        self,
        start: Float[np.ndarray, "2"],
        heading: float,
        curvature: Float[np.ndarray, "n"],
    ) -> None:
        turned = np.concatenate([[0.0], np.cumsum(curvature)[:-1]]) * STEP
        self.curvature = curvature
        self.heading = heading + turned
        middle = self.heading + curvature * STEP / 2
        steps = np.stack([np.cos(middle), np.sin(middle)], 1) * STEP
        self.centre: Float[np.ndarray, "n 2"] = np.asarray(start) + np.concatenate([[[0, 0]], np.cumsum(steps, 0)[:-1]])
        self._section: Section | None = None
        self._forward = np.stack([np.cos(self.heading), np.sin(self.heading)], 1)
        self._corner, self._nearest = _nearest_samples(self.centre, self.heading)

    @property
    def section(self) -> Section:
        """The cross-section, one column per sample."""
        if self._section is None:
            raise RuntimeError("a road has no cross-section before a planner has drawn it")
        return self._section

    @section.setter
    def section(self, section: Section) -> None:
        self._section = section

    @property
    def length(self) -> float:
        """Metres along the centreline from end to end."""
        return (len(self.centre) - 1) * STEP

    def sample(self, s: Float[np.ndarray, "*p"] | float) -> Int[np.ndarray, "*p"]:
        """Index of the sample nearest to `s` (metres); the first or last beyond the ends."""
        return np.asarray(np.clip(np.rint(np.asarray(s) / STEP), 0, len(self.centre) - 1), np.int64)

    def direction(self, s: Float[np.ndarray, "*p"] | float) -> Float[np.ndarray, "*p"]:
        """Heading at `s`, radians."""
        i = self.sample(s)
        return np.asarray(self.heading[i] + self.curvature[i] * (np.asarray(s) - i * STEP))

    def point(
        self, s: Float[np.ndarray, "*p"] | float, d: Float[np.ndarray, "*p"] | float
    ) -> Float[np.ndarray, "*p 2"]:
        """World position at (s, d); beyond the ends the road runs on straight."""
        i = self.sample(s)
        rest = np.asarray(np.asarray(s) - i * STEP)
        middle = self.heading[i] + self.curvature[i] * rest / 2
        heading = self.heading[i] + self.curvature[i] * rest
        along = np.stack([np.cos(middle), np.sin(middle)], -1) * rest[..., None]
        beside = np.stack([-np.sin(heading), np.cos(heading)], -1) * np.asarray(d)[..., None]
        return self.centre[i] + along + beside

    def locate(self, xy: Float[np.ndarray, "p 2"]) -> tuple[Float[np.ndarray, "p"], Float[np.ndarray, "p"]]:
        """(s, d) of world positions; d is infinite for those out of `REACH`, or beyond the ends."""
        cell = np.floor(xy - self._corner).astype(np.int64)
        rows, columns = self._nearest.shape
        inside = np.flatnonzero((cell >= 0).all(1) & (cell[:, 0] < rows) & (cell[:, 1] < columns))
        near = self._nearest[cell[inside, 0], cell[inside, 1]]
        inside, i = inside[near >= 0], near[near >= 0]
        here = xy[inside]
        # The raster knows the sample nearest to a cell's middle; a second look finds the one nearest to the point.
        along, _ = self._beside(here, i)
        i = np.clip(i + np.rint(along / STEP).astype(np.int64), 0, len(self.centre) - 1)
        along, beside = self._beside(here, i)
        known = (np.abs(along) < 2 * STEP) & (np.abs(beside) < REACH)
        s, d = np.zeros(len(xy)), np.full(len(xy), np.inf)
        s[inside], d[inside] = i * STEP + along, np.where(known, beside, np.inf)
        return s, d

    def _beside(self, xy: np.ndarray, i: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        offset = xy - self.centre[i]
        cos, sin = self._forward[i, 0], self._forward[i, 1]
        beside = offset[:, 1] * cos - offset[:, 0] * sin
        # On a bend a metre of centreline is less or more than a metre at distance d.
        stretch = (1 - self.curvature[i] * beside).clip(min=0.2)
        return (offset[:, 0] * cos + offset[:, 1] * sin) / stretch, beside


def _nearest_samples(centre: np.ndarray, heading: np.ndarray) -> tuple[np.ndarray, Int[np.ndarray, "x y"]]:
    """Raster of 1 m cells: index of the centreline sample nearest to each, -1 out of reach."""
    corner = np.floor(centre.min(0)) - REACH - 1
    shape = (np.ceil(centre.max(0)) + REACH + 1 - corner).astype(int)
    across = np.arange(-REACH, REACH + 0.1, 0.6)
    # Nearest last, so that it is what remains in a cell.
    across = across[np.argsort(-np.abs(across))]
    normal = np.stack([-np.sin(heading), np.cos(heading)], 1)
    raster = np.full(shape, -1, np.int32)
    for d in across:
        cell = np.floor(centre + d * normal - corner).astype(int)
        raster[cell[:, 0], cell[:, 1]] = np.arange(len(centre))
    # Outside a bend neighbouring normals run apart and leave holes.
    for _ in range(3):
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            raster = np.where(raster < 0, np.roll(raster, step, axis), raster)
    return corner, raster


def winding(rng: np.random.Generator, length: float) -> Float[np.ndarray, "n"]:
    """Curvature of a road that alternates straights, gentle arcs and now and then a sharp bend."""
    pieces: list[np.ndarray] = []
    heading = 0.0
    while sum(map(len, pieces)) * STEP < length:
        straight = rng.uniform(15, 60)
        pieces.append(np.zeros(int(straight / STEP)))
        sharp = rng.random() < 0.25
        radius = rng.uniform(16, 28) if sharp else rng.uniform(45, 220)
        angle = rng.uniform(0.8, 1.45) if sharp else rng.uniform(0.1, 0.6)
        # Turn back towards the first heading, so that a road never crosses itself.
        side = -np.sign(heading) if abs(heading) > 0.7 else rng.choice([-1, 1])
        angle = min(angle, 1.5 - heading * side)
        heading += side * angle
        arc = np.full(max(int(angle * radius / STEP), 1), side / radius)
        pieces.append(arc)
    curvature = np.concatenate(pieces)[: int(length / STEP) + 1]
    ease = np.hanning(21)
    return np.convolve(curvature, ease / ease.sum(), mode="same")


@dataclass(frozen=True)
class Crossing:
    """A straight side road: where along the route it meets it, and where that is along the side road itself."""

    at: float
    road: Road
    own: float
    sides: tuple[int, ...]
    """Sides of the route that it leaves to."""


def crossings(rng: np.random.Generator, route: Road, first: float, last: float) -> list[Crossing]:
    """Side roads off `route` between two places along it; sharp bends have none."""
    found: list[Crossing] = []
    s = first + rng.uniform(0, 50)
    while s < last:
        i = route.sample(s)
        if np.abs(route.curvature[max(i - 30, 0) : i + 30]).max() > 1 / 40:
            s += 10
            continue
        sides = ((LEFT, RIGHT), (LEFT,), (RIGHT,))[rng.choice(3, p=[0.4, 0.3, 0.3])]
        # A one-sided road starts on the route's centreline and runs away from it.
        outward = -1 if sides == (RIGHT,) else 1
        heading = float(route.direction(s)) + outward * np.pi / 2 + rng.uniform(-0.25, 0.25)
        own = SIDE_ROAD if len(sides) == 2 else 0.0
        start = route.point(s, 0.0) - own * np.array([np.cos(heading), np.sin(heading)])
        road = Road(start, heading, np.zeros(int((SIDE_ROAD + own) / STEP) + 1))
        found.append(Crossing(float(s), road, own, sides))
        s += rng.uniform(60, 130)
    return found
