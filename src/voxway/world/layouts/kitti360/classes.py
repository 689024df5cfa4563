"""What SSCBench-KITTI-360 calls the things of the world."""

from __future__ import annotations

from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.world.layouts.classes import class_table
from voxway.world.shapes import labels

_NAMES = {
    "car": (labels.CAR,),
    "bicycle": (labels.BICYCLE,),
    "motorcycle": (labels.MOTORCYCLE,),
    "truck": (labels.TRUCK,),
    "other-vehicle": (labels.BUS, labels.OTHER_VEHICLE, labels.CONSTRUCTION_VEHICLE),
    # Riders count as persons.
    "person": (labels.PERSON, labels.BICYCLIST, labels.MOTORCYCLIST),
    "road": (labels.ROAD, labels.LANE_MARKING),
    "parking": (labels.PARKING,),
    "sidewalk": (labels.SIDEWALK,),
    "other-ground": (labels.OTHER_GROUND,),
    "building": (labels.BUILDING,),
    "fence": (labels.FENCE,),
    # Trunks are no class of their own.
    "vegetation": (labels.VEGETATION, labels.TRUNK),
    "terrain": (labels.TERRAIN,),
    "pole": (labels.POLE,),
    "traffic-sign": (labels.TRAFFIC_SIGN,),
    "other-object": (labels.OTHER_OBJECT, labels.TRAFFIC_LIGHT, labels.TRAFFIC_CONE, labels.BARRIER),
}

SSCBENCH_IDS = class_table(SSCBENCH_KITTI360, _NAMES)
"""Raw id -> class of SSCBench-KITTI-360."""
