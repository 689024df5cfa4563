"""Daylight: where the sun stands, how bright sun and sky are, what the sky looks like in any direction."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32

from voxway.world.shapes.materials import rgb
from voxway.world.shapes.textures import noise


@dataclass(frozen=True, kw_only=True)
class Light:
    """One day's light. Colours are linear RGB."""

    sun: Float32[np.ndarray, "3"]
    """Unit vector towards the sun, world frame."""
    sunshine: Float32[np.ndarray, "3"]
    """What the sun adds to a surface that faces it."""
    zenith: Float32[np.ndarray, "3"]
    """Colour of the sky overhead."""
    horizon: Float32[np.ndarray, "3"]
    """Colour of the sky at the horizon, which distance takes on as well."""
    cover: float
    """Share of the sky under cloud, 0..1."""
    skyline: float
    """Height of distant trees and houses, as the sine of their elevation."""
    exposure: float
    """Factor on the automatic exposure."""
    offset: float
    """Which part of the cloud and skyline textures this day shows."""
    visibility_m: float = 900.0
    """Distance from which two thirds of the light that arrives is the haze's own."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Light:
        """A day: clear, fair or overcast, the sun 18 to 60 degrees high."""
        cover = float(
            rng.choice([rng.uniform(0, 0.25), rng.uniform(0.25, 0.6), rng.uniform(0.85, 1.0)], p=[0.45, 0.35, 0.2])
        )
        height, around = np.radians(rng.uniform(18, 60)), rng.uniform(0, 2 * np.pi)
        sun = np.array([np.cos(height) * np.cos(around), np.cos(height) * np.sin(around), np.sin(height)])
        # A low sun is warmer; clouds take its light and give it to the sky.
        warmth = np.array([1.0, 0.80 + 0.16 * np.sin(height), 0.58 + 0.32 * np.sin(height)])
        strength = 3.0 * (1 - cover) ** 0.7 + 0.15
        grey = np.array([0.75, 0.78, 0.82])
        clear = np.array([0.16, 0.32, 0.72])
        zenith = clear * (1 - cover) + grey * 0.9 * cover
        horizon = np.array([0.72, 0.82, 0.95]) * (1 - cover) + grey * cover
        return cls(
            sun=sun.astype(np.float32),
            sunshine=(strength * warmth).astype(np.float32),
            zenith=zenith.astype(np.float32),
            horizon=horizon.astype(np.float32),
            cover=cover,
            skyline=float(rng.uniform(0.01, 0.06)),
            exposure=float(rng.uniform(0.8, 1.25)),
            offset=float(rng.uniform(0, 1000)),
        )

    def exposed(self, factor: float) -> Light:
        """The same day through a camera that makes its pictures so many times brighter."""
        return replace(self, exposure=self.exposure * factor)

    def ambient(self, normal: Float32[np.ndarray, "p 3"]) -> Float32[np.ndarray, "p 3"]:
        """Light from the sky, and from the ground below, on surfaces of the given normals."""
        up = 0.5 + 0.5 * normal[:, 2:]
        sky = 0.45 * self.zenith + 0.55 * self.horizon
        ground = 0.16 * (sky + 0.5 * self.sunshine * self.sun[2])
        return (sky * up + ground * (1 - up)) * np.float32(0.52)

    def dome(self, direction: Float[np.ndarray, "p 3"]) -> Float32[np.ndarray, "p 3"]:
        """Colour of the bare sky in unit directions of the world frame, linear RGB."""
        rise = np.sqrt(np.clip(direction[:, 2:], 0, 1))
        return (self.horizon * (1 - rise) + self.zenith * rise).astype(np.float32)

    def sky(self, direction: Float[np.ndarray, "p 3"]) -> Float32[np.ndarray, "p 3"]:
        """Colour of the sky as `dome`, with clouds, the sun's glow and a skyline of distant trees."""
        up = np.clip(direction[:, 2:], 0, 1)
        colour = self.dome(direction)
        # Clouds lie on a plane; towards the horizon they flatten.
        plane = direction[:, :2] / (direction[:, 2:].clip(min=0) + 0.12) * 6 + self.offset
        density = noise(plane[:, 0], plane[:, 1], smooth=True)
        share = np.clip((density - 1 + self.cover) * 4, 0, 1)[:, None] * np.clip(up * 12, 0, 1)
        colour = colour * (1 - share) + rgb(0.95, 0.95, 0.97) * share
        towards = np.clip(direction @ self.sun, 0, 1)
        glow = 0.35 * towards**8 + 3.0 * towards**400
        colour = colour + (glow * (1 - self.cover))[:, None] * self.sunshine / 3
        around = np.arctan2(direction[:, 1], direction[:, 0]) * 14 + self.offset
        ridge = self.skyline * (0.4 + 1.2 * noise(around, np.full_like(around, self.offset)))
        far = (direction[:, 2] < ridge)[:, None]
        haze = 0.6 * self.horizon + 0.4 * rgb(0.10, 0.16, 0.09)
        return np.where(far, haze, colour).astype(np.float32)
