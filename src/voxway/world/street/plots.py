"""How a street is laid out: what kind of plot lies where beside a road, and the cross-section that follows from it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from voxway.world.street.ground import Zone
from voxway.world.street.roads import LEFT, RIGHT, STEP, Crossing, Road, Section


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of plot: ranges (low, high) in metres from which each plot draws, and chances."""

    verge: tuple[float, float] = (0.0, 0.0)
    verge_chance: float = 0.0
    pavement: tuple[float, float] = (1.6, 3.2)
    pavement_chance: float = 1.0
    parking_chance: float = 0.3
    setback: tuple[float, float] = (0.0, 0.0)
    bank: tuple[float, float] = (0.0, 0.0)
    zone: Zone = Zone.TERRAIN


KINDS = {
    "terrace": Kind(
        verge=(1.2, 2.0),
        verge_chance=0.35,
        pavement=(2.0, 3.8),
        parking_chance=0.6,
        setback=(0.0, 1.5),
        zone=Zone.PAVEMENT,
    ),
    "houses": Kind(
        verge=(1.0, 2.2),
        verge_chance=0.35,
        pavement=(1.5, 2.6),
        parking_chance=0.3,
        setback=(3.0, 8.0),
        bank=(0.0, 0.6),
    ),
    "blocks": Kind(
        verge=(1.5, 3.0),
        verge_chance=0.6,
        pavement=(2.0, 3.0),
        parking_chance=0.45,
        setback=(6.0, 12.0),
        bank=(0.0, 0.4),
    ),
    "park": Kind(verge=(1.0, 2.0), verge_chance=0.4, pavement=(1.8, 3.5), parking_chance=0.35, bank=(-0.4, 1.0)),
    "woods": Kind(
        verge=(1.0, 3.0),
        verge_chance=0.5,
        pavement_chance=0.45,
        pavement=(1.5, 2.2),
        parking_chance=0.1,
        bank=(0.0, 2.5),
    ),
    "field": Kind(
        verge=(1.0, 3.0),
        verge_chance=0.5,
        pavement_chance=0.4,
        pavement=(1.5, 2.2),
        parking_chance=0.05,
        bank=(-0.8, 1.2),
    ),
    "carpark": Kind(pavement=(1.8, 3.0), parking_chance=0.1, setback=(17.0, 19.0), zone=Zone.PARKING),
    "yard": Kind(pavement=(1.6, 2.6), parking_chance=0.2, setback=(8.0, 14.0), zone=Zone.OTHER),
}
_DISTRICTS = {
    "town": {"terrace": 5, "blocks": 1.5, "park": 1, "houses": 1.5, "carpark": 0.3, "yard": 0.4, "woods": 0.5},
    "suburb": {"houses": 7, "park": 1, "blocks": 1, "woods": 2, "field": 0.4, "terrace": 1, "yard": 0.3},
    "outskirts": {"woods": 4, "field": 1.2, "houses": 3, "yard": 0.6, "park": 1, "carpark": 0.3, "blocks": 0.4},
}


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A stretch of one side of a road, of one kind."""

    kind: str
    road: Road
    side: int
    start: float
    end: float
    verge: float
    pavement: float
    parking: float
    setback: float
    bank: float
    drives: tuple[tuple[float, float], ...] = ()
    """Driveways: from and to, metres along the road."""

    @property
    def length(self) -> float:
        """Metres along the road."""
        return self.end - self.start

    def edge(self, s: float) -> float:
        """Distance from the centreline at which the plot begins."""
        return float(self.road.section.pavement[self.side, self.road.sample(s)])


class Planner:
    """Draws the plots and cross-sections of a street. One district sets the mixture of kinds."""

    def __init__(self, rng: np.random.Generator, half_width_m: tuple[float, float] = (2.9, 4.2)) -> None:
        self._rng = rng
        self._district = rng.choice(list(_DISTRICTS), p=[0.35, 0.42, 0.23])
        self.half_width = rng.uniform(*half_width_m)

    def route(self, road: Road, crossings: list[Crossing]) -> list[Plot]:
        """Plots on both sides of the route, leaving room for side roads; sets its cross-section."""
        plots = []
        for side in (LEFT, RIGHT):
            gaps = [c.at for c in crossings if side in c.sides]
            bounds = [0.0, *gaps, road.length]
            for first, last in itertools.pairwise(bounds):
                plots += self._divide(road, side, first + 9.0 * (first > 0), last - 9.0 * (last < road.length))
        road.section = section(road, self.half_width, plots)
        return plots

    def side_road(self, crossing: Crossing) -> list[Plot]:
        """Plots along a side road, from behind the route's first row of plots on; sets its cross-section."""
        road, clear = crossing.road, 24.0
        stretches = [(crossing.own + clear, road.length)]
        if crossing.own > 0:
            stretches.append((0.0, crossing.own - clear))
        plots = [p for start, end in stretches for side in (LEFT, RIGHT) for p in self._divide(road, side, start, end)]
        road.section = section(road, self._rng.uniform(2.6, 3.4), plots)
        return plots

    def _divide(self, road: Road, side: int, start: float, end: float) -> list[Plot]:
        plots, rng = [], self._rng
        while end - start > 6:
            length = min(rng.uniform(24, 60), end - start)
            if end - start - length < 10:
                length = end - start
            plots.append(self._draw(road, side, start, start + length))
            start += length
        return plots

    def _draw(self, road: Road, side: int, start: float, end: float) -> Plot:
        rng, weights = self._rng, _DISTRICTS[self._district]
        share = np.array(list(weights.values()))
        name = str(rng.choice(list(weights), p=share / share.sum()))
        kind = KINDS[name]
        drives: list[tuple[float, float]] = []
        if name == "houses":
            drives = [(s, s + rng.uniform(2.6, 3.6)) for s in np.arange(start + 4, end - 5, 15.0) if rng.random() < 0.7]
        elif name in ("carpark", "yard"):
            middle = rng.uniform(start + 4, max(end - 10, start + 4.1))
            drives = [(middle, middle + 6.0)]
        return Plot(
            kind=name,
            road=road,
            side=side,
            start=start,
            end=end,
            verge=rng.uniform(*kind.verge) if rng.random() < kind.verge_chance else 0.0,
            pavement=rng.uniform(*kind.pavement) if rng.random() < kind.pavement_chance else 0.0,
            parking=rng.uniform(2.0, 2.4) if rng.random() < kind.parking_chance and end - start > 16 else 0.0,
            setback=rng.uniform(*kind.setback),
            bank=rng.uniform(*kind.bank),
            drives=tuple(drives),
        )


def section(road: Road, half_width: float, plots: list[Plot]) -> Section:
    """Cross-section of a road from the plots beside it; between plots there is a plain paved corner."""
    count = len(road.centre)
    parking, verge, bank = np.zeros((2, count)), np.zeros((2, count)), np.zeros((2, count))
    pavement = np.full((2, count), 2.5)
    verge_zone = np.full((2, count), Zone.TERRAIN, np.uint8)
    plot_zone = np.full((2, count), Zone.TERRAIN, np.uint8)
    for plot in plots:
        span = slice(int(plot.start / STEP), int(plot.end / STEP) + 1)
        verge[plot.side, span], pavement[plot.side, span] = plot.verge, plot.pavement
        bank[plot.side, span] = plot.bank
        plot_zone[plot.side, span] = KINDS[plot.kind].zone
        if plot.parking:
            parking[plot.side, int((plot.start + 4) / STEP) : int((plot.end - 4) / STEP)] = plot.parking
        for first, last in plot.drives:
            drive = slice(int(first / STEP), int(last / STEP))
            parking[plot.side, drive] = 0.0
            verge_zone[plot.side, drive] = Zone.PAVEMENT
            if plot.kind == "houses":
                plot_zone[plot.side, drive] = Zone.PARKING if plot.side == LEFT else Zone.OTHER
    ease = np.hanning(17)
    smooth = np.stack([np.convolve(row, ease / ease.sum(), mode="same") for row in bank])
    carriageway = np.full((2, count), half_width)
    return Section(
        carriageway=carriageway,
        parking=carriageway + parking,
        verge=carriageway + parking + verge,
        pavement=carriageway + parking + verge + pavement,
        verge_zone=verge_zone,
        plot_zone=plot_zone,
        bank=smooth,
    )
