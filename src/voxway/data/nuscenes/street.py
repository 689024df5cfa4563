"""What Occ3D-nuScenes and OpenOcc-nuScenes call the things of a street."""

from __future__ import annotations

from types import MappingProxyType

from voxway.data.street import StreetNames

_SAID = {
    "car": "car",
    "truck": "truck",
    "bus": "bus",
    "trailer": "trailer",
    "construction-vehicle": "construction_vehicle",
    "bicycle": "bicycle",
    "motorcycle": "motorcycle",
    "person": "pedestrian",
    "bicyclist": "bicycle",
    "motorcyclist": "motorcycle",
    "road": "driveable_surface",
    "parking": "driveable_surface",
    "sidewalk": "sidewalk",
    "other-ground": "other_flat",
    "terrain": "terrain",
    "building": "manmade",
    "fence": "manmade",
    "vegetation": "vegetation",
    "trunk": "vegetation",
    "pole": "manmade",
    "traffic-sign": "manmade",
    "traffic-light": "manmade",
    "traffic-cone": "traffic_cone",
    "barrier": "barrier",
    "object": "others",
}
_MEANT = {
    "others": "object",
    "barrier": "barrier",
    "bicycle": "bicycle",
    "bus": "bus",
    "car": "car",
    "construction_vehicle": "construction-vehicle",
    "motorcycle": "motorcycle",
    "pedestrian": "person",
    "traffic_cone": "traffic-cone",
    "trailer": "trailer",
    "truck": "truck",
    "driveable_surface": "road",
    "other_flat": "other-ground",
    "sidewalk": "sidewalk",
    "terrain": "terrain",
    "manmade": "building",
    "vegetation": "vegetation",
}

STREET_NAMES = StreetNames(said=MappingProxyType(_SAID), meant=MappingProxyType(_MEANT))
"""Between the street's classes and Occ3D's."""
OPENOCC_STREET_NAMES = StreetNames(
    said=MappingProxyType({**_SAID, "object": None}),
    meant=MappingProxyType({name: street for name, street in _MEANT.items() if name != "others"}),
)
"""The same with OpenOcc's, which has no class for other things."""
