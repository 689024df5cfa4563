"""Roadworks: where traffic cones, barriers and construction vehicles stand."""

from __future__ import annotations

import numpy as np

from voxway.world.shapes.mesh import Mesh
from voxway.world.shapes.roadworks import barrier, cone, digger
from voxway.world.street.ground import Zone
from voxway.world.street.roads import RIGHT, SIGN, Road
from voxway.world.street.site import Site

_EVERY = 45.0
"""Metres of street to one place where somebody digs, on average."""


def dig_up(site: Site, route: Road, start: float, end: float) -> None:
    """Put up roadworks at the kerb along a stretch of the route: cones, barriers, now and then a digger."""
    rng = site.rng
    section = route.section
    for first in np.arange(start + rng.uniform(0, _EVERY / 2), end, _EVERY):
        s, side = first + rng.uniform(0, _EVERY / 2), int(rng.integers(2))
        along = float(route.direction(s)) + (0 if side == RIGHT else np.pi)
        i = route.sample(s)
        kerb, walk = float(section.carriageway[side, i]), float(section.pavement[side, i])
        if site.ground.look(route.point(s, SIGN[side] * (kerb + 1.0))[None]).zone[0] == Zone.ROAD:
            # A side road opens here.
            continue
        if rng.random() < 0.6:
            _put(site, digger(rng), route, side, s, kerb + 0.9, along + rng.normal(0, 0.2), (5.0, 2.2))
        for k in range(int(rng.integers(3, 8))):
            _put(site, cone(rng), route, side, s - 6 + 2.2 * k, kerb - 0.15, rng.uniform(0, 6.3), (0.3, 0.3))
        for k in range(int(rng.integers(2, 6))):
            _put(site, barrier(rng), route, side, s + 4 + 2.1 * k, max(kerb + 1.0, walk - 0.8), along, (1.6, 0.3))


def _put(
    site: Site, mesh: Mesh, route: Road, side: int, s: float, distance: float, yaw: float, size: tuple[float, float]
) -> None:
    site.put(mesh, route.point(s, SIGN[side] * distance), yaw, size, zones=None, thing=True)
