"""Surfaces that look unlike any of the usual ones, while they are labelled as what they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from voxway.world.sensors.scene import Hits
from voxway.world.shapes.materials import Material
from voxway.world.shapes.textures import grain, noise
from voxway.world.street.ground import Zone

_SURFACES = len(Material) + len(Zone)


@dataclass(frozen=True, kw_only=True)
class Repainting:
    """What surfaces of a street look like instead: a tone and a pattern for each material and each kind of ground."""

    tone: Float32[np.ndarray, "m 3"]
    """Colours, materials first, then zones of the ground."""
    share: Float32[np.ndarray, "m"]
    """How much of the usual colour it replaces."""
    pitch_m: Float32[np.ndarray, "m"]
    """Of the pattern."""
    strength: Float32[np.ndarray, "m"]
    """How much lighter and darker it is."""
    pattern: Float32[np.ndarray, "m"]
    """Stripes below a third, checks below two thirds, clouds above."""

    @classmethod
    def draw(cls, random: np.random.Generator) -> Repainting:
        """Colours of any hue, patterns of any kind."""
        tone = np.exp(random.uniform(np.log(0.02), np.log(0.8), (_SURFACES, 3)))
        tone = tone.mean(1, keepdims=True) + random.uniform(0.1, 1.0) * (tone - tone.mean(1, keepdims=True))
        return cls(
            tone=tone.astype(np.float32),
            share=random.uniform(0.55, 0.95, _SURFACES).astype(np.float32),
            pitch_m=np.exp(random.uniform(np.log(0.15), np.log(3.0), _SURFACES)).astype(np.float32),
            strength=random.uniform(0.1, 0.9, _SURFACES).astype(np.float32),
            pattern=random.random(_SURFACES).astype(np.float32),
        )

    def __call__(self, colour: Float32[np.ndarray, "p 3"], hits: Hits) -> Float32[np.ndarray, "p 3"]:
        """Other colours for those that surfaces have."""
        which = hits.material.astype(np.int64)
        which[hits.grounded] = len(Material) + hits.spot.zone
        along = hits.uv.astype(np.float64)
        along[hits.grounded] = hits.position[hits.grounded, :2]
        u, v = (along / self.pitch_m[which, None]).T
        stripes = np.mod(np.floor(u + 0.3 * v), 2)
        checks = grain(np.floor(u), np.floor(v))
        clouds = noise(u, v, 0.3, smooth=True)
        kind = self.pattern[which]
        drawn = np.select([kind < 1 / 3, kind < 2 / 3], [stripes, checks], clouds)
        # Fine patterns fade with distance, as they do in a lens.
        fade = np.exp(-hits.distance / (12 * self.pitch_m[which] + 6))
        bright = 1 + self.strength[which] * (drawn - 0.5) * fade
        share = self.share[which, None]
        return ((colour * (1 - share) + self.tone[which] * share) * bright[:, None]).astype(np.float32)
