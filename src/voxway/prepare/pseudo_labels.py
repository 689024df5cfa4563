"""Pseudo-labels by foundation networks: classes of pixels where no human label is read.

A network of fixed classes says what every pixel is: the *primary* map. A detector that understands phrases looks for
classes that the first one does not know, and a third network cuts out what its boxes hold: the *auxiliary* masks. The
masks are painted over the primary map where its class allows it, surest last. Which classes and phrases become which
classes of the task, what may be painted over what, and all thresholds stand in a table of the dataset
(`voxway.data.prepared.class_table`).

That primary and auxiliary labels are merged this way round is OccLE's idea; table, thresholds and the order of painting
are our reading of the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.files import Json, write_bytes
from voxway.core.sample import Sample
from voxway.core.stamps import digest
from voxway.core.task import IGNORE, Task
from voxway.data.config import DataConfig
from voxway.data.job import JobOptions
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.data.prepared.class_table import ClassTable, read_class_table, resource
from voxway.data.registry import config_name, dataset
from voxway.ops.paint import paint
from voxway.prepare.box_masks import BoxMasks
from voxway.prepare.foundation import Foundation
from voxway.prepare.makers import Making
from voxway.prepare.phrases import Phrases
from voxway.prepare.pixel_classes import PixelClasses
from voxway.view.class_maps import beside_maps

PRIMARY = "primary"
"""Folder below that of the pseudo-labels: what the network of fixed classes said alone."""
TABLE = "table.json"
"""A copy of the table beside them: what they were made with, and what to begin a table of one's own with."""
_KIND = PseudoLabels()


def from_models(data: DataConfig, options: JobOptions) -> Making:
    """Pseudo-labels of every camera; without a detector those of the primary map alone.

    Raises:
        InputError: no segmenter is named, a detector without a mask network or the other way round, a folder that holds
            something else, a table that does not fit, or a dataset without a table.
        MissingExtra: transformers is not installed.
    """
    assert options.kept is not None
    path = table_path(data, options.table)
    samples = data.raw("images").build()
    table = read_class_table(path, samples.task)
    segmenter = PixelClasses(_foundation(options, options.segmenter, "--segmenter"))
    labels = table.labels(segmenter.names, samples.task, segmenter.model.model)
    found = _auxiliary(options, table, samples.task)
    labeller = Labeller(segmenter, labels, table, samples.task, found)
    kept, copy, written = options.kept / PRIMARY, options.kept / TABLE, path.read_bytes()

    def make(key: str) -> UInt8[np.ndarray, "n h w"]:
        primary, merged = labeller(samples[key])
        if not copy.exists() or copy.read_bytes() != written:
            write_bytes(copy, written)
        _KIND.write(_KIND.path(kept, key), primary)
        return merged

    def picture(key: str, merged: UInt8[np.ndarray, "n h w"]) -> UInt8[np.ndarray, "h2 w2 3"]:
        sample = samples[key]
        primary = _KIND.read(_KIND.path(kept, key), samples.task, sample.cameras).numpy()
        sizes, images = _sizes(sample), sample.images
        assert images is not None
        maps = {"Primary": primary, "Merged": merged}
        return beside_maps(
            [one[:, :h, :w].permute(1, 2, 0).numpy() for one, (h, w) in zip(images, sizes)],
            {name: [one[:h, :w] for one, (h, w) in zip(some, sizes)] for name, some in maps.items()},
            samples.task,
        )

    networks = {"segmenter": segmenter.model, **({} if found is None else found.models)}
    settings: dict[str, Json] = {
        **{name: {"network": one.config.architectures, "sha256": one.fingerprint} for name, one in networks.items()},
        "table": {"version": table.version, "sha256": digest(path)},
        "prompt": "" if found is None else found.phrases.prompt,
        "thresholds": [table.least_probability, table.least_box_score, table.least_phrase_score],
        "precision": options.precision,
        **data.recorded(frozenset({"images"})),
    }
    return Making(make=make, sources=samples.read_from, settings=settings, picture=picture)


def table_path(data: DataConfig, named: Path | None) -> Path:
    """The table that a person named, or the dataset's own.

    Raises:
        InputError: neither is there.
    """
    if named is not None:
        return named
    name = config_name(data)
    own = dataset(name).class_table
    if own is None:
        raise InputError(
            file=f"dataset {name}",
            field="class table",
            expected="a table of what networks say as its classes",
            found="none",
            remedy="Write one as docs/data.md says, and name it with --table.",
        )
    return resource(own)


@dataclass(frozen=True)
class Auxiliary:
    """Finds and cuts out what phrases say.

    Attributes:
        phrases: finds boxes.
        masks: cuts out what they hold.
        classes: id of the class that each phrase stands for.
    """

    phrases: Phrases
    masks: BoxMasks
    classes: tuple[int, ...]

    @property
    def models(self) -> Mapping[str, Foundation]:
        """Both networks, by what they do."""
        return {"detector": self.phrases.model, "masks": self.masks.model}


@dataclass(frozen=True)
class Labeller:
    """From the pictures of a moment to primary and merged maps.

    Attributes:
        segmenter: says the primary classes.
        labels: what each of its classes becomes.
        table: thresholds, and what may be painted over.
        task: whose ids come out.
        auxiliary: finds what the segmenter does not know; None: nothing does.
    """

    segmenter: PixelClasses
    labels: UInt8[np.ndarray, "k"]
    table: ClassTable
    task: Task
    auxiliary: Auxiliary | None

    def __call__(self, sample: Sample) -> tuple[UInt8[np.ndarray, "n h w"], UInt8[np.ndarray, "n h w"]]:
        """Primary and merged map of every camera; 255 beyond small pictures. Cameras of one size go together."""
        images, sizes = sample.images, _sizes(sample)
        assert images is not None
        shape = (len(images), *images.shape[-2:])
        primary, merged = (np.full(shape, IGNORE, np.uint8) for _ in range(2))
        for height, width in dict.fromkeys(sizes):
            cameras = [i for i, size in enumerate(sizes) if size == (height, width)]
            said = self._of_one_size(images[cameras, :, :height, :width].contiguous())
            for camera, (first, both) in zip(cameras, said):
                primary[camera, :height, :width], merged[camera, :height, :width] = first, both
        return primary, merged

    def _of_one_size(
        self, images: UInt8[Tensor, "n 3 h w"]
    ) -> list[tuple[UInt8[np.ndarray, "h w"], UInt8[np.ndarray, "h w"]]]:
        ids, probability = self.segmenter(images)
        primary, doubtful = self.labels[ids.numpy()], (probability < self.table.least_probability).numpy()
        painted = partial(paint, over=self.table.over(self.task))
        if self.auxiliary is None:
            none = np.zeros((0, *images.shape[-2:]), bool)
            return [(one, painted(one, none, [], [], doubtful=doubt)) for one, doubt in zip(primary, doubtful)]
        found = []
        for image, one, doubt, boxes in zip(images, primary, doubtful, self.auxiliary.phrases(images)):
            masks = self.auxiliary.masks(image, boxes.corners).numpy()
            classes = [self.auxiliary.classes[phrase] for phrase in boxes.phrases.tolist()]
            found.append((one, painted(one, masks, classes, boxes.scores.tolist(), doubtful=doubt)))
        return found


def _auxiliary(options: JobOptions, table: ClassTable, task: Task) -> Auxiliary | None:
    named, phrases = (options.detector, options.mask_model), table.phrases(task)
    if named == (None, None) or not phrases:
        return None
    detector, masks = (
        _foundation(options, model, option) for model, option in zip(named, ("--detector", "--mask-model"))
    )
    words = [phrase for phrase, _ in phrases]
    finder = Phrases(detector, words, table.least_box_score, table.least_phrase_score)
    return Auxiliary(finder, BoxMasks(masks), tuple(i for _, i in phrases))


def _foundation(options: JobOptions, model: str | None, option: str) -> Foundation:
    if model is None:
        raise InputError(
            file="prepare",
            field=option,
            expected="the folder of a network: --segmenter alone, or with both --detector and --mask-model",
            found="none",
            remedy="See `voxway prepare --help` for examples.",
        )
    return Foundation(
        model=model,
        what=option.removeprefix("--").replace("-", " "),
        purpose="pseudo-labels by foundation networks",
        device=options.device,
        precision=options.precision,
    )


def _sizes(sample: Sample) -> list[tuple[int, int]]:
    """(height, width) of each camera's picture, pixels."""
    assert sample.cameras is not None
    return [(height, width) for height, width in sample.cameras.size_px.tolist()]
