"""A network to an ONNX file that was compared with it, or to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn

from voxway.core.benchmark import Benchmark
from voxway.core.camera import Cameras
from voxway.core.errors import InputError, nearest
from voxway.core.files import atomic_path, write_json
from voxway.core.result import Protocol
from voxway.core.sample import Batch
from voxway.export.effocc import VOXELS, EffOccGraph, feed, voxel_rule
from voxway.export.half import to_float16
from voxway.export.onnx_file import (
    OPSET,
    check_standard,
    need_packages,
    operators,
    save,
    signature,
    to_onnx,
    without_output,
)
from voxway.export.parity import compare, open_session, race
from voxway.export.precision import to_int8
from voxway.export.report import Report
from voxway.export.rig import rig_to_json
from voxway.methods.effocc import EffOcc
from voxway.metrics.occupancy import OccupancyMetric

PRECISIONS = ("float32", "float16", "int8")


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """What the file is to be.

    Raises:
        InputError: an unknown precision, or an agreement beyond 0..1.
    """

    precision: str = "float32"
    """Of weights and activations: float32, float16 or int8. Inputs and outputs are the same in all of them."""
    logits: bool = False
    """Whether scores are put out beside the classes."""
    least_agreement: float | None = None
    """Share of voxels whose class must be the network's, or there is no file. None: 0.999 in float32; lower precisions
    are only reported."""
    runs: int = 5
    """Timed runs."""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise nearest(str(self.precision), PRECISIONS, "precision")
        if self.runs < 1 or not 0 <= self.demanded <= 1:
            raise InputError(
                file="export",
                field="runs, least_agreement",
                expected="at least 1, and a share between 0 and 1",
                found=f"{self.runs}, {self.least_agreement}",
                remedy="0.999 demands that of 1000 voxels all but one have the same class.",
            )

    @property
    def demanded(self) -> float:
        """Share of voxels that must have the same class."""
        if self.least_agreement is None:
            return 0.999 if self.precision == "float32" else 0.0
        return self.least_agreement


def export_network(
    network: nn.Module,
    batches: Sequence[Batch],
    out: Path,
    config: ExportConfig | None = None,
    *,
    fixed: Cameras | None = None,
    calibrate: Sequence[Batch] = (),
    benchmark: Benchmark | None = None,
    compared_on: str = "given frames",
    machine: str = "",
) -> Report:
    """Export a network, compare the file with it on some frames, and write file and report (``.json`` beside it).

    Args:
        network: an EFFOcc or FlashOcc network.
        batches: frames to compare on, one each; the first also gives the shapes.
        out: file to write.
        config: what the file is to be.
        fixed: cameras of one frame (1, n) for which the file is made; None makes calibration an input.
        calibrate: frames over which int8 takes ranges of activations, if not those compared on.
        benchmark: by whose protocol frames with a target are scored.
        compared_on: where the frames come from, for the report.
        machine: what it runs on, for the report.

    Raises:
        MissingExtra: packages of the extra ``export`` are absent.
        InputError: another method's network, frames that it cannot read, or a file that says something else.
        OutputError: `out` cannot be written. Whatever fails, no file is left behind.
    """
    need_packages()
    config = config or ExportConfig()
    network = _exportable(network).eval()
    if network.camera is None:
        fixed = None
    graph = EffOccGraph(network, _image_size(network, batches), fixed)
    own = [replace(batch, cameras=fixed) if fixed is not None else batch for batch in batches]
    prepare = partial(feed, network, graph.input_names)
    feeds = [prepare(batch) for batch in own]
    with atomic_path(out) as path, TemporaryDirectory() as scratch:
        most = network.lidar.config.voxels if network.lidar is not None else 0
        model = to_onnx(
            graph, _example(feeds), graph.output_names, {name: most for name in graph.input_names if name in VOXELS}
        )
        model = _in_precision(config.precision, model, Path(scratch), [prepare(batch) for batch in calibrate] or feeds)
        save(model, Path(scratch) / "compared.onnx")
        parity = compare(open_session(Path(scratch) / "compared.onnx"), feeds, [_answer(network, one) for one in own])
        if parity.agreement < config.demanded:
            raise InputError(
                file=out,
                field="agreement",
                expected=f"the network's class in {100 * config.demanded:g} % of voxels",
                found=f"{100 * parity.agreement:.3f} % ({config.precision}, {len(feeds)} frames)",
                remedy="No file was written. Try a higher precision, or demand less with --least-agreement.",
            )
        written = model if config.logits else without_output(model, "logits")
        save(written, path)
        session = open_session(path)
        speed = race(partial(_answer, network, own[0]), partial(session.run, ["classes"], feeds[0]), config.runs)
        report = Report(
            file=out.name,
            precision=config.precision,
            calibration="none" if network.camera is None else "free" if fixed is None else "fixed",
            opset=OPSET,
            size_mb=path.stat().st_size / 1e6,
            inputs=signature(written.graph.input),
            outputs=signature(written.graph.output),
            operators=operators(written),
            compared_on=compared_on,
            parity=parity,
            speed=speed,
            machine=machine,
            miou=_scores(network, session, batches, feeds, benchmark),
            voxels=None if network.lidar is None else voxel_rule(network.lidar),
            rig=None if fixed is None else rig_to_json(fixed),
        )
        write_json(out.with_suffix(".json"), report.to_json())
    return report


def _exportable(network: nn.Module) -> EffOcc:
    if not isinstance(network, EffOcc):
        raise InputError(
            file="export",
            field="method",
            expected="effocc, whose networks (FlashOcc's and the students' among them) can be exported",
            found=type(network).__name__,
            remedy="Train or convert one of those, or run this network in PyTorch.",
        )
    return network


def _image_size(network: EffOcc, batches: Sequence[Batch]) -> tuple[int, int]:
    """(height, width) of all images; what a network without cameras makes of it does not matter."""
    if network.camera is None:
        return 1, 1
    sizes = {tuple(size) for batch in batches for size in batch.need("cameras").size_px.flatten(0, 1).tolist()}
    sizes |= {tuple(batch.need("images").shape[-2:]) for batch in batches}
    if len(sizes) > 1 or any(len(batch) > 1 for batch in batches):
        raise InputError(
            file="export",
            field="images",
            expected="single frames, whose images are all of one size",
            found=", ".join(f"{height} x {width}" for height, width in sorted(sizes)),
            remedy="A file is made for one size: read the data with one image_px.",
        )
    height, width = sizes.pop()
    return height, width


def _example(feeds: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Inputs to trace the network with: those with the most voxels, of which it takes two."""
    best = max(feeds, key=lambda inputs: len(inputs.get(VOXELS[0], ())))
    if VOXELS[0] in best and len(best[VOXELS[0]]) < 2:
        raise InputError(
            file="export",
            field="points",
            expected="a frame with points in two voxels at least",
            found=f"{len(best[VOXELS[0]])} voxels in the fullest frame",
            remedy="Compare on other frames.",
        )
    return best


def _in_precision(precision: str, model: Any, scratch: Path, feeds: Sequence[dict[str, np.ndarray]]) -> Any:
    if precision == "float32":
        return model
    if precision == "float16":
        changed = to_float16(model)
    else:
        import onnx

        save(model, scratch / "float32.onnx")
        to_int8(model, scratch / "float32.onnx", scratch / "int8.onnx", feeds)
        changed = onnx.load(str(scratch / "int8.onnx"))
    check_standard(changed)
    return changed


@torch.no_grad()
def _answer(network: EffOcc, batch: Batch) -> dict[str, np.ndarray]:
    prediction = network(batch)
    return {"classes": prediction.classes.numpy(), "logits": prediction.logits.numpy()}


def _scores(
    network: EffOcc,
    session: Any,
    batches: Sequence[Batch],
    feeds: Sequence[dict[str, np.ndarray]],
    benchmark: Benchmark | None,
) -> dict[str, float]:
    """mIoU of the network, with every frame's own calibration, and of the file; empty without labels."""
    if benchmark is None or any(batch.target is None for batch in batches):
        return {}
    found = {}
    protocol = Protocol(benchmark=benchmark.name, split="export", samples=0, masks=benchmark.masks)
    answers = {
        "network": (torch.from_numpy(_answer(network, batch)["classes"]) for batch in batches),
        "file": (torch.from_numpy(session.run(["classes"], inputs)[0]) for inputs in feeds),
    }
    for name, classes in answers.items():
        metric = OccupancyMetric(benchmark)
        for batch, one in zip(batches, classes):
            metric.update(batch.need("target"), one, batch.masks)
        found[name] = metric.results(protocol)[0].miou
    return found
