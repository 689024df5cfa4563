"""What the ground looks like: asphalt with its cracks, kerbs, slabs, setts, gravel, grass."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

from voxway.world.shapes.materials import rgb
from voxway.world.shapes.textures import grain, noise, on_joint
from voxway.world.street.ground import Spot, Zone


def ground_colour(
    xy: Float[np.ndarray, "p 2"], spot: Spot, distance: Float32[np.ndarray, "p"]
) -> Float32[np.ndarray, "p 3"]:
    """Colour of the ground at world positions (metres), linear RGB.

    Args:
        spot: what lies there.
        distance: metres from the eye; fine patterns fade with it, as they do in a lens.
    """
    x, y = xy[:, 0], xy[:, 1]
    s, d = np.where(np.isfinite(spot.d), spot.s, x), np.where(np.isfinite(spot.d), spot.d, y)
    sharp = np.exp(-distance / 18)
    broad, fine = noise(x, y, 0.05, smooth=True), noise(x, y, 1.0)
    colour = np.empty((len(x), 3), np.float32)

    def paint(zone: np.ndarray, base: np.ndarray, brightness: np.ndarray) -> None:
        colour[zone] = base * brightness[zone, None]

    speckle = 1 + 0.5 * sharp * (fine - 0.5)
    # Tyres polish two tracks in either lane.
    tracks = 1 + 0.10 * np.cos((np.abs(d) - 1.0) * 2 * np.pi / 1.5)
    crack = (np.abs(noise(s, d, 0.2, smooth=True) - 0.5) < 0.008 * sharp) & (broad > 0.4)
    asphalt = (0.8 + 0.4 * broad) * speckle * tracks * np.where(crack, 0.45, 1)
    paint(spot.zone == Zone.ROAD, rgb(0.105, 0.105, 0.11), asphalt)
    slab = grain(np.floor(s * 2), np.floor(d * 2)) - 0.5
    slabs = 1 - 0.35 * sharp * on_joint(s, d, 0.5, 0.5, 0.03) + 0.25 * sharp * slab
    paint(spot.zone == Zone.PAVEMENT, rgb(0.235, 0.22, 0.205), (0.85 + 0.3 * broad) * speckle * slabs)
    setts = 1 - 0.45 * sharp * on_joint(s + 0.1 * np.floor(d / 0.2), d, 0.22, 0.2, 0.035)
    paint(spot.zone == Zone.PARKING, rgb(0.19, 0.145, 0.13), (0.8 + 0.4 * broad) * speckle * setts)
    paint(spot.zone == Zone.OTHER, rgb(0.33, 0.26, 0.18), (0.75 + 0.5 * broad) * (1 + 0.7 * sharp * (fine - 0.5)))
    grass = spot.zone == Zone.TERRAIN
    lush = noise(x, y, 0.11, smooth=True)[:, None]
    blades = (0.6 + 0.8 * noise(x, y, 2.0))[:, None]
    green = rgb(0.075, 0.135, 0.025) * lush + rgb(0.19, 0.16, 0.06) * (1 - lush)
    colour[grass] = (green * (1 + (blades - 1) * (0.3 + 0.7 * sharp[:, None])))[grass]
    kerb = (spot.edge > -0.02) & (spot.edge < 0.16) & ~grass | (spot.edge > 0) & (spot.edge < 0.16)
    stone = 0.34 * (1 - 0.3 * sharp * (np.mod(s, 1.0) < 0.02)) * (0.85 + 0.3 * fine)
    colour[kerb] = stone[kerb, None] * rgb(1.0, 0.98, 0.94)
    gutter = (spot.edge > -0.3) & (spot.edge <= -0.02) & (spot.zone == Zone.ROAD)
    colour[gutter] *= 0.8
    bay = (spot.zone == Zone.PARKING) & (np.mod(s, 5.5) < 0.1)
    colour[spot.marked | bay] = 0.6 * (0.7 + 0.3 * fine[spot.marked | bay, None])
    return colour
