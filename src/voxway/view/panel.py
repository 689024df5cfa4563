"""Panel: one picture for a README or a paper: camera image above, prediction and truth below, a legend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.task import Colour, Task
from voxway.view.legend import INK, LINE_PX, Legend
from voxway.view.render import PAPER, render
from voxway.view.shade import display_colours
from voxway.view.viewpoint import slenderness
from voxway.view.volumes import class_ids, common_task

_GAP_PX = 16
_CAPTION_PX = 20


def side_by_side(
    image: UInt8[np.ndarray, "h w 3"] | None,
    prediction: Occupancy | None,
    truth: Occupancy | None,
    *,
    width_px: int = 1280,
    camera: str = "behind",
    captions: tuple[str, str] = ("Prediction", "Truth"),
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Lay out image, prediction and truth in one picture; what is None is left out.

    Args:
        image: RGB, scaled to the full width.
        prediction: drawn at the left.
        truth: drawn at the right, of the same task.
        width_px: width of the picture; its height follows.
        camera: a name of `voxway.view.VIEWPOINTS`.
        captions: words above the two volumes.

    Returns:
        RGB.

    Raises:
        InputError: neither volume is given, they are not of one task, or no viewpoint has that name.
    """
    volumes = [(v, caption) for v, caption in zip((prediction, truth), captions) if v is not None]
    if not volumes:
        remedy = "Pass a prediction, a truth or both."
        raise InputError(file="picture", field="volumes", expected="at least one", found="none", remedy=remedy)
    task = common_task([(caption, v) for v, caption in volumes])
    inner = width_px - 2 * _GAP_PX
    each = (inner - _GAP_PX * (len(volumes) - 1)) // len(volumes)
    size_px = (round(each * min(slenderness(camera, task.grid), 1)), each)
    views = [render(v, size_px=size_px, camera=camera) for v, _ in volumes]
    photo = _scaled(image, inner) if image is not None else None
    legend = Legend.of(_entries([v for v, _ in volumes], task), inner)
    top = _GAP_PX + (photo.height + _GAP_PX if photo else 0)
    legend_top = top + LINE_PX + size_px[0] + _GAP_PX
    canvas = Image.new("RGB", (width_px, legend_top + legend.height_px + _GAP_PX // 2), PAPER)
    draw = ImageDraw.Draw(canvas)
    if photo:
        canvas.paste(photo, (_GAP_PX, _GAP_PX))
    for column, (view, (_, caption)) in enumerate(zip(views, volumes)):
        left = _GAP_PX + column * (each + _GAP_PX)
        draw.text((left, top), caption, fill=INK, font=ImageFont.load_default(_CAPTION_PX))
        canvas.paste(Image.fromarray(view), (left, top + LINE_PX))
    legend.draw(draw, _GAP_PX, legend_top)
    return np.asarray(canvas)


def _scaled(image: np.ndarray, width: int) -> Image.Image:
    picture = Image.fromarray(image)
    return picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)


def _entries(volumes: Sequence[Occupancy], task: Task) -> list[tuple[str, Colour]]:
    """Name and colour of the classes that occur, in order."""
    present = set(np.unique(np.concatenate([class_ids(v).reshape(-1) for v in volumes])).tolist())
    colours = [(int(red), int(green), int(blue)) for red, green, blue in display_colours(task)]
    return [(task.classes[i], colours[i]) for i in task.occupied if i in present]
