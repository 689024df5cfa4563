"""Fills plots: houses in their gardens, rows of town houses, parks, woods, fields, car parks, yards."""

from __future__ import annotations

import numpy as np

from voxway.world import buildings, furniture, plants
from voxway.world.ground import Zone
from voxway.world.plots import Plot
from voxway.world.roads import SIGN
from voxway.world.site import Site

_DEEP = 34.0
"""Metres from the centreline up to which plots are filled."""


def fill(site: Site, plot: Plot) -> None:
    """Put up what stands on a plot."""
    {
        "terrace": _terrace,
        "houses": _houses,
        "blocks": _blocks,
        "park": _park,
        "woods": _woods,
        "field": _field,
        "carpark": _carpark,
        "yard": _yard,
    }[plot.kind](site, plot)


def _front(site: Site, plot: Plot, s: float, distance: float, mesh, width: float, depth: float) -> bool:
    """Put up a building whose front is `distance` from the centreline."""
    xy, facing = site.beside(plot.road, plot.side, s, distance)
    # Buildings are modelled facing -y, with their front at y = 0; the claim is about the middle.
    yaw = facing + np.pi / 2
    inward = np.array([-np.sin(yaw), np.cos(yaw)])
    middle = xy + inward * depth / 2
    return site.put(
        mesh.placed((0, -depth / 2, 0)),
        middle,
        yaw,
        (width - 0.4, depth - 0.4),
        zones=(Zone.TERRAIN, Zone.OTHER, Zone.PAVEMENT, Zone.PARKING),
    )


def _terrace(site: Site, plot: Plot) -> None:
    rng = site.rng
    s, storeys = plot.start, int(rng.integers(2, 6))
    gabled = bool(rng.random() < 0.5)
    while s < plot.end - 6:
        width = min(rng.uniform(8, 18), plot.end - s)
        if plot.end - s - width < 6:
            width = plot.end - s
        middle, depth = s + width / 2, rng.uniform(9, 13)
        if rng.random() < 0.08:
            _trees(site, plot, s, s + width, plot.edge(middle) + 2, plot.edge(middle) + 12, spacing=5, zones=None)
        else:
            storeys = int(np.clip(storeys + rng.integers(-1, 2), 2, 5))
            mesh = buildings.building(rng, width + 0.1, depth, storeys, gabled=gabled)
            _front(site, plot, middle, plot.edge(middle) + plot.setback, mesh, width, depth)
        s += width
    _bicycles(site, plot, chance=0.25)


def _houses(site: Site, plot: Plot) -> None:
    rng = site.rng
    s = plot.start + rng.uniform(0, 3)
    gabled = bool(rng.random() < 0.85)
    while s < plot.end - 9:
        width, depth = rng.uniform(8, 13), rng.uniform(8, 11)
        middle = s + width / 2
        front = plot.edge(middle) + plot.setback + rng.uniform(0, 2)
        _front(
            site,
            plot,
            middle,
            front,
            buildings.building(rng, width, depth, int(rng.integers(1, 4)), gabled=gabled, brick=0.25),
            width,
            depth,
        )
        s += width + rng.uniform(2.5, 8)
    _border(site, plot, chance=0.85)
    for first, last in plot.drives:
        if rng.random() < 0.6:
            _park_car(site, plot, (first + last) / 2, plot.edge(first) + 3.2, across=True)
    _trees(site, plot, plot.start, plot.end, plot.edge(plot.start) + 1.8, _DEEP, spacing=7.5)
    _bushes(site, plot, plot.length * 0.5)


def _blocks(site: Site, plot: Plot) -> None:
    rng = site.rng
    s = plot.start + rng.uniform(0, 5)
    while s < plot.end - 12:
        width, depth = min(rng.uniform(16, 32), plot.end - s), rng.uniform(10, 13)
        front = plot.edge(s + width / 2) + plot.setback
        mesh = buildings.building(
            rng, width, depth, int(rng.integers(3, 6)), gabled=bool(rng.random() < 0.4), brick=0.1
        )
        _front(site, plot, s + width / 2, front, mesh, width, depth)
        s += width + rng.uniform(6, 14)
    if rng.random() < 0.5:
        _border(site, plot, chance=0.9)
    _trees(site, plot, plot.start, plot.end, plot.edge(plot.start) + 1.5, _DEEP, spacing=8)
    _bushes(site, plot, plot.length * 0.5)
    _bicycles(site, plot, chance=0.3)


def _park(site: Site, plot: Plot) -> None:
    if site.rng.random() < 0.5:
        _border(site, plot, chance=1.0)
    _trees(site, plot, plot.start, plot.end, plot.edge(plot.start) + 1.5, _DEEP, spacing=site.rng.uniform(5, 8))
    _bushes(site, plot, plot.length * site.rng.uniform(0.3, 0.9))


def _woods(site: Site, plot: Plot) -> None:
    rng, edge = site.rng, plot.edge(plot.start)
    if rng.random() < 0.3:
        site.row(plot.road, plot.side, plot.start, plot.end, edge + 0.5, furniture.guard_rail)
    first = edge + rng.uniform(1.0, 4.0)
    _trees(site, plot, plot.start, plot.end, first, _DEEP, spacing=3.8)
    _bushes(site, plot, plot.length * 1.6)


def _field(site: Site, plot: Plot) -> None:
    rng, edge = site.rng, plot.edge(plot.start)
    if rng.random() < 0.6:
        site.row(
            plot.road,
            plot.side,
            plot.start,
            plot.end,
            edge + 0.6,
            lambda length: furniture.picket_fence(rng, length) if rng.random() < 0.5 else furniture.guard_rail(length),
            step=6.0,
        )
    _trees(site, plot, plot.start, plot.end, edge + rng.uniform(10, 20), _DEEP, spacing=6)
    _bushes(site, plot, plot.length * 0.3)


def _carpark(site: Site, plot: Plot) -> None:
    rng = site.rng
    edge = plot.edge(plot.start)
    _border(site, plot, chance=0.8)
    mesh = buildings.hall(rng, plot.length * 0.8, 12.0)
    _front(site, plot, (plot.start + plot.end) / 2, edge + plot.setback, mesh, plot.length * 0.8, 12.0)
    for distance in (edge + 3.4, edge + 13.5):
        for s in np.arange(plot.start + 3, plot.end - 2, 2.7):
            if rng.random() < 0.6 and not any(a - 1.5 < s < b + 1.5 for a, b in plot.drives):
                _park_car(site, plot, s, distance, across=True)


def _yard(site: Site, plot: Plot) -> None:
    rng = site.rng
    edge = plot.edge(plot.start)
    width = plot.length * rng.uniform(0.5, 0.9)
    _front(site, plot, (plot.start + plot.end) / 2, edge + plot.setback, buildings.hall(rng, width, 14.0), width, 14.0)
    _border(site, plot, chance=0.7)
    for s in np.arange(plot.start + 5, plot.end - 5, 9.0):
        shape = rng.choice(4, p=[0.35, 0.25, 0.15, 0.25])
        xy, facing = site.beside(plot.road, plot.side, s, edge + rng.uniform(4, 7))
        if shape == 0:
            _park_car(site, plot, s, edge + 4.5, across=True)
        elif shape == 1:
            truck = site.stock.trucks[rng.integers(len(site.stock.trucks))]
            site.put(truck, xy, facing + np.pi / 2, (8, 2.6), thing=True)
        elif shape == 2:
            trailer = site.stock.trailers[rng.integers(len(site.stock.trailers))]
            site.put(trailer, xy, facing + rng.uniform(-0.4, 0.4), (5.5, 2.4), thing=True)


def _border(site: Site, plot: Plot, chance: float) -> None:
    """Fence, wall or hedge between pavement and plot, open where driveways are."""
    rng = site.rng
    if rng.random() > chance:
        return
    bounds = [plot.start, *(s for drive in plot.drives for s in drive), plot.end]
    green = np.array([0.09, 0.15, 0.04]) * rng.uniform(0.7, 1.4)
    height = rng.uniform(0.9, 2.1)
    for first, last in zip(bounds[::2], bounds[1::2]):
        if last - first < 1.5:
            continue
        kind = rng.choice(3, p=[0.42, 0.22, 0.36])
        distance = plot.edge((first + last) / 2) + 0.5
        if kind == 0:
            piece = furniture.picket_fence
        elif kind == 1:
            piece = furniture.wall
        else:
            piece = None
        seed = int(rng.integers(1 << 30))

        def shape(length: float, piece=piece, seed=seed):
            # Every piece of a row is drawn from the same seed, so that its height and paint go on.
            same = np.random.default_rng(seed)
            return plants.hedge(same, length, height, green) if piece is None else piece(same, length)

        site.row(plot.road, plot.side, first, last, distance, shape)


def _trees(
    site: Site,
    plot: Plot,
    start: float,
    end: float,
    near: float,
    far: float,
    spacing: float,
    zones: tuple[Zone, ...] | None = (Zone.TERRAIN, Zone.OTHER),
) -> None:
    rng = site.rng
    count = int((end - start) * max(far - near, 0) / spacing**2)
    for _ in range(count):
        s, distance = rng.uniform(start, end), rng.uniform(near, far)
        tree = site.stock.trees[rng.integers(len(site.stock.trees))]
        xy, _ = site.beside(plot.road, plot.side, s, distance)
        room = min(spacing * 0.5, 2.5)
        site.put(tree, xy, rng.uniform(0, 6.3), (room, room), zones=zones, scale=rng.uniform(0.75, 1.2))


def _bushes(site: Site, plot: Plot, count: float) -> None:
    rng = site.rng
    for _ in range(int(count)):
        s = rng.uniform(plot.start, plot.end)
        xy, _ = site.beside(plot.road, plot.side, s, plot.edge(s) + 1.0 + rng.exponential(7.0))
        bush = site.stock.bushes[rng.integers(len(site.stock.bushes))]
        site.put(bush, xy, rng.uniform(0, 6.3), (1.0, 1.0), zones=(Zone.TERRAIN,), scale=rng.uniform(0.7, 1.3))


def _bicycles(site: Site, plot: Plot, chance: float) -> None:
    """A stand of a few bicycles against the plot's front."""
    rng = site.rng
    if rng.random() > chance or plot.length < 12:
        return
    s0, distance = rng.uniform(plot.start + 4, plot.end - 6), plot.edge(plot.start) - 0.5
    for i in range(int(rng.integers(2, 6))):
        xy, facing = site.beside(plot.road, plot.side, s0 + 0.7 * i, distance)
        bicycle = site.stock.bicycles[rng.integers(len(site.stock.bicycles))]
        site.put(
            bicycle,
            xy,
            facing + rng.normal(0, 0.1),
            (1.4, 0.3),
            zones=(Zone.PAVEMENT, Zone.TERRAIN, Zone.OTHER),
            thing=True,
        )


def _park_car(site: Site, plot: Plot, s: float, distance: float, *, across: bool) -> bool:
    rng = site.rng
    xy, facing = site.beside(plot.road, plot.side, s, distance)
    yaw = facing + (np.pi if rng.random() < 0.5 else 0) + rng.normal(0, 0.03)
    if not across:
        yaw += SIGN[plot.side] * np.pi / 2
    car = site.stock.cars[rng.integers(len(site.stock.cars))]
    return site.put(car, xy, yaw, (4.4, 1.8), zones=(Zone.PARKING, Zone.OTHER, Zone.PAVEMENT, Zone.ROAD), thing=True)
