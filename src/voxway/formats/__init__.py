"""Files of other programs: point clouds, recordings that viewers play, cost maps; a file for each format."""

from voxway.formats.cost_map import CostMap, cost_map
from voxway.formats.costs import CostTable
from voxway.formats.drives import Drives
from voxway.formats.moment import Coordinates, Moment
from voxway.formats.options import WriteOptions
from voxway.formats.registry import FORMATS, Format, format_of, write_moment

__all__ = [
    "FORMATS",
    "Coordinates",
    "CostMap",
    "CostTable",
    "Drives",
    "Format",
    "Moment",
    "WriteOptions",
    "cost_map",
    "format_of",
    "write_moment",
]
