"""What SSCBench-KITTI-360 calls the things of a street."""

from __future__ import annotations

from types import MappingProxyType

from voxway.data.street import StreetNames

_SAID = {
    "car": "car",
    "truck": "truck",
    "bicycle": "bicycle",
    "motorcycle": "motorcycle",
    "person": "person",
    "road": "road",
    "parking": "parking",
    "sidewalk": "sidewalk",
    "other-ground": "other-ground",
    "terrain": "terrain",
    "building": "building",
    "fence": "fence",
    "vegetation": "vegetation",
    "pole": "pole",
    "traffic-sign": "traffic-sign",
    "bicyclist": "person",
    "motorcyclist": "person",
    "trunk": "vegetation",
    "bus": "other-vehicle",
    "trailer": "other-vehicle",
    "construction-vehicle": "other-vehicle",
    "traffic-light": "other-object",
    "traffic-cone": "other-object",
    "barrier": "other-object",
    "object": "other-object",
}
_MEANT = {
    "car": "car",
    "truck": "truck",
    "bicycle": "bicycle",
    "motorcycle": "motorcycle",
    "person": "person",
    "road": "road",
    "parking": "parking",
    "sidewalk": "sidewalk",
    "other-ground": "other-ground",
    "terrain": "terrain",
    "building": "building",
    "fence": "fence",
    "vegetation": "vegetation",
    "pole": "pole",
    "traffic-sign": "traffic-sign",
    "other-vehicle": "bus",
    "other-structure": "building",
    "other-object": "object",
}

STREET_NAMES = StreetNames(said=MappingProxyType(_SAID), meant=MappingProxyType(_MEANT))
"""Between the street's classes and these."""
