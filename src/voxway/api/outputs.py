"""Outputs: predictions written in the formats that were asked for, with pose and time where the dataset knows them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from voxway.api.occupancy import BENCHMARK
from voxway.core.errors import InputError, nearest
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Batch, Sample
from voxway.core.task import Task
from voxway.data.samples import Samples
from voxway.engine.distributed import Group
from voxway.formats import FORMATS, CostTable, Drives, Moment, WriteOptions

Add = Callable[[Sample, Occupancy], None]


def check_formats(formats: Sequence[str], options: WriteOptions, task: Task, group: Group) -> None:
    """Refuse before the work what could only fail after it.

    Raises:
        InputError: no such format, several processes for files that hold a drive in order of time, or a table of costs
            that does not fit or that no format heeds.
    """
    for name in formats:
        if name != BENCHMARK and name not in FORMATS.names():
            raise nearest(name, (BENCHMARK, *FORMATS.names()), "--format")
        if group.size > 1 and name != BENCHMARK and FORMATS.entry(name).record is not None:
            raise InputError(
                file="--format",
                field=name,
                expected="one process, as a file holds a drive in order of time",
                found=f"{group.size} processes",
                remedy="Run it without torchrun, or write npz first.",
            )
    if options.costs is not None:
        if "costmap" not in formats:
            remedy = "Ask for cost maps, or leave the table out."
            raise InputError(
                file="--costs",
                field="format",
                expected="costmap among them",
                found=", ".join(formats),
                remedy=remedy,
            )
        CostTable.read(options.costs, task)


@contextmanager
def outputs(formats: Sequence[str], folder: Path, options: WriteOptions, samples: Samples) -> Generator[Add]:
    """Gives what writes a sample's prediction: a benchmark's own files into the folder, each other format into a folder
    of its name. A recording is there when the last sample of its drive was written.

    Args:
        formats: names of formats, or ``"benchmark"``.
        folder: where everything goes.
        options: what formats are told.
        samples: where samples come from; their reader is asked for poses and times.

    Raises:
        InputError: no such format, or while writing: something that a format needs is not known.
    """
    others = [name for name in dict.fromkeys(formats) if name != BENCHMARK]
    own = samples.config.server() if BENCHMARK in formats else None
    last = {samples.reader.drive(key): key for key in samples.keys}
    with ExitStack() as stack:
        drives = [stack.enter_context(Drives(name, folder / name, options)) for name in others]

        def add(sample: Sample, occupancy: Occupancy) -> None:
            if own is not None:
                own.write(folder, occupancy)
            if drives:
                moment = _moment(sample, occupancy, samples, required=options.frame == "world")
                drive = samples.reader.drive(sample.key)
                for files in drives:
                    files.add(moment, drive)
                    if last[drive] == sample.key:
                        files.finish(drive)

        yield add


def _moment(sample: Sample, occupancy: Occupancy, samples: Samples, required: bool) -> Moment:
    """With pose and time of the frame, where its files say them; a pose that is required has to be there."""
    pose = occupancy.pose if occupancy.pose is not None else _known(sample.key, "pose", samples, required).pose
    return Moment(
        occupancy=replace(occupancy, pose=pose),
        images=sample.images,
        cameras=sample.cameras,
        time_s=_known(sample.key, "time", samples, required=False).time_s,
    )


def _known(key: str, field: str, samples: Samples, required: bool) -> Sample:
    """The raw moment with one field, or without it where its files are absent or damaged and it is not required."""
    fields = frozenset({field}) & samples.reader.provides
    try:
        return samples.reader.moment(key, fields, np.random.default_rng(0))
    except InputError:
        if required:
            raise
        return Sample(key=key, grid=samples.task.grid)


class ScoredPredictor:
    """Predicts as `network_predictor` does, and keeps the scores of the last batch, which take memory meanwhile.

    Args:
        network: a method's.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.logits: Tensor | None = None

    def __call__(self, batch: Batch) -> UInt8[Tensor, "b x y z"]:
        """The likeliest class of every voxel.

        Raises:
            InputError: a score is no number.
        """
        self.network.eval()
        with torch.no_grad():
            prediction = self.network(batch).finite(batch.keys)
        self.logits = prediction.logits
        return prediction.classes.cpu()

    def ranked(self, occupancy: Occupancy, count: int | None) -> Occupancy:
        """The first sample of the last batch, with the probabilities of its `count` likeliest classes.

        Raises:
            InputError: there are fewer classes.
        """
        assert self.logits is not None
        return replace(occupancy, logits=self.logits[0].float().cpu()).ranked(count)
