"""What SemanticKITTI calls the things of a street."""

from __future__ import annotations

from types import MappingProxyType

from voxway.data.street import StreetNames

_SAID = {
    "car": "car",
    "truck": "truck",
    "bicycle": "bicycle",
    "motorcycle": "motorcycle",
    "person": "person",
    "bicyclist": "bicyclist",
    "motorcyclist": "motorcyclist",
    "road": "road",
    "parking": "parking",
    "sidewalk": "sidewalk",
    "other-ground": "other-ground",
    "terrain": "terrain",
    "building": "building",
    "fence": "fence",
    "vegetation": "vegetation",
    "trunk": "trunk",
    "pole": "pole",
    "traffic-sign": "traffic-sign",
    "bus": "other-vehicle",
    "trailer": "other-vehicle",
    "construction-vehicle": "other-vehicle",
    "traffic-light": None,
    "traffic-cone": None,
    "barrier": None,
    "object": None,
}
_MEANT = {
    "car": "car",
    "truck": "truck",
    "bicycle": "bicycle",
    "motorcycle": "motorcycle",
    "person": "person",
    "bicyclist": "bicyclist",
    "motorcyclist": "motorcyclist",
    "road": "road",
    "parking": "parking",
    "sidewalk": "sidewalk",
    "other-ground": "other-ground",
    "terrain": "terrain",
    "building": "building",
    "fence": "fence",
    "vegetation": "vegetation",
    "trunk": "trunk",
    "pole": "pole",
    "traffic-sign": "traffic-sign",
    "other-vehicle": "bus",
}

STREET_NAMES = StreetNames(said=MappingProxyType(_SAID), meant=MappingProxyType(_MEANT))
"""Between the street's classes and these."""
