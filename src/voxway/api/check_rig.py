"""A rig checked and drawn: what is wrong with it, and pictures in which people see what no check can."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from voxway.api.load import load
from voxway.api.rig_data import rig_data
from voxway.core.errors import InputError
from voxway.data import registry
from voxway.data.own.check import RigReport, check_rig
from voxway.data.own.config import RigConfig
from voxway.data.own.reader import RigReader
from voxway.data.own.rig_file import read_rig
from voxway.view.png import write_png
from voxway.view.rig_picture import rig_picture


def check_and_draw(
    file: Path, out: Path, *, model: Path | None = None, dataset: str = registry.DEFAULT, frames: int = 3
) -> tuple[RigReport, list[Path]]:
    """Check a rig, and draw moments of it.

    Args:
        file: the rig's.
        out: folder for the drawings.
        model: folder of a network that is to look at it; None: none.
        dataset: in whose ego frame and grid it is drawn, where no network is named.
        frames: how many moments.

    Returns:
        what was found, and where the drawings are: none where nothing can be drawn.

    Raises:
        InputError: the rig's file or the model cannot be read.
    """
    rig = read_rig(file)
    network = None if model is None else load(model)
    if network is not None:
        dataset = registry.config_name(network.data)
    config = RigConfig(
        root=file.parent,
        split="test",
        file=file,
        dataset=dataset,
        cameras=tuple(camera.name for camera in rig.cameras),
        needs=frozenset(),
    )
    report = check_rig(config, frames)
    if network is not None:
        try:
            rig_data(
                file,
                replace(network.data, needs=network.needs),
                network.cameras,
                network.sources,
                dispensable=network.dispensable,
            )
        except InputError as error:
            report.add(error)
    try:
        reader = RigReader(config, possible=False)
        spread = np.linspace(0, len(reader.keys) - 1, frames).round().astype(int)
        return report, [_drawn(reader, reader.keys[number], out) for number in dict.fromkeys(spread.tolist())]
    except (InputError, ValueError):  # what is so wrong that nothing can be drawn, the report names
        return report, []


def _drawn(reader: RigReader, key: str, out: Path) -> Path:
    wanted = frozenset({"images", "points", "cameras"}) & (reader.provides | {"cameras"})
    sample = reader.moment(key, wanted, np.random.default_rng(0))
    points = None if sample.points is None else sample.points.numpy()
    known = reader.benchmark
    picture = rig_picture(sample.images, sample.cameras, reader.config.cameras, points, known.grid, -known.ego_height_m)
    return write_png(out / f"rig_{key.rpartition('/')[2]}.png", picture)
