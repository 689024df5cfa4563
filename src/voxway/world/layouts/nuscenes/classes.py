"""What the benchmarks on nuScenes call the things of the world."""

from __future__ import annotations

from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES, SURROUNDOCC_NUSCENES
from voxway.world.layouts.classes import class_table
from voxway.world.shapes import labels

_NAMES = {
    "others": (labels.OTHER_OBJECT,),
    "barrier": (labels.BARRIER,),
    # Riders belong to what they ride.
    "bicycle": (labels.BICYCLE, labels.BICYCLIST),
    "bus": (labels.BUS,),
    "car": (labels.CAR,),
    "construction_vehicle": (labels.CONSTRUCTION_VEHICLE,),
    "motorcycle": (labels.MOTORCYCLE, labels.MOTORCYCLIST),
    "pedestrian": (labels.PERSON,),
    "traffic_cone": (labels.TRAFFIC_CONE,),
    "trailer": (labels.OTHER_VEHICLE,),
    "truck": (labels.TRUCK,),
    "driveable_surface": (labels.ROAD, labels.LANE_MARKING, labels.PARKING),
    "other_flat": (labels.OTHER_GROUND,),
    "sidewalk": (labels.SIDEWALK,),
    "terrain": (labels.TERRAIN,),
    "manmade": (labels.BUILDING, labels.FENCE, labels.POLE, labels.TRAFFIC_SIGN, labels.TRAFFIC_LIGHT),
    "vegetation": (labels.VEGETATION, labels.TRUNK),
}

OCC3D_NUSCENES_IDS = class_table(OCC3D_NUSCENES, _NAMES)
"""Raw id -> class of Occ3D-nuScenes."""
_NAMED = {name: ids for name, ids in _NAMES.items() if name != "others"}
OPENOCCUPANCY_IDS = class_table(OPENOCCUPANCY_NUSCENES, _NAMED)
"""Raw id -> what OpenOccupancy's files hold: its classes, and 0 for noise, which is what other objects are there."""
SURROUNDOCC_IDS = class_table(SURROUNDOCC_NUSCENES, _NAMED)
"""The same of SurroundOcc's files."""
