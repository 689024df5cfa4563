"""What ends in a page: frames from samples, and the page with its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.result import Result
from voxway.core.sample import Sample
from voxway.data.config import DataConfig
from voxway.view import Frame, side_by_side, tiled, write_page
from voxway.view.png import write_png

PAGE_FRAMES = 24
"""More would make the page slow to open."""


def frame_of(sample: Sample, prediction: Occupancy | None, data: DataConfig) -> Frame:
    """What the page shows of a sample: its images, the prediction, and the truth if the data has one.

    Of probabilities no more is kept than the confidence, as many frames are held at once.
    """
    try:
        truth = (
            None
            if not data.may_have_truth
            else replace(data.raw("target"), keys=(sample.key,), prepared={}).build().truth(sample.key)
        )
    except InputError:
        truth = None  # a frame of the test split, or of one's own car
    return Frame(
        key=sample.key,
        image=None if sample.images is None else tiled(sample.images),
        prediction=prediction.ranked(1) if prediction is not None and prediction.judged else prediction,
        truth=truth,
        note=data.frame_note(),
    )


def write_views(folder: Path, frames: Sequence[Frame], title: str, results: Sequence[Result] = ()) -> tuple[Path, Path]:
    """Write ``page.html`` with all frames and ``picture.png`` of the middle one; returns where they are."""
    write_page(folder / "page.html", frames, title=title, results=results)
    shown = frames[len(frames) // 2]
    picture = side_by_side(shown.image, shown.prediction, shown.truth)
    return folder / "page.html", write_png(folder / "picture.png", picture)
