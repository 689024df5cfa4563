"""The drive: where the ego vehicle and the traffic around it are at each of the 10 Hz frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from voxway.world.shapes.labels import MOVING
from voxway.world.shapes.mesh import Mesh
from voxway.world.shapes.stock import Deck, Shapes
from voxway.world.street.ground import Ground
from voxway.world.street.roads import SIGN, Crossing, Road
from voxway.world.street.site import Site

PERIOD = 0.1
"""Seconds between frames."""
FASTEST = 12.0
"""Metres per second that the ego vehicle never exceeds."""


@dataclass(frozen=True)
class Drive:
    """The ego vehicle's motion.

    Attributes:
        s: metres along the route, per frame.
        T_world_vehicle: vehicle frame (on the ground below the roof sensors; x forward, y left, z up) per frame.
    """

    s: Float[np.ndarray, "n"]
    T_world_vehicle: Float[np.ndarray, "n 4 4"]


@dataclass(frozen=True)
class Actor:
    """Something that moves: its shape about the origin and x, y, z, yaw per frame (NaN while it is off the road)."""

    mesh: Mesh
    track: Float[np.ndarray, "n 4"]


def drive(rng: np.random.Generator, route: Road, ground: Ground, frames: int, start: float, lane: float) -> Drive:
    """Drive along the route: slower in bends, never quite steady, `lane` metres right of the centreline."""
    cruise = rng.uniform(8.0, 11.5)
    phase, rhythm = rng.uniform(0, 6.3, 2), rng.uniform(0.05, 0.15, 2)
    s, speed, places = start, cruise, []
    for frame in range(frames):
        places.append(s)
        ahead = np.abs(route.curvature[route.sample(s) : route.sample(s + 15) + 1]).max()
        # At most 2.5 m/s^2 sideways.
        wanted = min(cruise + 1.2 * np.sin(rhythm[0] * frame + phase[0]), np.sqrt(2.5 / max(ahead, 1e-3)))
        speed += np.clip(wanted - speed, -3.0 * PERIOD, 1.5 * PERIOD)
        speed = float(np.clip(speed, 3.0, FASTEST))
        s += speed * PERIOD
    along = np.array(places)
    d = -lane + 0.12 * np.sin(0.05 * along + phase[1])
    xy, yaw = route.point(along, d), route.direction(along)
    shake = 0.002 * np.stack([np.sin(0.9 * np.arange(frames) + phase[0]), np.sin(0.7 * np.arange(frames) + phase[1])])
    return Drive(along, _upright(xy, ground.base(xy), yaw, ground.slope(xy), shake))


def _upright(xy: np.ndarray, z: np.ndarray, yaw: np.ndarray, slope: np.ndarray, shake: np.ndarray) -> np.ndarray:
    """Poses that stand on a slope and look along `yaw`; `shake` tilts them in x and y, radians."""
    up = np.stack([-slope[:, 0], -slope[:, 1], np.ones(len(xy))], 1)
    up[:, :2] += shake.T
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    flat = np.stack([np.cos(yaw), np.sin(yaw), np.zeros(len(xy))], 1)
    left = np.cross(up, flat)
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    poses = np.tile(np.eye(4), (len(xy), 1, 1))
    poses[:, :3, 0], poses[:, :3, 1], poses[:, :3, 2] = np.cross(left, up), left, up
    poses[:, :2, 3], poses[:, 2, 3] = xy, z
    return poses


def traffic(site: Site, route: Road, crossings: list[Crossing], ego: Drive, lane: float) -> list[Actor]:
    """Vehicles, riders and people that the ego vehicle meets."""
    rng, stock = site.rng, site.stock
    frames = len(ego.s)
    time = np.arange(frames) * PERIOD
    section = route.section
    actors: list[Actor] = []

    def add(shapes: Shapes, road: Road, s: np.ndarray, d: np.ndarray | float, backwards: bool) -> None:
        mesh = shapes.pick(rng)
        known = MOVING[int(mesh.label[0])]
        moving = mesh.named(label=known, instance=site.next_thing())
        yaw = road.direction(s) + (np.pi if backwards else 0)
        xy = road.point(s, np.broadcast_to(d, s.shape))
        track = np.column_stack([xy, site.ground.height(xy), yaw])
        track[(s < 2) | (s > road.length - 2)] = np.nan
        actors.append(Actor(moving, track))

    def meetings(every: float) -> list[int]:
        return np.flatnonzero(rng.random(frames) < PERIOD / every).tolist()

    half = float(section.carriageway.mean())
    vehicles = Deck(rng, [(stock.cars, 8), (stock.trucks, 1), (stock.buses, 1), (stock.motorcyclists, 2)])
    for frame in meetings(every=rng.uniform(5, 14)):
        speed = rng.uniform(7, 13)
        s = ego.s[frame] - speed * (time - time[frame])
        add(vehicles.draw(), route, s, lane, backwards=True)
    if rng.random() < 0.35:
        gap = rng.uniform(11, 26) + 4 * np.sin(rng.uniform(0.1, 0.3) * time + rng.uniform(0, 6.3))
        add(vehicles.draw(), route, ego.s + gap, -lane, backwards=False)
    for frame in meetings(every=30.0):
        side = float(rng.choice([-1.0, 1.0]))
        s = ego.s[frame] + rng.uniform(0, 25) - side * rng.uniform(3.5, 5.5) * (time - time[frame])
        add(stock.bicyclists, route, s, side * (half - 0.55), backwards=side > 0)
    for frame in meetings(every=8.0):
        side, way = int(rng.integers(2)), float(rng.choice([-1.0, 1.0]))
        i = route.sample(ego.s[frame] + 15)
        low, high = section.verge[side, i] + 0.4, section.pavement[side, i] - 0.4
        if high > low:
            s = ego.s[frame] + rng.uniform(5, 35) + way * rng.uniform(0.8, 1.7) * (time - time[frame])
            add(stock.people, route, s, SIGN[side] * rng.uniform(low, high), backwards=way < 0)
    for crossing in crossings:
        if crossing.own and rng.random() < 0.6:
            arrival = float(np.interp(crossing.at, ego.s, time)) - rng.uniform(3.5, 5.5)
            way = float(rng.choice([-1.0, 1.0]))
            s = crossing.own + way * rng.uniform(7, 10) * (time - arrival)
            add(stock.cars, crossing.road, s, -way * 1.5, backwards=way < 0)
    return actors


def present(actors: list[Actor], frame: int, T_world_vehicle: Float[np.ndarray, "4 4"], reach: float = 95.0) -> Mesh:
    """The actors within `reach` metres at a frame, as one mesh in the world frame."""
    here = []
    for actor in actors:
        x, y, z, yaw = actor.track[frame]
        if np.hypot(x - T_world_vehicle[0, 3], y - T_world_vehicle[1, 3]) < reach:
            here.append(actor.mesh.placed((x, y, z), yaw))
    return Mesh.merge(here)
