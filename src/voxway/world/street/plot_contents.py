"""What plots are filled with: houses in their gardens, rows of town houses, parks, woods, fields, car parks, yards."""

from __future__ import annotations

import numpy as np

from voxway.world.shapes import buildings, furniture
from voxway.world.shapes.mesh import Mesh
from voxway.world.street.greenery import DEEP, border, garden_lines, thicket, trees
from voxway.world.street.ground import Zone
from voxway.world.street.plots import Plot
from voxway.world.street.roads import SIGN
from voxway.world.street.site import Site


def fill_plot(site: Site, plot: Plot) -> None:
    """Put up what stands on a plot of its kind, behind the edge of the pavement."""
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


def _front(site: Site, plot: Plot, s: float, distance: float, mesh: Mesh, width: float, depth: float) -> bool:
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
        (width - 1.6, depth - 1.0),
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
            trees(site, plot, s, s + width, plot.edge(middle) + 2, plot.edge(middle) + 12, spacing=5.0, zones=None)
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
    border(site, plot, chance=0.95)
    for first, last in plot.drives:
        if rng.random() < 0.6:
            _park_car(site, plot, (first + last) / 2, plot.edge(first) + 3.2, across=True)
    trees(site, plot, plot.start, plot.end, plot.edge(plot.start) + 1.8, DEEP, spacing=7.5)
    garden_lines(site, plot)
    thicket(site, plot, 0.8, 16.0, spacing=rng.uniform(1.7, 3.2))


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
    border(site, plot, chance=0.6)
    trees(site, plot, plot.start, plot.end, plot.edge(plot.start) + 1.5, DEEP, spacing=8.0)
    thicket(site, plot, 0.8, 14.0, spacing=rng.uniform(2.0, 4.0))
    _bicycles(site, plot, chance=0.3)


def _park(site: Site, plot: Plot) -> None:
    if site.rng.random() < 0.5:
        border(site, plot, chance=1.0)
    trees(site, plot, plot.start, plot.end, plot.edge(plot.start) + 1.5, DEEP, spacing=site.rng.uniform(5, 8))
    thicket(site, plot, 1.0, 22.0, spacing=site.rng.uniform(2.0, 5.0))


def _woods(site: Site, plot: Plot) -> None:
    rng, edge = site.rng, plot.edge(plot.start)
    if rng.random() < 0.3:
        site.row(plot.road, plot.side, plot.start, plot.end, edge + 0.5, furniture.guard_rail)
    first = edge + rng.uniform(1.0, 4.0)
    trees(site, plot, plot.start, plot.end, first, DEEP, spacing=3.8)
    thicket(site, plot, first - edge, 20.0, spacing=rng.uniform(1.6, 2.4))


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
    trees(site, plot, plot.start, plot.end, edge + rng.uniform(10, 20), DEEP, spacing=6.0)
    thicket(site, plot, 0.6, 18.0, spacing=rng.uniform(2.2, 5.0))


def _carpark(site: Site, plot: Plot) -> None:
    rng = site.rng
    edge = plot.edge(plot.start)
    border(site, plot, chance=0.8)
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
    border(site, plot, chance=0.7)
    for s in np.arange(plot.start + 5, plot.end - 5, 9.0):
        shape = rng.choice(4, p=[0.35, 0.25, 0.15, 0.25])
        xy, facing = site.beside(plot.road, plot.side, s, edge + rng.uniform(4, 7))
        if shape == 0:
            _park_car(site, plot, s, edge + 4.5, across=True)
        elif shape == 1:
            truck = site.stock.trucks.pick(rng)
            site.put(truck, xy, facing + np.pi / 2, (8, 2.6), thing=True)
        elif shape == 2:
            trailer = site.stock.trailers.pick(rng)
            site.put(trailer, xy, facing + rng.uniform(-0.4, 0.4), (5.5, 2.4), thing=True)


def _bicycles(site: Site, plot: Plot, chance: float) -> None:
    """A stand of a few bicycles against the plot's front."""
    rng = site.rng
    if rng.random() > chance or plot.length < 12:
        return
    s0, distance = rng.uniform(plot.start + 4, plot.end - 6), plot.edge(plot.start) - 0.5
    for i in range(int(rng.integers(2, 6))):
        xy, facing = site.beside(plot.road, plot.side, s0 + 0.7 * i, distance)
        bicycle = site.stock.bicycles.pick(rng)
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
    car = site.stock.cars.pick(rng)
    return site.put(car, xy, yaw, (4.4, 1.8), zones=(Zone.PARKING, Zone.OTHER, Zone.PAVEMENT, Zone.ROAD), thing=True)
