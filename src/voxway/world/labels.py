"""Raw semantic ids that the world paints its surfaces with, and what the benchmarks call them.

They are SemanticKITTI's, the finest of all the layouts', and four of our own for things that only other layouts know;
streets for SemanticKITTI have none of those.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from jaxtyping import UInt8

from voxway.core.benchmark import Benchmark
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES
from voxway.data.waymo.benchmark import OCC3D_WAYMO

CAR = 10
BICYCLE = 11
BUS = 13
MOTORCYCLE = 15
TRUCK = 18
OTHER_VEHICLE = 20
PERSON = 30
BICYCLIST = 31
MOTORCYCLIST = 32
ROAD = 40
PARKING = 44
SIDEWALK = 48
OTHER_GROUND = 49
BUILDING = 50
FENCE = 51
LANE_MARKING = 60
VEGETATION = 70
TRUNK = 71
TERRAIN = 72
POLE = 80
TRAFFIC_SIGN = 81
OTHER_OBJECT = 99
TRAFFIC_LIGHT = 300
TRAFFIC_CONE = 301
BARRIER = 302
CONSTRUCTION_VEHICLE = 303

MOVING = MappingProxyType(
    {CAR: 252, BICYCLIST: 253, PERSON: 254, MOTORCYCLIST: 255, BUS: 257, TRUCK: 258, OTHER_VEHICLE: 259}
)
"""Id of a class while it moves (semantic-kitti.yaml)."""

_NUSCENES = {
    "others": (OTHER_OBJECT,),
    "barrier": (BARRIER,),
    # Riders belong to what they ride.
    "bicycle": (BICYCLE, BICYCLIST),
    "bus": (BUS,),
    "car": (CAR,),
    "construction_vehicle": (CONSTRUCTION_VEHICLE,),
    "motorcycle": (MOTORCYCLE, MOTORCYCLIST),
    "pedestrian": (PERSON,),
    "traffic_cone": (TRAFFIC_CONE,),
    "trailer": (OTHER_VEHICLE,),
    "truck": (TRUCK,),
    "driveable_surface": (ROAD, LANE_MARKING, PARKING),
    "other_flat": (OTHER_GROUND,),
    "sidewalk": (SIDEWALK,),
    "terrain": (TERRAIN,),
    "manmade": (BUILDING, FENCE, POLE, TRAFFIC_SIGN, TRAFFIC_LIGHT),
    "vegetation": (VEGETATION, TRUNK),
}
_WAYMO = {
    "general_object": (OTHER_OBJECT, BARRIER),
    "vehicle": (CAR, BUS, TRUCK, OTHER_VEHICLE, CONSTRUCTION_VEHICLE),
    "bicyclist": (BICYCLIST,),
    "pedestrian": (PERSON,),
    "sign": (TRAFFIC_SIGN,),
    "traffic_light": (TRAFFIC_LIGHT,),
    "pole": (POLE,),
    "construction_cone": (TRAFFIC_CONE,),
    "bicycle": (BICYCLE,),
    "motorcycle": (MOTORCYCLE, MOTORCYCLIST),
    # Fences and walls are counted as buildings, parking bays as road.
    "building": (BUILDING, FENCE),
    "vegetation": (VEGETATION,),
    "tree_trunk": (TRUNK,),
    "road": (ROAD, LANE_MARKING, PARKING),
    "walkable": (SIDEWALK, OTHER_GROUND, TERRAIN),
}


def _table(benchmark: Benchmark, names: dict[str, tuple[int, ...]], nothing: int) -> UInt8[np.ndarray, "r"]:
    """Class id by raw id; `nothing` for raw ids without a class."""
    table = np.full(max(TRAFFIC_LIGHT, TRAFFIC_CONE, BARRIER, CONSTRUCTION_VEHICLE) + 1, nothing, np.uint8)
    for name, ids in names.items():
        for raw in ids:
            table[raw] = table[MOVING.get(raw, raw)] = benchmark.task.class_id(name)
    return table


OCC3D_NUSCENES_IDS = _table(OCC3D_NUSCENES, _NUSCENES, nothing=0)
"""Raw id -> class of Occ3D-nuScenes."""
OPENOCCUPANCY_IDS = _table(
    OPENOCCUPANCY_NUSCENES, {name: ids for name, ids in _NUSCENES.items() if name != "others"}, nothing=0
)
"""Raw id -> what OpenOccupancy's files hold: its classes, and 0 for noise, which is what other objects are there."""
OCC3D_WAYMO_IDS = _table(OCC3D_WAYMO, _WAYMO, nothing=0)
"""Raw id -> class of Occ3D-Waymo."""
