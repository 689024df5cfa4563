"""Raw semantic ids that the world paints its surfaces with.

They are SemanticKITTI's, the finest of all the layouts', and four of our own for things that only other layouts know;
streets for SemanticKITTI have none of those. Each layout says itself what its benchmark calls them.
"""

from __future__ import annotations

from types import MappingProxyType

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
LAST = CONSTRUCTION_VEHICLE
"""The greatest of all ids, moving ones included."""

MOVING = MappingProxyType(
    {CAR: 252, BICYCLIST: 253, PERSON: 254, MOTORCYCLIST: 255, BUS: 257, TRUCK: 258, OTHER_VEHICLE: 259}
)
"""Id of a class while it moves (semantic-kitti.yaml)."""
