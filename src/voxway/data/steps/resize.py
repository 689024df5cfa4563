"""Images at the network's size, with cameras that say where their pixels went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.sample import Sample
from voxway.data.steps.augment import Augment, ImageChange, draw_image_change
from voxway.data.steps.image_change import change_image, change_map, pixel_transform, plain_change

Size = tuple[int, int]
_AS_TRAINED = 1.25
"""Focal lengths that differ by no more than this factor are alike: calibrations of one benchmark do."""


def size_px(image_px: Size | None, focal_px: float | None, cameras: Cameras) -> Size | None:
    """(height, width) that a network sees pictures at; None: as recorded.

    Networks that learnt from pictures as recorded take things for as far away as they look large: shown pictures of
    twice the focal length, one with a map at a sixteenth of the size filled half of a street's volume.

    Args:
        image_px: what was asked for.
        focal_px: that pictures should have, if nothing was asked for and theirs is another.
        cameras: the pictures'; the first one's focal length counts.
    """
    if image_px is not None or focal_px is None:
        return image_px
    factor = focal_px / float(abs(cameras.T_image[0] @ cameras.K[0].to(cameras.T_image))[0, 0])
    if 1 / _AS_TRAINED <= factor <= _AS_TRAINED:
        return None
    height, width = cameras.size_px[0].tolist()
    return max(round(height * factor), 1), max(round(width * factor), 1)


@dataclass
class ImageChanges:
    """What happens to the pictures of one visit: drawn once, then the same for the key frame and earlier ones.

    Attributes:
        image_px: (height, width) of the network's images; None keeps the first camera's.
        augment: how far pictures may be changed at random; None: not at all.
        random: what is drawn from.
    """

    image_px: Size | None
    augment: Augment | None
    random: np.random.Generator
    _drawn: list[ImageChange] = field(default_factory=list)

    def of(self, sizes: Sequence[Size], size_px: Size) -> list[ImageChange]:
        """A change per camera, from its (height, width) to `size_px`."""
        if self.augment is None:
            return [plain_change(source, size_px) for source in sizes]
        while len(self._drawn) < len(sizes):
            source = sizes[len(self._drawn)]
            self._drawn.append(draw_image_change(self.augment, source[1], size_px[1], self.random))
        return self._drawn


def resized(sample: Sample, changes: ImageChanges, extras: frozenset[str] = frozenset()) -> Sample:
    """The sample with pictures, classes and depths per pixel, and cameras at the network's size.

    Raw pictures of unlike size stand in the top left corner of one tensor; afterwards all have one size.

    Args:
        sample: as recorded.
        changes: what happens to its pictures.
        extras: names of those that are maps (n, h, w) of its pictures, uint8 or float32, and change like depth.
    """
    cameras = sample.cameras
    if cameras is None or (changes.image_px is None and changes.augment is None):
        return sample
    sizes = [(height, width) for height, width in cameras.size_px.tolist()]
    wanted = changes.image_px or sizes[0]
    each = changes.of(sizes, wanted)
    moves = torch.stack([pixel_transform(source, change, wanted) for source, change in zip(sizes, each)])
    moved = replace(
        cameras,
        T_image=moves @ cameras.T_image,
        size_px=torch.tensor(wanted).expand(len(sizes), 2).clone(),
    )

    def changed(pictures: Tensor | None, change: Callable[[np.ndarray, ImageChange, Size], Tensor]) -> Tensor | None:
        if pictures is None:
            return None
        cut = [picture[..., :height, :width] for picture, (height, width) in zip(pictures, sizes)]
        return torch.stack([change(_channels_last(picture), one, wanted) for picture, one in zip(cut, each)])

    return replace(
        sample,
        cameras=moved,
        images=changed(sample.images, change_image),
        semantics_2d=changed(sample.semantics_2d, change_map),
        pseudo_labels=changed(sample.pseudo_labels, change_map),
        depth=changed(sample.depth, change_map),
        extras={name: changed(map_, change_map) if name in extras else map_ for name, map_ in sample.extras.items()},
    )


def _channels_last(picture: Shaped[Tensor, "*c h w"]) -> np.ndarray:
    return picture.permute(1, 2, 0).numpy() if picture.dim() == 3 else picture.numpy()
