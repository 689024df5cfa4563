"""Plants and borders in their places: trees, thickets, hedges and fences around plots and between gardens."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from voxway.world.shapes import furniture, plants
from voxway.world.shapes.mesh import Mesh
from voxway.world.street.ground import Zone
from voxway.world.street.plots import Plot
from voxway.world.street.roads import SIGN
from voxway.world.street.site import Site

DEEP = 32.0
"""Metres from the centreline up to which plots are planted."""


def trees(
    site: Site,
    plot: Plot,
    start: float,
    end: float,
    near: float,
    far: float,
    spacing: float,
    zones: tuple[Zone, ...] | None = (Zone.TERRAIN, Zone.OTHER),
) -> None:
    """Plant trees over a stretch between two distances from the centreline, about `spacing` metres apart."""
    rng = site.rng
    count = int((end - start) * max(far - near, 0) / spacing**2)
    along, across = rng.uniform(start, end, count), rng.uniform(near, far, count)
    xy = plot.road.point(along, SIGN[plot.side] * across)
    site.scatter(site.stock.trees, xy, room=min(spacing * 0.5, 2.5), zones=zones, scales=(0.75, 1.2))


def thicket(site: Site, plot: Plot, near: float, depth: float, spacing: float) -> None:
    """Plant bushes from `near` to `depth` metres behind the plot's edge, denser towards the road."""
    rng = site.rng
    count = int(plot.length * max(depth - near, 0) / spacing**2)
    along = rng.uniform(plot.start, plot.end, count)
    edge = np.array([plot.edge(s) for s in along])
    # Bushes grow in patches.
    patch = np.sin(along * rng.uniform(0.2, 0.6) + rng.uniform(0, 6.3))
    across = edge + near + (depth - near) * rng.beta(1.0, 1.6, count)
    keep = patch > rng.uniform(-1.3, 0.2)
    xy = plot.road.point(along[keep], SIGN[plot.side] * across[keep])
    site.scatter(site.stock.bushes, xy, room=0.8, zones=(Zone.TERRAIN,), scales=(0.7, 1.7))


def border(site: Site, plot: Plot, chance: float) -> None:
    """Fence, wall or hedge between pavement and plot, open where driveways are."""
    rng = site.rng
    if rng.random() > chance:
        return
    bounds = [plot.start, *(s for drive in plot.drives for s in drive), plot.end]
    for first, last in zip(bounds[::2], bounds[1::2]):
        if last - first > 1.5:
            distance = plot.edge((first + last) / 2) + 0.5
            site.row(plot.road, plot.side, first, last, distance, _enclosure(rng))


def garden_lines(site: Site, plot: Plot) -> None:
    """Hedges and fences between neighbouring gardens, running away from the road."""
    rng = site.rng
    for s in np.arange(plot.start + 1.0, plot.end, rng.uniform(13, 19)):
        if rng.random() < 0.25:
            continue
        piece = _enclosure(rng)(3.0)
        edge = plot.edge(s)
        for distance in np.arange(edge + 2.0, min(edge + 24.0, DEEP), 3.0):
            xy, facing = site.beside(plot.road, plot.side, s, distance)
            site.put(piece, xy, facing, (1.8, 0.3), zones=(Zone.TERRAIN,))


def _enclosure(rng: np.random.Generator) -> Callable[[float], Mesh]:
    """Makes pieces of one fence, wall or hedge: alike in height and paint, whatever their length."""
    makers = (furniture.picket_fence, furniture.panel_fence, furniture.wall, None)
    maker = makers[rng.choice(4, p=[0.25, 0.17, 0.2, 0.38])]
    seed = int(rng.integers(1 << 30))
    height, thickness = rng.uniform(0.9, 2.2), rng.uniform(0.6, 1.3)

    def piece(length: float) -> Mesh:
        same = np.random.default_rng(seed)
        return maker(same, length) if maker else plants.hedge(same, length, height, thickness)

    return piece
