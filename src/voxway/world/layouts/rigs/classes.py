"""What the street task calls the things of the world."""

from __future__ import annotations

from voxway.data.drives.benchmark import OWN
from voxway.world.layouts.classes import class_table
from voxway.world.shapes import labels

_NAMES = {
    "car": (labels.CAR,),
    "truck": (labels.TRUCK,),
    "bus": (labels.BUS,),
    "trailer": (labels.OTHER_VEHICLE,),
    "construction-vehicle": (labels.CONSTRUCTION_VEHICLE,),
    "bicycle": (labels.BICYCLE,),
    "motorcycle": (labels.MOTORCYCLE,),
    "person": (labels.PERSON,),
    "bicyclist": (labels.BICYCLIST,),
    "motorcyclist": (labels.MOTORCYCLIST,),
    "road": (labels.ROAD, labels.LANE_MARKING),
    "parking": (labels.PARKING,),
    "sidewalk": (labels.SIDEWALK,),
    "other-ground": (labels.OTHER_GROUND,),
    "terrain": (labels.TERRAIN,),
    "building": (labels.BUILDING,),
    "fence": (labels.FENCE,),
    "vegetation": (labels.VEGETATION,),
    "trunk": (labels.TRUNK,),
    "pole": (labels.POLE,),
    "traffic-sign": (labels.TRAFFIC_SIGN,),
    "traffic-light": (labels.TRAFFIC_LIGHT,),
    "traffic-cone": (labels.TRAFFIC_CONE,),
    "barrier": (labels.BARRIER,),
    "object": (labels.OTHER_OBJECT,),
}

MOVES = 128
"""Added to the class of what moves."""

STREET_IDS = class_table(OWN, _NAMES)
"""Raw id -> class of the street task, `MOVES` added for raw ids of what moves."""
STREET_IDS[list(labels.MOVING.values())] |= MOVES
