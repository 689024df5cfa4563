"""What Occ3D-Waymo calls the things of a street."""

from __future__ import annotations

from types import MappingProxyType

from voxway.data.street import StreetNames

_SAID = {
    "car": "vehicle",
    "truck": "vehicle",
    "bus": "vehicle",
    "trailer": "vehicle",
    "construction-vehicle": "vehicle",
    "bicycle": "bicycle",
    "motorcycle": "motorcycle",
    "person": "pedestrian",
    "bicyclist": "bicyclist",
    "motorcyclist": "motorcycle",
    "road": "road",
    "parking": "road",
    "sidewalk": "walkable",
    "other-ground": "walkable",
    "terrain": "walkable",
    "building": "building",
    "fence": "building",
    "vegetation": "vegetation",
    "trunk": "tree_trunk",
    "pole": "pole",
    "traffic-sign": "sign",
    "traffic-light": "traffic_light",
    "traffic-cone": "construction_cone",
    "barrier": "general_object",
    "object": "general_object",
}
_MEANT = {
    "general_object": "object",
    "vehicle": "car",
    "bicyclist": "bicyclist",
    "pedestrian": "person",
    "sign": "traffic-sign",
    "traffic_light": "traffic-light",
    "pole": "pole",
    "construction_cone": "traffic-cone",
    "bicycle": "bicycle",
    "motorcycle": "motorcycle",
    "building": "building",
    "vegetation": "vegetation",
    "tree_trunk": "trunk",
    "road": "road",
    "walkable": "sidewalk",
}

STREET_NAMES = StreetNames(said=MappingProxyType(_SAID), meant=MappingProxyType(_MEANT))
"""Between the street's classes and these."""
