"""Predict frames: files as the benchmark's server takes them, and a page with images, prediction and any truth.

No labels are needed. SemanticKITTI: image, calib.txt and a scan (or the right image) are enough. Other formats go into
folders of their names: npz (with probabilities), ply, ply-cubes and costmap (for ROS' map_server) a file per frame,
mcap (for Foxglove) and rrd (for Rerun) a file per drive.

examples:
  voxway predict runs/s/model --root KITTI --split test --out predictions --no-page
  voxway predict runs/s/model --root my_car --sequences 00 --proposals lidar --out out
  voxway predict runs/s/model --rig rig.json --cameras front --out out
  voxway predict box --rig rig.json --out out
  voxway predict box --image street.jpg --fov 80 --height 1.4 --out out
  voxway predict runs/s/model --root KITTI --out out --format mcap costmap --probabilities 3
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from voxway.cli.options import Cache, Device, Keys, Out, Proposals, Root, Sequences, SpareMemory, Split
from voxway.core.errors import InputError

if TYPE_CHECKING:
    from voxway.api.model import Model
    from voxway.data.config import DataConfig


@dataclass(frozen=True, kw_only=True)
class Options:
    """Predict frames."""

    model: tyro.conf.Positional[Path]
    """Folder of a trained or converted network; or box, the one that the package brings along."""
    root: Root | None = None
    rig: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Instead of a dataset's folder, the file of a rig of your own; see docs/rig.md and `voxway check-rig`."""
    image: Annotated[Path | None, tyro.conf.arg(metavar="PICTURE")] = None
    """Instead of either, one picture without a calibration, for networks that look at one camera."""
    fov: Annotated[float | None, tyro.conf.arg(metavar="DEGREES")] = None
    """With a picture: how much it sees from left to right."""
    height: Annotated[float | None, tyro.conf.arg(metavar="METRES")] = None
    """With a picture: how high above the road it was taken."""
    pitch: Annotated[float, tyro.conf.arg(metavar="DEGREES")] = 0.0
    """With a picture: how far the camera looked up; down is negative."""
    out: Out
    """Folder for the predictions (sequences/SS/predictions/FFFFFF.label and the like), page.html and picture.png."""
    split: Split | None = None
    """Which split. Default: val, or the frames that were trained on if the recipe named them."""
    sequences: Sequences = ()
    keys: Keys = ()
    cameras: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = ()
    """Of a rig: through which cameras the network looks, in its order. Default: all, if it knows as many."""
    proposals: Proposals = None
    cache: Cache = None
    format: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = ("benchmark",)
    """benchmark, npz, ply, ply-cubes, costmap, mcap, rrd: one or several."""
    frame: Literal["ego", "world"] = "ego"
    """Coordinates of ply, costmap, mcap and rrd; the world's need poses."""
    costs: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Table from class to cost for costmap, as JSON; what it does not name stays as usual."""
    probabilities: Annotated[int | Literal["all"] | None, tyro.conf.arg(metavar="COUNT")] = None
    """Keep the probabilities of so many likeliest classes, or of all: in npz, in points, and on the page."""
    page: bool = True
    """Write the page, with 24 frames at most."""
    device: Device = "auto"
    spare_memory: SpareMemory = False


def run(options: Options) -> None:
    """Predict, write, and say where."""
    from voxway.api.data import with_origin
    from voxway.api.doubt import told
    from voxway.api.load import load
    from voxway.api.look import PAGE_FRAMES, frame_of, write_views
    from voxway.api.outputs import ScoredPredictor, check_formats, outputs
    from voxway.engine.distributed import process_group
    from voxway.engine.evaluate import network_predictor, predictions
    from voxway.engine.memory import keep_freed_memory, spare_memory
    from voxway.formats import WriteOptions
    from voxway.prepare.ready import ready

    (spare_memory if options.spare_memory else keep_freed_memory)()
    with process_group(options.device) as group:
        model = load(options.model, group.device)
        how = WriteOptions(frame=options.frame, costs=options.costs)
        check_formats(options.format, how, model.task, group)
        data = _data(options, model)
        data, sources = with_origin(data, model.sources, "proposals", options.proposals)
        data = ready(data, sources, options.cache or options.out, group)
        asked = options.probabilities is not None
        scored = ScoredPredictor(model.network) if asked or model.usual else None
        count = options.probabilities if isinstance(options.probabilities, int) else None
        samples, frames, predict = data.build(), [], scored or network_predictor(model.network)
        with outputs(options.format, options.out, how, samples) as write:
            for sample, occupancy in predictions(predict, samples, samples.task, group=group):
                if scored is not None:
                    ranked = scored.ranked(occupancy, count if asked else 1)
                    if model.usual:
                        print(told(model.usual, sample, ranked))
                    occupancy = ranked if asked else occupancy
                write(sample, occupancy)
                if options.page and group.leads and len(frames) < PAGE_FRAMES:
                    frames.append(frame_of(sample, occupancy, data))
        group.wait()
        if group.leads:
            print(f"predictions: {options.out}")
        if options.page and group.leads:
            page, picture = write_views(
                options.out, frames, title=f"{options.model} on {options.image or options.rig or options.root}"
            )
            print(f"page: {page}\npicture: {picture}")


def _data(options: Options, model: Model) -> DataConfig:
    """What is read: of a dataset's folder, of a rig, or one picture.

    Raises:
        InputError: several or none of them, options without what they belong to, or a rig that the network cannot be
            served by.
    """
    from dataclasses import replace

    from voxway.api.data import select
    from voxway.api.rig_data import rig_data

    _require_one_source(options)
    rig = options.rig if options.image is None else _assumed(options)
    if rig is None:
        assert options.root is not None
        data = replace(model.data, root=options.root, needs=model.needs)
        return select(data, options.split or (None if data.keys else "val"), options.keys, options.sequences)
    sources = {**model.sources, **({} if options.proposals is None else {"proposals": options.proposals})}
    data = replace(model.data, needs=model.needs)
    return select(
        rig_data(rig, data, model.cameras, sources, options.cameras, model.dispensable),
        None,
        options.keys,
        options.sequences,
    )


def _require_one_source(options: Options) -> None:
    """Refuse options that do not belong together."""
    named = [name for name in ("root", "rig", "image") if getattr(options, name) is not None]
    lone = [name for name in ("fov", "height") if (getattr(options, name) is None) == (options.image is not None)]
    if len(named) == 1 and not lone and not (options.cameras and options.rig is None):
        return
    given = [*named, *(name for name in ("cameras", "fov", "height") if getattr(options, name))]
    raise InputError(
        file="--root, --rig, --image",
        field="options",
        expected="--root with a dataset's folder, --rig with a rig's file (and --cameras, if any), or --image with a "
        "picture, --fov and --height",
        found=" and ".join(f"--{name}" for name in given) or "neither",
        remedy="Name one of them.",
    )


def _assumed(options: Options) -> Path:
    """The file of a rig for a lone picture; says what it takes for granted."""
    from voxway.api.one_picture import OnePicture

    assert options.image is not None and options.fov is not None and options.height is not None
    picture = OnePicture(image=options.image, fov_deg=options.fov, height_m=options.height, pitch_deg=options.pitch)
    rig = picture.write(options.out)
    print(f"{picture.said()}\nrig: {rig}; edit it if you know better, and predict with --rig")
    return rig
