"""Cameras that answer to light as none of the usual ones do: fringes of colour, stripes, smear, another curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image


@dataclass(frozen=True, kw_only=True)
class OddCamera:
    """What a rig's lenses and chips do to pictures."""

    fringe_px: tuple[int, int]
    """Columns by which red and blue lie beside green."""
    smear_px: int
    """Columns over which motion smears every pixel."""
    stripes: float
    """Standard deviation of every row's own error, grey levels."""
    grain: float
    """Standard deviation of noise of several pixels, grey levels."""
    curve: float
    """Share of a curve that lifts shadows and presses lights."""
    flare: float
    """Share of light that a veil from one corner adds."""

    @classmethod
    def draw(cls, random: np.random.Generator) -> OddCamera:
        """Any of them, more or less."""
        red, blue = random.integers(-3, 4, 2)
        return cls(
            fringe_px=(int(red), int(blue)),
            smear_px=int(random.integers(1, 8)),
            stripes=float(random.uniform(0, 9)),
            grain=float(random.uniform(0, 10)),
            curve=float(random.uniform(0.0, 0.7)),
            flare=float(random.uniform(0, 0.45)),
        )

    def __call__(self, picture: UInt8[np.ndarray, "h w 3"], random: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
        """The picture as this camera has it."""
        height, width = picture.shape[:2]
        levels = picture.astype(np.float32) / 255
        levels = np.stack([np.roll(levels[..., 0], self.fringe_px[0], 1), levels[..., 1], levels[..., 2]], -1)
        levels[..., 2] = np.roll(levels[..., 2], self.fringe_px[1], 1)
        levels = np.mean([np.roll(levels, shift, 1) for shift in range(self.smear_px)], 0)
        pressed = np.log1p(15 * levels) / np.log(16)
        levels = (1 - self.curve) * levels + self.curve * pressed
        down, across = np.mgrid[0:height, 0:width].astype(np.float32)
        veil = self.flare * np.exp(-np.hypot(down / height, across / width) / 0.6)[..., None]
        levels = levels * (1 - veil) + veil
        rows = random.normal(0, self.stripes, (height, 1, 1))
        return np.clip(np.round(255 * levels + rows + self._grain(random, height, width)), 0, 255).astype(np.uint8)

    def _grain(self, random: np.random.Generator, height: int, width: int) -> Float32[np.ndarray, "h w 1"]:
        coarse = random.normal(0, self.grain, (height // 3 + 1, width // 3 + 1)).astype(np.float32)
        return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR))[..., None]
