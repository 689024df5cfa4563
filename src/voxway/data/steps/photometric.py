"""What light, lens, chip and file do to a picture, at random: nothing of it moves a pixel."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from PIL import Image, ImageFilter
from torch import Tensor

_FIELD = (9, 16)
"""Rows and columns of what varies smoothly over a picture."""
_GREY = np.array([0.299, 0.587, 0.114])
_DIRT = np.array([70.0, 60.0, 50.0])


@dataclass(frozen=True, kw_only=True)
class Photometric:
    """How far pictures are changed. Every change is drawn for every picture, and left out of some.

    Raises:
        ValueError: a range that does not ascend, or a share that is none.
    """

    likely: float = 0.5
    """How likely each of the changes is made, 0..1."""
    exposure: tuple[float, float] = (-1.2, 1.2)
    """Stops, before the file's gamma."""
    gamma: tuple[float, float] = (0.6, 1.7)
    """Exponent of grey levels from 0 to 1."""
    contrast: tuple[float, float] = (0.5, 1.5)
    """Factor on the distance from the middle grey."""
    balance: float = 0.3
    """Stops by which each channel is brighter or darker than the others, at most."""
    saturation: tuple[float, float] = (0.0, 1.8)
    """Factor on the distance from grey."""
    mixing: float = 0.12
    """Share of the other channels that is added to each or taken from it, at most: what filters of chips differ in."""
    shade: float = 0.5
    """Share of the light that the lens's borders, shadows and uneven light take, at most."""
    haze: float = 0.5
    """Share of a picture that haze and stray light take, at most."""
    dirt: float = 0.25
    """How likely there are spots on the lens, 0..1, where a change is made at all."""
    blur_px: tuple[float, float] = (0.0, 1.8)
    """Radius of the lens's blur."""
    noise: tuple[float, float] = (0.0, 20.0)
    """Standard deviation of the chip's noise, grey levels."""
    quality: tuple[int, int] = (12, 90)
    """JPEG quality of the file."""

    def __post_init__(self) -> None:
        for name in (one.name for one in fields(self)):
            value = getattr(self, name)
            if isinstance(value, tuple) and value[0] > value[1]:
                raise ValueError(f"{name} must ascend, got {value[0]} to {value[1]}")
        for name in ("likely", "shade", "haze", "dirt"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share from 0 to 1, got {getattr(self, name)}")


def relit(
    images: UInt8[Tensor, "n 3 h w"], change: Photometric, random: np.random.Generator
) -> UInt8[Tensor, "n 3 h w"]:
    """Pictures after a change of each. What is black, as all is that lies outside a picture, stays so."""
    pictures = [relit_picture(one.permute(1, 2, 0).numpy(), change, random) for one in images]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def relit_picture(
    picture: UInt8[np.ndarray, "h w 3"], change: Photometric, random: np.random.Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture after one change, in the order in which light meets lens, chip and file."""

    def made() -> bool:
        return bool(random.random() < change.likely)

    levels = _through_lens(Image.fromarray(np.ascontiguousarray(picture)), change, random)
    image = Image.fromarray(levels).convert("RGB", _mixed(change, random) if made() else _UNMIXED)
    image = image.point(_developed(change, random)) if made() else image
    levels = np.asarray(image)
    if made():
        noise = random.standard_normal(levels.shape, np.float32) * np.float32(random.uniform(*change.noise))
        levels = _as_levels(levels + noise)
    if made():
        levels = _stored(levels, int(random.integers(change.quality[0], change.quality[1] + 1)))
    return levels * picture.any(-1, keepdims=True)


_UNMIXED = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def _through_lens(image: Image.Image, change: Photometric, random: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """Spots, haze and uneven light, then blur."""
    shaded, hazy, dirty, blurred = random.random(4) < change.likely
    gain, added = np.ones((*_FIELD, 1)), np.zeros((*_FIELD, 3))
    if shaded:
        gain = 1 - random.uniform(0, change.shade) * _uneven(random)[..., None]
    if hazy:
        share = (
            random.uniform(0, change.haze) * (1 - random.uniform(0, 1) * np.linspace(0, 1, _FIELD[0]))[:, None, None]
        )
        gain, added = gain * (1 - share), added * (1 - share) + share * random.uniform(140, 255, 3)
    if dirty and random.random() < change.dirt:
        cover = random.uniform(0.3, 1) * (random.random((*_FIELD, 1)) > random.uniform(0.75, 0.97))
        gain, added = gain * (1 - cover), added * (1 - cover) + cover * _DIRT * random.uniform(0.1, 2)
    if blurred:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(*change.blur_px)))
    if not (shaded or hazy or dirty):
        return np.asarray(image)
    return _as_levels(np.asarray(image) * _smooth(gain, image.size) + _smooth(added, image.size))


def _uneven(random: np.random.Generator) -> np.ndarray:
    """How much light is taken in each cell of the field, 0..1: towards the borders, and here and there."""
    down, across = np.meshgrid(*(np.linspace(-1, 1, count) for count in _FIELD), indexing="ij")
    border = (down**2 + across**2) / 2
    coarse = random.random((3, 4)).astype(np.float32)
    patches = np.asarray(Image.fromarray(coarse).resize(_FIELD[::-1], Image.Resampling.BICUBIC))
    mixture = random.random()
    return np.clip(mixture * border + (1 - mixture) * patches, 0, 1)


def _smooth(field: np.ndarray, size: tuple[int, int]) -> Float32[np.ndarray, "h w c"]:
    """A field over a whole picture of (width, height)."""
    layers = [Image.fromarray(field[..., one].astype(np.float32)) for one in range(field.shape[-1])]
    return np.stack([np.asarray(layer.resize(size, Image.Resampling.BILINEAR)) for layer in layers], -1)


def _mixed(change: Photometric, random: np.random.Generator) -> tuple[float, ...]:
    """Rows of what makes a channel of all three, for Pillow: saturation and the chip's filters."""
    kept = random.uniform(*change.saturation)
    matrix = kept * np.eye(3) + (1 - kept) * _GREY
    share = random.uniform(-change.mixing, change.mixing, (3, 3))
    matrix = matrix + share - np.diag(share.sum(1))
    return tuple(np.concatenate([matrix, np.zeros((3, 1))], 1).ravel().tolist())


def _developed(change: Photometric, random: np.random.Generator) -> list[int]:
    """Grey levels of each channel as 256 others: exposure, white balance, gamma, contrast."""
    stops = random.uniform(*change.exposure) + random.uniform(-change.balance, change.balance, (3, 1))
    gamma, contrast = random.uniform(*change.gamma), random.uniform(*change.contrast)
    # Half of the stops: files hold about the square root of the light.
    levels = np.clip(np.linspace(0, 1, 256) * 2 ** (stops / 2.2), 0, 1) ** gamma
    return _as_levels((0.5 + contrast * (levels - 0.5)) * 255).ravel().tolist()


def _stored(levels: UInt8[np.ndarray, "h w 3"], quality: int) -> UInt8[np.ndarray, "h w 3"]:
    """As a JPEG of this quality gives it back."""
    with io.BytesIO() as file:
        Image.fromarray(levels).save(file, "JPEG", quality=quality)
        return np.array(Image.open(file))


def _as_levels(values: np.ndarray) -> UInt8[np.ndarray, "..."]:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)
