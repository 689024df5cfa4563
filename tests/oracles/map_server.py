"""ROS' map_server: what its documentation says of a map's two files, pixel by pixel."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np


def load_map(path: Path) -> dict[tuple[float, float], int]:
    """Occupancy by the cell's centre (x, y), metres, rounded to 1e-6: 0 free .. 100 occupied, -1 unknown.

    Mode trinary: ``p = (255 - v) / 255``, or ``v / 255`` where negate is 1; 100 above occupied_thresh, 0 below
    free_thresh, else -1.
    Mode raw: the pixel itself, where it is 0..100, else -1. The origin is the pose of the lower left pixel's corner.
    """
    fields = dict(line.split(": ", 1) for line in path.read_text().splitlines())
    x0, y0, yaw = (float(value) for value in re.fullmatch(r"\[(.*), (.*), (.*)\]", fields["origin"]).groups())
    assert yaw == 0.0, "many readers ignore it"
    resolution, negate = float(fields["resolution"]), int(fields["negate"])
    pixels = load_pgm(path.parent / fields["image"])
    height, width = pixels.shape
    cells = {}
    for row in range(height):
        for column in range(width):
            v = int(pixels[row, column])
            p = v / 255 if negate else (255 - v) / 255
            if fields["mode"] == "raw":
                said = v if v <= 100 else -1
            elif p > float(fields["occupied_thresh"]):
                said = 100
            else:
                said = 0 if p < float(fields["free_thresh"]) else -1
            centre = x0 + (column + 0.5) * resolution, y0 + (height - 1 - row + 0.5) * resolution
            cells[(round(centre[0], 6), round(centre[1], 6))] = said
    return cells


def load_pgm(path: Path) -> np.ndarray:
    """A binary PGM of 8 bits: magic, width, height, greatest value, one blank, then rows from the top."""
    found = re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s", path.read_bytes())
    width, height = int(found[1]), int(found[2])
    data = path.read_bytes()[found.end() :]
    assert len(data) == width * height
    return np.frombuffer(data, np.uint8).reshape(height, width)
