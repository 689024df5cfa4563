"""Turn a trained or converted network into an ONNX file of standard operators, and compare the two.

A network of a method that cannot is answered with those that can. What the file takes and gives, how alike its answers
are, and how fast each is, is printed and kept as JSON beside it. Without --root, frames to compare on are made up.

examples:
  voxway export runs/s/model --out camera.onnx
  voxway export runs/s/model --out camera.onnx --root NUSCENES --calibration fixed
  voxway export runs/s/model --out camera.onnx --root NUSCENES --precision int8 --frames 16
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from voxway.cli.options import Cache, Keys, Proposals, Split

if TYPE_CHECKING:
    from torch import nn

    from voxway.core.benchmark import Benchmark
    from voxway.core.calibration import Calibration
    from voxway.core.sample import Batch

RootOrNot = Annotated[
    Path | None, tyro.conf.arg(metavar="DIR", help="Folder of the dataset whose frames are compared.")
]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Export a network."""

    model: tyro.conf.Positional[Path]
    """Folder of a trained or converted network."""
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """File to write, such as camera.onnx; the report goes to camera.json."""
    calibration: Literal["free", "fixed"] = "free"
    """Whether cameras are an input, or one vehicle's, for which the file is made (from --rig, or the first frame)."""
    precision: Literal["float32", "float16", "int8"] = "float32"
    """Of weights and activations."""
    logits: bool = False
    """Put out scores beside the classes."""
    root: RootOrNot = None
    split: Split | None = None
    """Which split's frames. Default: val, or the frames that were trained on if the recipe named them."""
    keys: Keys = ()
    proposals: Proposals = None
    cache: Cache = None
    frames: int = 4
    """Frames that are compared; int8 takes its ranges from as many others."""
    rig: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """JSON file of the cameras that a fixed calibration is for: K, T_cam_ego, T_image, size_px, or a report's."""
    cameras: int | None = None
    """Cameras of made-up frames. Default: as many as the benchmark has."""
    image_px: tuple[int, int] | None = None
    """Height and width of made-up images. Default: as in training, or 256 704."""
    least_agreement: float | None = None
    """Share of voxels whose class must be the network's. Default: 0.999 in float32, else none."""
    runs: int = 5
    """Timed runs; the median is reported."""
    threads: int | None = None
    """CPU threads. Default: PyTorch's choice."""


def run(options: Options) -> None:
    """Export, compare, and say what came out."""
    import torch

    from voxway.core.calibration import Calibration
    from voxway.core.errors import InputError
    from voxway.engine.model_files import read_description
    from voxway.export.onnx_file import need_packages
    from voxway.export.rig import read_rig
    from voxway.export.run import ExportConfig, export_network
    from voxway.measure.passes import describe_machine
    from voxway.methods import registry

    need_packages()
    if options.frames < 1 or (options.threads is not None and options.threads < 1):
        raise InputError(
            file="export",
            field="--frames, --threads",
            expected="at least 1",
            found=f"{options.frames}, {options.threads}",
            remedy="Compare at least one frame.",
        )
    if options.threads:
        torch.set_num_threads(options.threads)
    config = ExportConfig(
        precision=options.precision,
        logits=options.logits,
        least_agreement=options.least_agreement,
        runs=options.runs,
    )
    fixed = read_rig(options.rig) if options.rig else None
    exporter = registry.exporter(read_description(options.model)["method"])
    network, batches, benchmark, where = _made_up(options, fixed) if options.root is None else _recorded(options)
    if options.calibration == "free":
        fixed = None
    elif fixed is None and options.root is not None:
        fixed = Calibration.of(batches[0])
    elif fixed is None:
        raise InputError(
            file="export",
            field="--calibration fixed",
            expected="cameras to make the file for",
            found="neither --rig nor --root",
            remedy="Name a rig file, or a dataset whose first frame has the vehicle's cameras.",
        )
    report = export_network(
        network,
        exporter,
        batches[: options.frames],
        options.out,
        config,
        fixed=fixed,
        calibrate=batches[options.frames :],
        benchmark=benchmark,
        compared_on=where,
        machine=describe_machine(),
    )
    print(report)


def _made_up(options: Options, rig: Calibration | None) -> tuple[nn.Module, list[Batch], Benchmark | None, str]:
    """The network, made-up frames for it, and where they come from."""
    from dataclasses import replace

    from voxway.core.config import from_json
    from voxway.core.errors import InputError
    from voxway.core.frame_shape import FrameShape
    from voxway.data.registry import config_type
    from voxway.engine.model_files import CONFIG, load_model, read_description
    from voxway.measure.made_up import made_up_batch
    from voxway.methods.contract import Method

    network = load_model(options.model)
    assert isinstance(network, Method)
    facts, frame = read_description(options.model)["facts"], FrameShape()
    if "data" in facts:
        frame = from_json(config_type(facts["dataset"]), facts["data"], options.model / CONFIG).frame_shape()
    cameras = frame.cameras if options.cameras is None else options.cameras
    try:
        frame = replace(frame, image_px=options.image_px or frame.image_px, cameras=cameras, sweeps=1)
    except ValueError as error:
        raise InputError(
            file="export",
            field="--image-px, --cameras",
            expected="at least 1",
            found=error,
            remedy="Give the size that the network was trained with.",
        ) from error
    seen, seeds = None if rig is None else rig.cameras, range(2 * options.frames)
    frames = [made_up_batch(network.task, network.inputs, frame, cameras=seen, seed=seed) for seed in seeds]
    return network, frames, None, "made up"


def _recorded(options: Options) -> tuple[nn.Module, list[Batch], Benchmark | None, str]:
    """The network, frames of the dataset that it was trained on (compared ones first), and where they come from."""
    from dataclasses import replace

    from voxway.api.data import select, with_origin
    from voxway.api.load import load
    from voxway.core.sample import collate
    from voxway.prepare.makers import own_samples
    from voxway.prepare.ready import ready

    assert options.root is not None
    model = load(options.model)
    data = replace(model.data, root=options.root)
    data = select(data, options.split or (None if data.keys else "val"), options.keys)
    labels = frozenset() if data.split == "test" else frozenset({"target"})
    data = replace(data, needs=model.needs | labels)
    keys = own_samples(data).keys
    count = min(len(keys), 2 * options.frames)
    order = [keys[i * len(keys) // count] for i in range(count)]
    order = [*order[::2], *order[1::2]] if count == 2 * options.frames else order
    # Prepared files are made for these frames alone.
    data = replace(data, keys=tuple(order))
    data, sources = with_origin(data, model.sources, "proposals", options.proposals)
    samples = ready(data, sources, options.cache).build()
    batches = [collate([samples[key]]) for key in order]
    return model.network, batches, samples.benchmark, f"{data.split} frames of {options.root}"
