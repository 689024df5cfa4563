"""What stands along the kerb: parked vehicles, street trees, lamps, signs, bollards, and people who stand about."""

from __future__ import annotations

import numpy as np

from voxway.world.shapes import furniture, labels
from voxway.world.shapes.mesh import Mesh
from voxway.world.street.ground import Zone
from voxway.world.street.plots import Plot
from voxway.world.street.roads import LEFT, RIGHT, SIGN, Crossing, Road
from voxway.world.street.site import Site

_PAVED = (Zone.PAVEMENT, Zone.TERRAIN, Zone.OTHER)


def furnish(site: Site, plot: Plot, density: float) -> None:
    """Furnish the strip between carriageway and plot.

    Args:
        density: share of parking room that is taken, 0..1.
    """
    _parked(site, plot, density)
    _street_trees(site, plot)
    _posts(site, plot)
    _standing(site, plot)


def guests(site: Site, route: Road, start: float, end: float) -> None:
    """Park one of each rare kind along every 150 m of the route, so that no street goes without any of them."""
    rng, stock = site.rng, site.stock
    section = route.section
    kinds = (stock.trucks, stock.trailers, stock.buses, stock.cars, stock.motorcycles, stock.bicycles)
    for first in np.arange(start, end, 150.0):
        last = min(first + 150.0, end)
        for shapes in kinds:
            for _ in range(12):
                s, side = rng.uniform(first, last), int(rng.integers(2))
                i = route.sample(s)
                bay = section.parking[side, i] - section.carriageway[side, i]
                # In the bay, or else with two wheels on the kerb.
                off = bay / 2 if bay > 1 else shapes.size[1] / 2 - 0.4
                edge = float(section.carriageway[side, i])
                beyond = route.point(s, SIGN[side] * (edge + 1.0))[None]
                if site.ground.look(beyond).zone[0] == Zone.ROAD:
                    # A side road opens here.
                    continue
                xy = route.point(s, SIGN[side] * (edge + float(off)))
                yaw = float(route.direction(s)) + (0 if side == RIGHT else np.pi)
                if site.put(shapes.pick(rng), xy, yaw, shapes.size, zones=None, thing=True):
                    break


def junction(site: Site, route: Road, crossing: Crossing, half_width: float) -> None:
    """Signs or lights at the corners of a junction, and vehicles that wait in the side road."""
    rng = site.rng
    lights = rng.random() < 0.3
    for side in (LEFT, RIGHT):
        for before in (-1, 1):
            s = crossing.at + before * rng.uniform(7, 9)
            # Traffic on the right looks along the road, on the left against it; posts face their own traffic.
            yaw = float(route.direction(s)) + (0 if side == RIGHT else np.pi)
            if lights:
                post = furniture.traffic_light(rng, labels.TRAFFIC_LIGHT if site.roadworks else labels.POLE)
            elif rng.random() < 0.5:
                post = furniture.sign(rng) if rng.random() < 0.75 else furniture.board(rng)
            else:
                continue
            site.put(post, route.point(s, SIGN[side] * (half_width + 0.7)), yaw, (0.3, 0.3), zones=_PAVED)
    for outward in (1, -1) if len(crossing.sides) == 2 else (1,):
        if rng.random() < 0.5:
            _waiting(site, crossing, outward, half_width)


def _waiting(site: Site, crossing: Crossing, outward: int, half_width: float) -> None:
    rng, stock = site.rng, site.stock
    shapes = (stock.cars, stock.bicyclists, stock.motorcyclists)[rng.choice(3, p=[0.6, 0.2, 0.2])]
    s = crossing.own + outward * (half_width + 3.0 + shapes.size[0] / 2)
    yaw = float(crossing.road.direction(s)) + (np.pi if outward > 0 else 0)
    xy = crossing.road.point(s, outward * 1.5)
    site.put(shapes.pick(rng), xy, yaw, shapes.size, zones=(Zone.ROAD, Zone.PAVEMENT), thing=True)


def _parked(site: Site, plot: Plot, density: float) -> None:
    rng, section = site.rng, plot.road.section
    s = plot.start + 5 + rng.uniform(0, 3)
    while s < plot.end - 6:
        i = plot.road.sample(s)
        bay = section.parking[plot.side, i] - section.carriageway[plot.side, i]
        edge = float(section.carriageway[plot.side, i])
        if bay > 1 and rng.random() < density:
            s += _parallel(site, plot, s, edge + bay / 2)
        elif bay <= 1 and edge > 3.7 and rng.random() < density * 0.4:
            # Without a bay people park half on the pavement.
            s += _parallel(site, plot, s, edge - 0.5)
        else:
            s += 5.5


def _parallel(site: Site, plot: Plot, s: float, distance: float) -> float:
    """Park something along the kerb; returns the room it takes, metres."""
    rng, shapes = site.rng, site.parked.draw()
    along = float(plot.road.direction(s)) + (0 if plot.side == RIGHT else np.pi)
    yaw = along + (np.pi if rng.random() < 0.1 else 0) + rng.normal(0, 0.02)
    if shapes is site.stock.motorcycles:
        yaw += rng.uniform(0.6, 1.2)
    xy = plot.road.point(s + shapes.size[0] / 2 - 2.2, SIGN[plot.side] * distance)
    site.put(shapes.pick(rng), xy, yaw, shapes.size, zones=None, thing=True)
    return shapes.size[0] + rng.uniform(0.9, 2.2)


def _street_trees(site: Site, plot: Plot) -> None:
    rng, section = site.rng, plot.road.section
    if not (plot.verge > 0.9 or (plot.pavement > 2.6 and rng.random() < 0.35)) or rng.random() < 0.25:
        return
    spacing = rng.uniform(7, 13)
    tree = site.stock.trees.pick(rng)
    for s in np.arange(plot.start + 3, plot.end - 2, spacing):
        strip = section.verge[plot.side, plot.road.sample(s)]
        distance = strip - plot.verge / 2 if plot.verge > 0.9 else strip + 0.7
        xy, _ = site.beside(plot.road, plot.side, s, float(distance))
        site.put(tree, xy, rng.uniform(0, 6.3), (0.6, 0.6), zones=_PAVED, scale=rng.uniform(0.8, 1.05))


def _posts(site: Site, plot: Plot) -> None:
    rng, section = site.rng, plot.road.section

    def at_kerb(mesh: Mesh, s: float, yaw: float) -> None:
        kerb = float(section.parking[plot.side, plot.road.sample(s)])
        site.put(mesh, plot.road.point(s, SIGN[plot.side] * (kerb + 0.5)), yaw, (0.3, 0.3), zones=_PAVED)

    if rng.random() < 0.85:
        spacing = rng.uniform(16, 26)
        for s in np.arange(plot.start + rng.uniform(0, spacing), plot.end, spacing):
            # A lamp's arm reaches along its +y, over the road.
            at_kerb(site.stock.lamps.pick(rng), s, float(plot.road.direction(s)) + (np.pi if plot.side == LEFT else 0))
    for s in np.arange(plot.start + rng.uniform(0, 20), plot.end, 20):
        if rng.random() < 0.8:
            facing = float(plot.road.direction(s)) + (0 if plot.side == RIGHT else np.pi)
            at_kerb(furniture.sign(rng), s, facing)
    if plot.pavement > 1.8 and rng.random() < 0.15:
        for s in np.arange(plot.start + 2, plot.end - 2, 1.8):
            at_kerb(site.stock.bollards.pick(rng), s, 0.0)


def _standing(site: Site, plot: Plot) -> None:
    rng, stock, section = site.rng, site.stock, plot.road.section
    busy = {"terrace": 0.04, "blocks": 0.02, "park": 0.02, "houses": 0.015, "carpark": 0.02}.get(plot.kind, 0.008)
    for s in _along(rng, plot, busy):
        xy, _ = site.beside(plot.road, plot.side, s, plot.edge(s) - rng.uniform(0.2, max(plot.pavement, 0.4)))
        site.put(stock.people.pick(rng), xy, rng.uniform(0, 6.3), stock.people.size, zones=_PAVED, thing=True)
    for shapes, rate in ((stock.bicycles, 0.012), (stock.motorcycles, 0.008)):
        for s in _along(rng, plot, rate):
            xy, facing = site.beside(plot.road, plot.side, s, plot.edge(s) - 0.6)
            yaw = facing + rng.normal(np.pi / 2, 0.3)
            site.put(shapes.pick(rng), xy, yaw, shapes.size, zones=_PAVED, thing=True)
    for s in np.arange(plot.start + rng.uniform(0, 55), plot.end, 55):
        riders = site.riders.draw()
        kerb = float(section.carriageway[plot.side, plot.road.sample(s)])
        along = float(plot.road.direction(s)) + (0 if plot.side == RIGHT else np.pi)
        xy = plot.road.point(s, SIGN[plot.side] * (kerb - 0.35))
        site.put(riders.pick(rng), xy, along, riders.size, zones=None, thing=True)
    if rng.random() < 0.3:
        s = rng.uniform(plot.start, plot.end)
        xy, facing = site.beside(plot.road, plot.side, s, plot.edge(s) - 0.5)
        site.put(stock.bins.pick(rng), xy, facing, stock.bins.size, zones=_PAVED)


def _along(rng: np.random.Generator, plot: Plot, rate: float) -> list[float]:
    """Places along a plot, `rate` to the metre on average."""
    return rng.uniform(plot.start, plot.end, rng.poisson(rate * plot.length)).tolist()
