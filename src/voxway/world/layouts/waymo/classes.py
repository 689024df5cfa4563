"""What Occ3D-Waymo calls the things of the world."""

from __future__ import annotations

from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.world.layouts.classes import class_table
from voxway.world.shapes import labels

_NAMES = {
    "general_object": (labels.OTHER_OBJECT, labels.BARRIER),
    "vehicle": (labels.CAR, labels.BUS, labels.TRUCK, labels.OTHER_VEHICLE, labels.CONSTRUCTION_VEHICLE),
    "bicyclist": (labels.BICYCLIST,),
    "pedestrian": (labels.PERSON,),
    "sign": (labels.TRAFFIC_SIGN,),
    "traffic_light": (labels.TRAFFIC_LIGHT,),
    "pole": (labels.POLE,),
    "construction_cone": (labels.TRAFFIC_CONE,),
    "bicycle": (labels.BICYCLE,),
    "motorcycle": (labels.MOTORCYCLE, labels.MOTORCYCLIST),
    # Fences and walls are counted as buildings, parking bays as road.
    "building": (labels.BUILDING, labels.FENCE),
    "vegetation": (labels.VEGETATION,),
    "tree_trunk": (labels.TRUNK,),
    "road": (labels.ROAD, labels.LANE_MARKING, labels.PARKING),
    "walkable": (labels.SIDEWALK, labels.OTHER_GROUND, labels.TERRAIN),
}

OCC3D_WAYMO_IDS = class_table(OCC3D_WAYMO, _NAMES)
"""Raw id -> class of Occ3D-Waymo."""
