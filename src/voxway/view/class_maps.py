"""Class maps: pictures beside the classes of their pixels, in the task's colours, to see at a glance what was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from voxway.core.task import IGNORE, SKY, Colour, Task
from voxway.view.legend import INK, LINE_PX, Legend
from voxway.view.render import PAPER
from voxway.view.shade import display_colours

_GAP_PX = 12
_CAPTION_PX = 18
_OTHERS: Mapping[int, tuple[str, Colour]] = {SKY: ("sky", (160, 205, 240)), IGNORE: ("unknown", (40, 40, 40))}


def beside_maps(
    images: Sequence[UInt8[np.ndarray, "_h _w 3"]],
    maps: Mapping[str, Sequence[UInt8[np.ndarray, "_h _w"]]],
    task: Task,
    *,
    width_px: int = 1800,
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """A row for each image: the image, then what each kind of map says of it; a legend below.

    Args:
        images: RGB, of any sizes.
        maps: caption -> a map for each image: ids of the task, 254 sky, 255 unknown.
        task: whose ids and colours they are.
        width_px: width of the picture; its height follows.

    Returns:
        RGB.

    Raises:
        ValueError: not as many maps as images, or an id that is none of the task's.
    """
    if any(len(some) != len(images) for some in maps.values()):
        raise ValueError(f"{len(images)} images need as many maps, got { {k: len(m) for k, m in maps.items()} }")
    names, colours = _named(task)
    present = np.unique(np.concatenate([one.reshape(-1) for some in maps.values() for one in some]))
    strange = [i for i in present.tolist() if i not in names]
    if strange:
        raise ValueError(f"{task.name} has no ids {strange[:5]}")
    each = (width_px - _GAP_PX * (len(maps) + 2)) // (len(maps) + 1)
    columns = {"Image": list(images)} | {caption: [colours[one] for one in some] for caption, some in maps.items()}
    heights = [round(image.shape[0] * each / image.shape[1]) for image in images]
    tops = np.cumsum([LINE_PX + _GAP_PX, *(height + _GAP_PX for height in heights)]).tolist()
    legend = Legend.of([names[i] for i in present.tolist()], width_px - 2 * _GAP_PX)
    canvas = Image.new("RGB", (width_px, tops[-1] + legend.height_px), PAPER)
    draw = ImageDraw.Draw(canvas)
    for column, (caption, pictures) in enumerate(columns.items()):
        left = _GAP_PX + column * (each + _GAP_PX)
        draw.text((left, _GAP_PX // 2), caption, fill=INK, font=ImageFont.load_default(_CAPTION_PX))
        how = Image.Resampling.NEAREST if column else Image.Resampling.LANCZOS  # ids must not be mixed
        for picture, height, top in zip(pictures, heights, tops):
            canvas.paste(Image.fromarray(picture).resize((each, height), how), (left, top))
    legend.draw(draw, _GAP_PX, tops[-1])
    return np.asarray(canvas)


def _named(task: Task) -> tuple[dict[int, tuple[str, Colour]], UInt8[np.ndarray, "256 3"]]:
    """Name and colour of every id, and the colours as a table."""
    shown = display_colours(task).tolist()
    names = {i: (name, (r, g, b)) for i, (name, (r, g, b)) in enumerate(zip(task.classes, shown))} | dict(_OTHERS)
    table = np.zeros((256, 3), np.uint8)
    for i, (_, colour) in names.items():
        table[i] = colour
    return names, table
