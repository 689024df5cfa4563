"""A network to an ONNX file that was compared with it, or to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from voxway.core import result
from voxway.core.benchmark import Benchmark
from voxway.core.calibration import Calibration
from voxway.core.errors import InputError, nearest
from voxway.core.files import atomic_path, write_json
from voxway.core.sample import Batch
from voxway.export.float16 import to_float16
from voxway.export.int8 import to_int8
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
from voxway.export.parity import Parity, Session, open_session, parity_of, race
from voxway.export.report import ExportReport
from voxway.export.rig import rig_to_json
from voxway.methods.contract import Exporter, Graph
from voxway.metrics.occupancy import OccupancyMetric

if TYPE_CHECKING:
    from onnx import ModelProto

PRECISIONS = ("float32", "float16", "int8")

Feeds = Sequence[dict[str, np.ndarray]]
"""Inputs of a file by name, for every frame."""


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
    exporter: Exporter,
    batches: Sequence[Batch],
    out: Path,
    config: ExportConfig | None = None,
    *,
    fixed: Calibration | None = None,
    calibrate: Sequence[Batch] = (),
    benchmark: Benchmark | None = None,
    compared_on: str = "given frames",
    machine: str = "",
) -> ExportReport:
    """Export a network, compare the file with it on some frames, and write file and report (``.json`` beside it).

    Args:
        network: the network.
        exporter: makes graphs of its method's networks (`voxway.methods.registry.exporter`).
        batches: frames to compare on, one each; the fullest also gives the shapes.
        out: file to write.
        config: what the file is to be.
        fixed: calibration for which the file is made; None makes it an input.
        calibrate: frames over which int8 takes ranges of activations, if not those compared on.
        benchmark: by whose protocol frames with a target are scored.
        compared_on: where the frames come from, for the report.
        machine: what it runs on, for the report.

    Raises:
        MissingExtra: packages of the extra ``export`` are absent.
        InputError: frames that the network cannot read, or a file that says something else.
        OutputError: `out` cannot be written. Whatever fails, no file is left behind.
    """
    need_packages()
    config = config or ExportConfig()
    network = network.eval()
    _check_single(batches)
    graph = exporter(network, batches, fixed)
    seen = [batch if graph.fixed is None else graph.fixed.put_on(batch) for batch in batches]
    feeds = [graph.feed(batch) for batch in seen]
    with atomic_path(out) as path, TemporaryDirectory() as scratch:
        full = to_onnx(graph, _fullest(graph, feeds))
        ranges = [graph.feed(batch) for batch in calibrate] or feeds
        model = _in_precision(config.precision, full, Path(scratch), ranges)
        parity = _compared(model, Path(scratch), network, seen, feeds)
        _demand(parity, config, out)
        written = model if config.logits else without_output(model, "logits")
        save(written, path)
        session = open_session(path)
        report = ExportReport(
            file=out.name,
            precision=config.precision,
            opset=OPSET,
            size_mb=path.stat().st_size / 1e6,
            inputs=signature(written.graph.input),
            outputs=signature(written.graph.output),
            operators=operators(written),
            compared_on=compared_on,
            parity=parity,
            speed=race(partial(_answer, network, seen[0]), partial(session.run, ["classes"], feeds[0]), config.runs),
            machine=machine,
            miou=_scores(network, session, batches, feeds, benchmark),
            facts=graph.facts(),
            rig=None if graph.fixed is None else rig_to_json(graph.fixed),
        )
        write_json(out.with_suffix(".json"), report.to_json())
    return report


def _check_single(batches: Sequence[Batch]) -> None:
    if not batches or any(len(batch) > 1 for batch in batches):
        raise InputError(
            file="export",
            field="frames",
            expected="at least one, each in a batch of its own",
            found=f"batches of {[len(batch) for batch in batches]}",
            remedy="Collate every frame alone.",
        )


def _fullest(graph: Graph, feeds: Feeds) -> dict[str, np.ndarray]:
    """Inputs to trace the graph with: those with the most rows, of which it takes two."""
    name = next(iter(graph.ragged), None)
    if name is None:
        return feeds[0]
    best = max(feeds, key=lambda inputs: len(inputs[name]))
    if len(best[name]) < 2:
        raise InputError(
            file="export",
            field=name,
            expected="a frame with at least two",
            found=f"{len(best[name])} in the fullest frame",
            remedy="Compare on other frames.",
        )
    return best


def _in_precision(precision: str, model: ModelProto, scratch: Path, feeds: Feeds) -> ModelProto:
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


def _compared(model: ModelProto, scratch: Path, network: nn.Module, batches: Sequence[Batch], feeds: Feeds) -> Parity:
    """How alike the answers of model and network are, frame by frame."""
    save(model, scratch / "compared.onnx")
    session = open_session(scratch / "compared.onnx")
    return parity_of(session, feeds, [_answer(network, batch) for batch in batches])


def _demand(parity: Parity, config: ExportConfig, out: Path) -> None:
    if not np.isfinite(parity.logits_difference):
        raise InputError(
            file=out,
            field="scores",
            expected="finite ones, as the network's are",
            found=f"NaN or infinity in the file's ({config.precision}, {parity.frames} frames)",
            remedy="No file was written. Try a higher precision.",
        )
    if parity.agreement < config.demanded:
        raise InputError(
            file=out,
            field="agreement",
            expected=f"the network's class in {100 * config.demanded:g} % of voxels",
            found=f"{100 * parity.agreement:.3f} % ({config.precision}, {parity.frames} frames)",
            remedy="No file was written. Try a higher precision, or demand less with --least-agreement.",
        )


@torch.no_grad()
def _answer(network: nn.Module, batch: Batch) -> dict[str, np.ndarray]:
    prediction = network(batch).finite(batch.keys)
    return {"classes": prediction.classes.numpy(), "logits": prediction.logits.numpy()}


def _scores(
    network: nn.Module, session: Session, batches: Sequence[Batch], feeds: Feeds, benchmark: Benchmark | None
) -> dict[str, float]:
    """mIoU of the network, with every frame's own calibration, and of the file; empty without labels."""
    if benchmark is None or any(batch.target is None for batch in batches):
        return {}
    found = {}
    protocol = result.Protocol(benchmark=benchmark.name, split="export", samples=0, masks=benchmark.masks)
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
