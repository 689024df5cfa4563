"""Ways to look at occupancy: pictures and a page, made on the CPU, without a display, GL, VTK or a network."""

from voxway.view.agreement import Agreement, agreement
from voxway.view.class_maps import beside_maps
from voxway.view.frame import Frame
from voxway.view.overlay import overlay, overlay_points
from voxway.view.page import write_page
from voxway.view.panel import side_by_side
from voxway.view.photos import photo, tiled
from voxway.view.png import write_png
from voxway.view.render import render
from voxway.view.viewpoint import VIEWPOINTS

__all__ = [
    "VIEWPOINTS",
    "Agreement",
    "Frame",
    "agreement",
    "beside_maps",
    "overlay",
    "overlay_points",
    "photo",
    "render",
    "side_by_side",
    "tiled",
    "write_page",
    "write_png",
]
