"""What the commands that end in a page share: frames from samples, and the page with its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from voxway.core.benchmark import SEMANTIC_KITTI
from voxway.core.errors import InputError
from voxway.core.files import atomic_path
from voxway.core.result import Result
from voxway.core.sample import Sample
from voxway.data.semantickitti.reader import SemanticKITTIConfig
from voxway.view import Frame, side_by_side, write_page

PAGE_FRAMES = 24
"""More would make the page slow to open."""


def frame_of(sample: Sample, prediction: Tensor | None, data: SemanticKITTIConfig) -> Frame:
    """What the page shows of a sample: its first image, the prediction, and the truth if the data has one."""
    target = sample.target
    if target is None:
        try:
            target = replace(data, needs=frozenset({"target"}), keys=(sample.key,)).build()[0].target
        except InputError:
            target = None  # a frame of the test split, or of one's own car
    image = None
    if sample.images is not None and sample.cameras is not None:
        height, width = sample.cameras.size_px[0].tolist()
        image = sample.images[0, :, :height, :width].permute(1, 2, 0).contiguous().numpy()
    return Frame(
        key=sample.key,
        image=image,
        prediction=None if prediction is None else prediction.numpy(),
        truth=None if target is None else target.numpy(),
    )


def write_views(folder: Path, frames: Sequence[Frame], title: str, results: Sequence[Result] = ()) -> None:
    """Write ``page.html`` with all frames and ``picture.png`` of the middle one, and say where they are."""
    from PIL import Image

    write_page(folder / "page.html", frames, SEMANTIC_KITTI, title=title, results=results)
    shown = frames[len(frames) // 2]
    picture = Image.fromarray(side_by_side(shown.image, shown.prediction, shown.truth, SEMANTIC_KITTI))
    with atomic_path(folder / "picture.png") as temporary:
        picture.save(temporary, format="png")
    print(f"page: {folder / 'page.html'}\npicture: {folder / 'picture.png'}")
