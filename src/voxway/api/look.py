"""What ends in a page: frames from samples, and the page with its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from voxway.api.rays import ray_metric
from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.result import Result
from voxway.core.sample import Sample
from voxway.data.config import DataConfig
from voxway.metrics.rays.metric import RayMetric
from voxway.view import Frame, side_by_side, tiled, write_page
from voxway.view.png import write_png
from voxway.view.ray_view import RayView, ray_view

PAGE_FRAMES = 24
"""More would make the page slow to open."""


def frame_of(sample: Sample, prediction: Occupancy | None, data: DataConfig, rays: RayMetric | None = None) -> Frame:
    """What the page shows of a sample: its images, the prediction, and the truth if the data has one.

    Of probabilities no more is kept than the confidence, as many frames are held at once.

    Args:
        sample: the frame.
        prediction: for it, if there is one.
        data: which says where the truth is.
        rays: origins of its rays, to show how the prediction meets the truth along them.
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
        rays=_rays(rays, sample.key, prediction, truth),
        note=data.frame_note(),
    )


def rays_for_page(data: DataConfig) -> RayMetric:
    """Where rays of frames start, for a page; a copy that lacks frames will do, since no score is shown.

    Raises:
        InputError: see `voxway.api.rays.ray_metric`.
    """
    return ray_metric(replace(data.raw("target"), partial=True, prepared={}).build())


def _rays(rays: RayMetric | None, key: str, prediction: Occupancy | None, truth: Occupancy | None) -> RayView | None:
    if rays is None or prediction is None or truth is None or key not in rays.places:
        return None
    task, rules = rays.benchmark.task, rays.rules
    same = all((one.task.grid, one.task.classes) == (task.grid, task.classes) for one in (prediction, truth))
    if not same or not prediction.known.all():
        return None
    hits = rays.fresh().count(key, truth.classes.cpu().numpy(), prediction.classes.cpu().numpy())
    return ray_view(hits, task.grid, task.free, rules.thresholds_m, len(task.classes) if rules.known else None)


def write_views(folder: Path, frames: Sequence[Frame], title: str, results: Sequence[Result] = ()) -> tuple[Path, Path]:
    """Write ``page.html`` with all frames and ``picture.png`` of the middle one; returns where they are."""
    write_page(folder / "page.html", frames, title=title, results=results)
    shown = frames[len(frames) // 2]
    picture = side_by_side(shown.image, shown.prediction, shown.truth)
    return folder / "page.html", write_png(folder / "picture.png", picture)
