"""What the commands that end in a page share: frames from samples, and the page with its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from jaxtyping import UInt8
from torch import Tensor

from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.core.files import atomic_path
from voxway.core.result import Result
from voxway.core.sample import Sample
from voxway.data import DataConfig
from voxway.view import Frame, side_by_side, write_page

PAGE_FRAMES = 24
"""More would make the page slow to open."""


def frame_of(sample: Sample, prediction: Tensor | None, data: DataConfig) -> Frame:
    """What the page shows of a sample: its images, the prediction, and the truth if the data has one."""
    target = sample.target
    if target is None:
        try:
            target = replace(data, needs=frozenset({"target"}), keys=(sample.key,)).build()[0].target
        except InputError:
            target = None  # a frame of the test split, or of one's own car
    return Frame(
        key=sample.key,
        image=None if sample.images is None else _sheet(sample.images),
        prediction=None if prediction is None else prediction.numpy(),
        truth=None if target is None else target.numpy(),
    )


def _sheet(images: UInt8[Tensor, "n 3 h w"]) -> UInt8[np.ndarray, "rows columns 3"]:
    """All cameras' images as one picture, three in a row, so that a ring of six looks ahead above and back below."""
    per_row = min(len(images), 3)
    padded = torch.nn.functional.pad(images, (0, 0, 0, 0, 0, 0, 0, -len(images) % per_row))
    return rearrange(padded, "(r n) c h w -> (r h) (n w) c", n=per_row).contiguous().numpy()


def write_views(
    folder: Path, frames: Sequence[Frame], benchmark: Benchmark, title: str, results: Sequence[Result] = ()
) -> None:
    """Write ``page.html`` with all frames and ``picture.png`` of the middle one, and say where they are."""
    from PIL import Image

    write_page(folder / "page.html", frames, benchmark, title=title, results=results)
    shown = frames[len(frames) // 2]
    picture = Image.fromarray(side_by_side(shown.image, shown.prediction, shown.truth, benchmark))
    with atomic_path(folder / "picture.png") as temporary:
        picture.save(temporary, format="png")
    print(f"page: {folder / 'page.html'}\npicture: {folder / 'picture.png'}")
