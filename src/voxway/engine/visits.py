"""What is seen at each visit, and reading it, step by step; `visit_order` says which samples are visited when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from voxway.core.errors import InputError
from voxway.core.label_list import LabelList
from voxway.core.sample import Batch, Sample, collate
from voxway.engine.distributed import Group
from voxway.engine.loading import read_ahead
from voxway.engine.train_config import TrainConfig
from voxway.engine.visit_order import Order, micro_batches, shared, shuffled, visit_seeds


@runtime_checkable
class Samples(Protocol):
    """What the engine asks of data: a sequence of samples with their keys."""

    @property
    def keys(self) -> Sequence[str]:
        """Names of the samples, in order."""
        ...

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def __getitem__(self, index: int, /) -> Sample:
        """Read one sample."""
        ...


@runtime_checkable
class PartlyLabelled(Samples, Protocol):
    """Data that knows which of its samples have labels."""

    @property
    def labelled(self) -> Sequence[bool]:
        """Whether each sample may supervise, in the order of `keys`; told without reading one."""
        ...


@runtime_checkable
class Listed(Samples, Protocol):
    """Data that tells by what rule its labelled samples were chosen; runs keep the list."""

    @property
    def label_list(self) -> LabelList:
        """The labelled samples, and by what rule."""
        ...


def few_labels(data: Samples) -> LabelList | None:
    """The labelled samples of data in which there is a rule by which samples may lack labels; None of other data."""
    return data.label_list if isinstance(data, Listed) and data.label_list.few else None


@runtime_checkable
class Augmented(Samples, Protocol):
    """Data that can alter its samples at random for training."""

    def augmented(self, index: int, seed: int) -> Sample:
        """Read one sample, altered; the same seed alters it in the same way."""
        ...


@runtime_checkable
class Viewed(Samples, Protocol):
    """Data that can show a sample twice, altered strongly for a student and weakly for its teacher."""

    def views(self, index: int, seed: int) -> tuple[Sample, Sample]:
        """The student's view of one sample and the teacher's; the same seed gives the same two.

        What moves voxels (flips, turns) must be the same in both, since predictions are compared voxel by voxel.
        """
        ...


class Visits:
    """Samples by (index, seed): altered where the data can alter them, as they are where it cannot.

    Args:
        data: the samples.
        own_view: whether a teacher is shown a view of its own, if the data offers two.
    """

    def __init__(self, data: Samples, own_view: bool = False) -> None:
        self.data, self.own_view = data, own_view

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, visit: tuple[int, int]) -> tuple[Sample, ...]:
        """What is seen at one visit: one sample, or the student's view and the teacher's."""
        index, seed = visit
        if self.own_view and isinstance(self.data, Viewed):
            return self.data.views(index, seed)
        return (self.data.augmented(index, seed) if isinstance(self.data, Augmented) else self.data[index],)


@dataclass(frozen=True, kw_only=True)
class MicroBatch:
    """Samples that pass through the network together."""

    number: int
    """Which of its step's micro-batches, from 0."""
    batch: Batch
    """What the student sees."""
    shown: Batch
    """What the teacher sees; the same object where there is one view."""


def steps_left(
    config: TrainConfig, data: Samples, first: int, group: Group, *, own_view: bool = False
) -> Iterator[tuple[int, list[MicroBatch]]]:
    """For every step from number `first` on, this process's micro-batches, on its device."""
    order = visit_order(config, data)
    plan = [
        (step, [(n, m) for n, m in enumerate(micro) if n % group.size == group.rank])
        for step in range(first, config.steps)
        for micro in [_planned(config, order, step)]
    ]
    visits = [visits for _, mine in plan for _, visits in mine]
    reading = read_ahead(_Reading(Visits(data, own_view), visits), len(visits), config.workers)
    for step, mine in plan:
        parts = []
        for number, _ in mine:
            batch, *others = (view.to(group.device) for view in next(reading))
            parts.append(MicroBatch(number=number, batch=batch, shown=others[0] if others else batch))
        yield step, parts


@dataclass(frozen=True)
class _Reading:
    """What is seen at planned visits, batch by batch; an object, so that it can be sent to other processes."""

    seen: Visits
    plan: Sequence[Sequence[tuple[int, int]]]

    def __call__(self, number: int) -> tuple[Batch, ...]:
        """The views of one micro-batch."""
        samples = [self.seen[visit] for visit in self.plan[number]]
        return tuple(collate(views) for views in zip(*samples))


def _planned(config: TrainConfig, order: Order, step: int) -> list[list[tuple[int, int]]]:
    """The step's micro-batches: which samples, and the seed with which each is altered."""
    indices = micro_batches(order, step, config.batch, config.micro_batch)
    seeds = visit_seeds(step, config.batch, config.micro_batch, config.seed)
    return [list(zip(*micro)) for micro in zip(indices, seeds)]


def visit_order(config: TrainConfig, data: Samples) -> Order:
    """The order in which a run visits its samples. Where all samples have labels, there is nothing to share.

    Raises:
        InputError: visits are to be shared, and the data does not tell labelled samples from others, or has none.
    """
    share = config.labelled_share
    if share is None:
        return shuffled(range(len(data)), config.seed)
    labels = list(data.labelled) if isinstance(data, PartlyLabelled) else None
    if not labels or not any(labels):
        raise InputError(
            file=type(data).__name__,
            field="labelled",
            expected=f"some labelled samples, for {config.labelled_visits} of all visits (train.labelled_visits)",
            found="no word about which samples are" if labels is None else f"none among {len(labels)}",
            remedy="Keep labels (data.labelled_share), or leave the order to chance: --set train.labelled_visits=null.",
        )
    if all(labels):
        return shuffled(range(len(data)), config.seed)
    labelled = [index for index, known in enumerate(labels) if known]
    others = [index for index, known in enumerate(labels) if not known]
    return shared(labelled, others, share, config.seed)
