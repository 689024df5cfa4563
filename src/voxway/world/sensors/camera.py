"""A colour camera: rays through its pixels, sun and sky on what they meet, and what lens and chip do to that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8, UInt16

from voxway.world.sensors.scene import Hits, Scene
from voxway.world.shapes import textures
from voxway.world.shapes.materials import Material
from voxway.world.street.light import Light
from voxway.world.street.paving import ground_colour

_FAR = 400.0


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera on a vehicle. Whole pixel coordinates are pixel centres, as in rectified KITTI images."""

    K: Float[np.ndarray, "3 3"]
    """Intrinsics, pixels."""
    T_vehicle_cam: Float[np.ndarray, "4 4"]
    """Metres; the camera looks along z, x is right, y is down."""
    size_px: tuple[int, int]
    """Height and width."""

    def rays(
        self, T_world_vehicle: Float[np.ndarray, "4 4"]
    ) -> tuple[Float32[np.ndarray, "p 3"], Float32[np.ndarray, "p 3"]]:
        """Origins and unit directions in the world frame, row by row."""
        height, width = self.size_px
        v, u = np.mgrid[0:height, 0:width].reshape(2, -1)
        local = np.stack([u, v, np.ones_like(u)], 1) @ np.linalg.inv(self.K).T
        local /= np.linalg.norm(local, axis=1, keepdims=True)
        T_world_cam = T_world_vehicle @ self.T_vehicle_cam
        directions = (local @ T_world_cam[:3, :3].T).astype(np.float32)
        return np.tile(T_world_cam[:3, 3].astype(np.float32), (len(directions), 1)), directions


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What a camera saw.

    Attributes:
        image: RGB.
        label: raw semantic id per pixel, 0 for sky.
        depth: metres along the optical axis, infinite for sky.
    """

    image: UInt8[np.ndarray, "h w 3"]
    label: UInt16[np.ndarray, "h w"]
    depth: Float32[np.ndarray, "h w"]


def photograph(
    scene: Scene,
    light: Light,
    camera: Camera,
    T_world_vehicle: Float[np.ndarray, "4 4"],
    rng: np.random.Generator,
    repaint: Callable[[Float32[np.ndarray, "p 3"], Hits], Float32[np.ndarray, "p 3"]] | None = None,
) -> Picture:
    """Take a picture.

    Args:
        scene: what stands where at that moment.
        light: the day's.
        T_world_vehicle: where the vehicle is, metres.
        rng: draws the chip's noise.
        repaint: other colours for those that surfaces have; None: none.
    """
    origins, directions = camera.rays(T_world_vehicle)
    hits = scene.cast(origins, directions, reach=_FAR)
    height, width = camera.size_px
    radiance = np.empty((height * width, 3), np.float32)
    sky = np.ones(height * width, bool)
    sky[hits.ray] = False
    radiance[sky] = light.sky(directions[sky])
    radiance[hits.ray] = _lit(scene, light, hits, directions[hits.ray], repaint)
    label = np.zeros(height * width, np.uint16)
    label[hits.ray] = hits.label
    axis = (T_world_vehicle @ camera.T_vehicle_cam)[:3, 2].astype(np.float32)
    depth = np.full(height * width, np.inf, np.float32)
    depth[hits.ray] = hits.distance * (directions[hits.ray] @ axis)
    image = _develop(radiance.reshape(height, width, 3), light.exposure, rng)
    return Picture(image=image, label=label.reshape(height, width), depth=depth.reshape(height, width))


def _lit(
    scene: Scene,
    light: Light,
    hits: Hits,
    directions: np.ndarray,
    repaint: Callable[[np.ndarray, Hits], np.ndarray] | None,
) -> np.ndarray:
    colour, gloss = _surface(hits)
    colour = colour if repaint is None else repaint(colour, hits)
    facing = hits.normal @ light.sun
    leaf = hits.material == Material.LEAVES
    # Leaves let light through, so their back is lit too.
    direct = np.where(leaf, 0.25 + 0.55 * np.abs(facing), np.clip(facing, 0, None))
    towards = np.flatnonzero(direct > 0)
    shadowed = scene.shadowed(hits.position[towards], hits.normal[towards], light.sun)
    direct[towards[shadowed]] *= np.where(leaf[towards[shadowed]], 0.12, 0.0)
    lit = colour * (light.ambient(hits.normal) + direct[:, None] * light.sunshine)
    lamp = hits.material == Material.LAMP
    lit[lamp] += 0.4 * hits.colour[lamp]
    shiny = np.flatnonzero(gloss > 0)
    cosine = -(hits.normal[shiny] * directions[shiny]).sum(1, keepdims=True)
    mirrored = directions[shiny] + 2 * cosine * hits.normal[shiny]
    # Schlick's approximation, with what stands around darkening the lower half of the reflection.
    share = gloss[shiny, None] * (0.12 + 0.88 * (1 - np.clip(cosine, 0, 1)) ** 4)
    lit[shiny] += share * light.dome(mirrored) * np.where(mirrored[:, 2:] > 0.1, 1.0, 0.35)
    haze = (1 - np.exp(-hits.distance / light.visibility_m))[:, None]
    return lit * (1 - haze) + light.horizon * haze


def _surface(hits: Hits) -> tuple[np.ndarray, np.ndarray]:
    """Colours, and how strongly the sky is mirrored in each."""
    colour = textures.solid(hits.material, hits.uv, hits.colour, hits.distance)
    gloss = np.zeros(len(colour), np.float32)
    gloss[hits.material == Material.GLASS] = 0.9
    gloss[hits.material == Material.LACQUER] = 0.35
    front = np.flatnonzero(hits.material == Material.PLASTER)
    colour[front], pane = textures.facade(hits.colour[front], hits.style[front], hits.uv[front], hits.distance[front])
    gloss[front[pane]] = 0.7
    board = np.flatnonzero(hits.material == Material.SIGN)
    colour[board] = textures.sign(hits.style[board], hits.uv[board], hits.colour[board])
    g = hits.grounded
    colour[g] = ground_colour(hits.position[g, :2].astype(np.float64), hits.spot, hits.distance[g])
    return colour, gloss


def _develop(radiance: np.ndarray, exposure: float, rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """Lens blur, automatic exposure, chip noise, gamma."""
    for axis in (0, 1):
        padded = np.concatenate([radiance.take([0], axis), radiance, radiance.take([-1], axis)], axis)
        count = radiance.shape[axis]
        before, after = padded.take(range(count), axis), padded.take(range(2, count + 2), axis)
        radiance = 0.72 * radiance + 0.14 * (before + after)
    # Metered on the lower two thirds, where the street is.
    street = radiance[radiance.shape[0] // 3 :]
    gain = 0.17 * exposure / max(float(np.exp(np.log(street.mean(-1) + 1e-3).mean())), 1e-3)
    bright = radiance * np.float32(gain)
    noise = rng.standard_normal(bright.shape, np.float32)
    bright += noise * np.sqrt(0.00025 * bright + 0.00002)
    # A soft shoulder above 0.7, then clipping, as cheap cameras do.
    soft = np.where(bright > 0.7, 0.7 + 0.3 * np.tanh((bright - 0.7) / 0.6), bright)
    return (np.clip(soft, 0, 1) ** np.float32(1 / 2.2) * 255 + 0.5).astype(np.uint8)
