"""A street: everything that stands, lies or moves along one drive, without any sensor."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from voxway.world.shapes.mesh import Mesh
from voxway.world.street.drive import FASTEST, PERIOD, Actor, Drive, drive, traffic
from voxway.world.street.ground import Ground
from voxway.world.street.kerbside import furnish, guests, junction
from voxway.world.street.light import Light
from voxway.world.street.plot_contents import fill_plot
from voxway.world.street.plots import Planner
from voxway.world.street.roads import Road, crossings, winding
from voxway.world.street.roadworks import dig_up
from voxway.world.street.shift import HALF_WIDTH_M, shifted_light, stretched
from voxway.world.street.site import Site

_BEHIND, _AHEAD = 45.0, 130.0
"""Metres of street before the first and after the last place of the drive."""


@dataclass(frozen=True)
class Street:
    """One drive's world.

    Attributes:
        static: all that does not move, in the world frame.
        ground: what lies where on it.
        drive: the ego vehicle's motion.
        actors: moving things.
        light: sun and sky of the day.
    """

    static: Mesh
    ground: Ground
    drive: Drive
    actors: list[Actor]
    light: Light


def random_stream(seed: int, *path: str | int) -> np.random.Generator:
    """The random numbers that belong to one part of the world, whoever draws first."""
    return np.random.default_rng([seed, *(crc32(part.encode()) if isinstance(part, str) else part for part in path)])


def build_street(seed: int, name: str, frames: int, *, roadworks: bool = False, shifted: bool = False) -> Street:
    """The street of a sequence: the same for the same arguments.

    Args:
        roadworks: put up traffic cones, barriers and construction vehicles too, and tell traffic lights from poles:
            things that SemanticKITTI has no class for.
        shifted: in a style that usual streets never have (`voxway.world.street.shift`).
    """
    rng = random_stream(seed, name, "layout")
    length = _BEHIND + frames * PERIOD * FASTEST + _AHEAD
    route = Road(np.zeros(2), float(rng.uniform(0, 2 * np.pi)), winding(rng, length))
    planner = Planner(rng, HALF_WIDTH_M) if shifted else Planner(rng)
    side_roads = crossings(rng, route, 60.0, length - 40.0)
    plots = planner.route(route, side_roads)
    for crossing in side_roads:
        plots += planner.side_road(crossing)
    roads = [route, *(crossing.road for crossing in side_roads)]
    ground = Ground(rng, roads, [crossing.at for crossing in side_roads])
    site = Site(rng, ground, roadworks=roadworks)
    lane = planner.half_width / 2
    density = rng.uniform(0.45, 0.9)
    for crossing in side_roads:
        junction(site, route, crossing, planner.half_width)
    if roadworks:
        dig_up(site, route, _BEHIND + 5, _BEHIND + 15 + frames)
    guests(site, route, _BEHIND + 5, _BEHIND + 15 + frames)
    # What stands at the kerb claims its ground before the plots behind it are filled.
    for plot in plots:
        furnish(site, plot, density)
        fill_plot(site, plot)
    ego = drive(random_stream(seed, name, "drive"), route, ground, frames, _BEHIND, lane)
    actors = traffic(site, route, side_roads, ego, lane)
    static = Mesh.merge([ground.mesh(), *site.parts])
    daylight = random_stream(seed, name, "light")
    if shifted:
        static = stretched(static, ground, random_stream(seed, name, "shift"))
        return Street(static, ground, ego, actors, shifted_light(daylight))
    return Street(static, ground, ego, actors, Light.draw(daylight))
