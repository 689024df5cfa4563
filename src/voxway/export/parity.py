"""An exported file beside the network that it came from: the same classes, how alike the logits, how fast each."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import numpy as np
import torch

from voxway.export.quiet import quiet


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How alike the answers to the same frames are."""

    frames: int
    """Frames compared."""
    agreement: float
    """Share of voxels with the same class, 0..1."""
    logits_difference: float
    """Largest absolute difference of logits."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Medians of alternating runs in one process, in seconds."""

    network_s: float
    """The network in PyTorch, on a batch; with LiDAR it puts points into voxels, too."""
    onnxruntime_s: float
    """onnxruntime on the same frame, on a CPU."""
    runs: int
    threads: int


@runtime_checkable
class Input(Protocol):
    """What onnxruntime says of an input."""

    name: str


@runtime_checkable
class Session(Protocol):
    """A file in onnxruntime."""

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Outputs of these names (None: of all) for inputs by name."""
        ...

    def get_inputs(self) -> Sequence[Input]:
        """The inputs, in order."""
        ...


def open_session(path: Path, threads: int | None = None) -> Session:
    """A file in onnxruntime, on a CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or torch.get_num_threads()
    with quiet():
        opened = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return cast(Session, opened)


def parity_of(
    session: Session,
    feeds: Sequence[Mapping[str, np.ndarray]],
    expected: Sequence[Mapping[str, np.ndarray]],
) -> Parity:
    """A session's answers to frames against those of the network, by name: classes and logits."""
    same = voxels = 0
    largest = 0.0
    for inputs, truth in zip(feeds, expected, strict=True):
        classes, logits = session.run(["classes", "logits"], dict(inputs))
        same += int((classes == truth["classes"]).sum())
        voxels += classes.size
        difference = np.abs(logits - truth["logits"]).max()
        largest = max(largest, float(difference) if np.isfinite(difference) else float("inf"))
    return Parity(frames=len(feeds), agreement=same / voxels, logits_difference=largest)


def race(network: Callable[[], object], runtime: Callable[[], object], runs: int) -> Speed:
    """Time both in turn, after a run of each that does not count."""
    taken: dict[Callable[[], object], list[float]] = {network: [], runtime: []}
    for _ in range(runs + 1):
        for run, seconds in taken.items():
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
    medians = [statistics.median(seconds[1:]) for seconds in taken.values()]
    return Speed(network_s=medians[0], onnxruntime_s=medians[1], runs=runs, threads=torch.get_num_threads())
