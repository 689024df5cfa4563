"""Colours of surfaces as plain functions of where on them one looks: facades, signs, bricks, bark.

All colours are linear RGB reflectance.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float32

from voxway.world.shapes.materials import Material, rgb

_TILE = 1024
"""Side of the noise tile, cells."""
_FINE = 64.0
"""Cells of the tile per unit of its argument."""


@cache
def _noise_tile(smooth: bool) -> Float32[np.ndarray, "1024 1024"]:
    rng = np.random.default_rng(20)
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(_TILE) * _TILE] * 2))
    amplitude = np.maximum(frequency, 1.5) ** (-1.7 if smooth else -1.0)
    field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(_TILE, _TILE))) * amplitude).real
    # Evenly spread over 0..1, so that a threshold is a share.
    rank = np.empty(field.size, np.float32)
    rank[np.argsort(field, axis=None)] = np.linspace(0, 1, field.size)
    return rank.reshape(field.shape)


def noise(u: np.ndarray, v: np.ndarray, scale: float = 1.0, *, smooth: bool = False) -> Float32[np.ndarray, "*p"]:
    """Cloudy noise, evenly spread over 0..1, that repeats every 16 / `scale` units; `smooth` has little grain."""
    cells = [np.floor(x * (_FINE * scale)).astype(np.int64) & (_TILE - 1) for x in (u, v)]
    return _noise_tile(smooth)[cells[0], cells[1]]


def grain(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """One number 0..1 per whole (u, v): for things that repeat with differences."""
    mixed = (u.astype(np.int64) * 374761393 + v.astype(np.int64) * 668265263) & 0x7FFFFFFF
    mixed = (mixed ^ (mixed >> 13)) * 1274126177 & 0x7FFFFFFF
    return ((mixed ^ (mixed >> 16)) & 0xFFFF) / np.float32(65535)


def on_joint(u: np.ndarray, v: np.ndarray, pitch_u: float, pitch_v: float, joint: float) -> np.ndarray:
    """Whether (u, v) lies on a joint of a regular pattern."""
    return (np.mod(u, pitch_u) < joint) | (np.mod(v, pitch_v) < joint)


@cache
def _facades() -> dict[str, np.ndarray]:
    """Designs of facades, one per style: metres unless said otherwise."""
    rng, count = np.random.default_rng(7), 64
    return {
        "pitch": rng.uniform(1.9, 3.6, count),
        "width": rng.uniform(0.34, 0.58, count),
        "low": rng.uniform(0.28, 0.36, count),
        "high": rng.uniform(0.76, 0.88, count),
        "frame": np.where(rng.random(count) < 0.75, 0.75, 0.12),
        "shutters": rng.random(count) < 0.3,
        "tone": rng.uniform(0.05, 0.45, (count, 3)),
        "shop": rng.random(count) < 0.22,
        "plinth": rng.uniform(0.4, 0.8, count),
    }


def facade(
    wall: np.ndarray, style: np.ndarray, uv: np.ndarray, distance: np.ndarray
) -> tuple[Float32[np.ndarray, "p 3"], np.ndarray]:
    """Colour of a house front, and where its panes are; u from the wall's middle, v metres above ground."""
    design = {name: values[style % 64] for name, values in _facades().items()}
    u, v = uv[:, 0], uv[:, 1]
    storey, column = np.floor(v / 2.9), np.floor(u / design["pitch"] + 0.5)
    across = np.abs(np.mod(u / design["pitch"] + 0.5, 1) - 0.5) * 2
    up = v / 2.9 - storey
    colour = wall * (0.9 + 0.2 * noise(u, v, 0.2, smooth=True) - 0.10 * (np.mod(v, 2.9) < 0.06))[:, None]
    colour[v < design["plinth"]] *= 0.62
    ground_floor = (storey == 0) & (v > 0.1)
    shop = design["shop"] & ground_floor
    half = np.where(shop, 0.86, design["width"])
    low, high = np.where(shop, 0.16, design["low"]), np.where(shop, 0.9, design["high"])
    opening = (across < half) & (up > low) & (up < high) & (v > 0.1)
    leaf = design["shutters"] & ~shop & (across >= half) & (across < half + 0.26) & (up > low) & (up < high) & (v > 0.1)
    colour[leaf] = design["tone"][leaf] * (0.8 + 0.4 * (np.mod(v[leaf], 0.12) < 0.06))[:, None]
    sill = (across < half + 0.1) & (up > low - 0.045) & (up <= low) & (v > 0.1)
    colour[sill] = 0.5
    thick = 0.05 + 0.002 * distance
    rim = (across > half - 2 * thick / design["pitch"]) | (up < low + thick / 2.9) | (up > high - thick / 2.9)
    rim |= (across < thick / design["pitch"]) & ~shop
    pane = opening & ~rim
    colour[opening & rim] = design["frame"][opening & rim, None]
    curtain = grain(column * 7 + style, storey)
    behind = np.where(curtain > 0.6, 0.05 + 0.35 * (curtain - 0.6), 0.03)
    colour[pane] = behind[pane, None] * rgb(1.0, 0.97, 0.9)
    door = ground_floor & ~shop & (np.abs(column - style % 3 + 1) < 0.5) & (across < 0.4) & (up < 0.76)
    colour[door] = design["tone"][door] * (0.8 + 0.3 * (np.abs(across[door] - 0.2) < 0.12))[:, None]
    return np.maximum(colour, 0.01).astype(np.float32), pane & ~door


def sign(style: np.ndarray, uv: np.ndarray, colour: np.ndarray) -> Float32[np.ndarray, "p 3"]:
    """Traffic signs on a plate of radius 1: prohibitions, orders, a warning, a priority sign, boards."""
    u, v = uv[:, 0], uv[:, 1]
    radius = np.hypot(u, v)
    red, white, blue, black = rgb(0.6, 0.02, 0.03), rgb(0.85, 0.85, 0.85), rgb(0.02, 0.12, 0.55), rgb(0.03, 0.03, 0.03)
    figures = ((np.abs(np.abs(u) - 0.22) < 0.12) & (np.abs(v) < 0.35))[:, None]
    arrow = ((np.abs(u) < 0.12) & (np.abs(v) < 0.5))[:, None]
    rim = (radius > 0.72)[:, None]
    words = ((np.mod(v * 4, 1) < 0.45) & (np.abs(u) < 0.8) & (np.abs(v) < 0.75))[:, None]
    designs = [
        np.where(rim, red, np.where(figures, black, white)),
        np.where(rim | (np.abs(u - v) < 0.14)[:, None], red, blue),
        np.where(arrow, white, blue),
        np.where((v < -0.28)[:, None] | (radius > 0.5)[:, None], red, np.where(arrow, black, white)),
        np.where((np.abs(u) + np.abs(v) < 0.85)[:, None], rgb(0.8, 0.55, 0.02), white),
        np.where(words, np.where(colour.mean(1, keepdims=True) > 0.3, black, white), colour),
    ]
    out = np.asarray(colour, np.float32).copy()
    for design, painted in enumerate(designs):
        here = style == design
        out[here] = painted[here]
    return out


def solid(material: np.ndarray, uv: np.ndarray, colour: np.ndarray, distance: np.ndarray) -> Float32[np.ndarray, "p 3"]:
    """Colour of everything but ground, plastered fronts and signs."""
    u, v = uv[:, 0], uv[:, 1]
    sharp = np.exp(-distance / 14)
    brightness = np.ones(len(u), np.float32)

    def shade(which: Material, factor: np.ndarray) -> None:
        here = material == which
        brightness[here] = factor[here]

    course = np.floor(v / 0.075)
    bricks = on_joint(u + 0.12 * np.mod(course, 2), v, 0.24, 0.075, 0.012)
    shade(Material.BRICK, 0.9 + 0.3 * sharp * (grain(np.floor(u / 0.24), course) - 0.5) + 0.5 * sharp * bricks)
    shade(
        Material.TILES,
        0.8 + 0.3 * noise(u, v, 0.3) - 0.3 * sharp * (np.mod(v, 0.33) < 0.07) - 0.1 * (np.mod(u, 0.25) < 0.04) * sharp,
    )
    shade(Material.LEAVES, 0.5 + 1.0 * noise(u, v, 1.2))
    shade(Material.BARK, 0.6 + 0.8 * noise(u, v * 0.2, 3.0))
    shade(Material.WOOD, 0.8 + 0.4 * noise(u, v * 0.1, 1.0))
    shade(Material.STONE, 0.75 + 0.5 * noise(u, v, 0.5))
    shade(Material.METAL, 0.95 + 0.1 * noise(u, v, 0.3))
    shade(Material.CLOTH, 0.8 + 0.4 * noise(u, v, 2.0))
    return colour * brightness[:, None]
