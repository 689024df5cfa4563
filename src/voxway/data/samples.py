"""Samples: what a reader reads, after the steps that are the same for every dataset, with prepared files filled in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from voxway.core.benchmark import Benchmark
from voxway.core.camera import Cameras
from voxway.core.errors import InputError, nearest
from voxway.core.label_list import LabelList
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample
from voxway.core.task import Task
from voxway.data.config import DataConfig
from voxway.data.labels import Labels
from voxway.data.opening import open_reader
from voxway.data.prepared.registry import FORMATS, prepared_format
from voxway.data.reader import Reader
from voxway.data.steps.augment import Augment, draw_flips
from voxway.data.steps.draw import draw_depth_images, draw_semantics
from voxway.data.steps.mirror import mirrored
from voxway.data.steps.photometric import relit
from voxway.data.steps.places import with_places
from voxway.data.steps.resize import ImageChanges, resized, size_px
from voxway.data.steps.thinned import thinned
from voxway.data.whole import whole_keys

_DRAWN = {"depth": frozenset({"points", "T_cam_points"}), "semantics_2d": frozenset({"points", "point_labels"})}
"""Needs that a step can draw from points, with the raw fields that it takes."""
_EARLIER = frozenset({"images", "points", "pose"})
"""Fields that earlier frames have."""
_PICTURES = frozenset({"images", "depth", "semantics_2d", "pseudo_labels"})
"""Fields that belong to cameras."""


class Samples:
    """Samples of a benchmark by position or by key; `torch.utils.data.DataLoader` takes it as it is.

    Args:
        config: which frames, and what of them. Of a `partial` copy, frames that lack a file are left out, unless they
            are named by key.
        every_frame: keep frames that lack a file, too.

    Raises:
        InputError: a need that neither the files, nor prepared files, nor a step can serve; mirrors that move voxels
            off the grid; see also the reader.
    """

    def __init__(self, config: DataConfig, every_frame: bool = False) -> None:
        self.config = config
        self.reader: Reader = open_reader(config)
        self._check_needs()
        self._check_mirrors()
        self.labels = Labels.of(config, self.reader)
        self._raw = self._raw_fields()
        self.keys: tuple[str, ...] = self._chosen()
        if config.partial and not config.keys and not every_frame:
            self.keys = whole_keys(self.keys, self.files)

    @property
    def benchmark(self) -> Benchmark:
        """What is read."""
        return self.reader.benchmark

    @property
    def task(self) -> Task:
        """Grid and classes of the targets."""
        return self.reader.benchmark.task

    @property
    def labelled(self) -> tuple[bool, ...]:
        """Whether each frame may supervise, in the order of `keys`; no label file is opened."""
        return tuple(self.labels.supervises(key) for key in self.keys)

    @property
    def label_list(self) -> LabelList:
        """The frames that may supervise, and by what rule; no label file is opened."""
        labelled = tuple(key for key, known in zip(self.keys, self.labelled, strict=True) if known)
        return LabelList(rule=self.labels.rule, keys=labelled, of=len(self.keys))

    @property
    def cameras(self) -> int | None:
        """How many cameras a sample has; None where none is asked for, or where that differs.

        Raises:
            InputError: the first frame's calibration is missing or damaged.
        """
        if "cameras" not in self._raw or self.config.cameras_vary:
            return None
        cameras = self._first_cameras()
        return None if cameras is None else cameras.count

    @property
    def focal_px(self) -> float | None:
        """Focal length of the first frame's first camera as networks see it; None where their pictures are brought to
        a size of their own, or there are none.

        Raises:
            InputError: the first frame's calibration is missing or damaged.
        """
        if "cameras" not in self._raw or self.config.image_px is not None:
            return None
        cameras = self._first_cameras()
        return None if cameras is None else self.config.focal_px or float(cameras.K[0, 0, 0])

    def _first_cameras(self) -> Cameras | None:
        return self.reader.moment(self.keys[0], frozenset({"cameras"}), np.random.default_rng(0)).cameras

    def files(self, key: str) -> dict[str, tuple[Path, ...]]:
        """The dataset's files that are read for a frame and the earlier frames beside it, by what is read from them.

        Raises:
            InputError: the frame's record is damaged.
        """
        config, reader = self.config, self.reader
        found = {field: tuple(reader.files(key, field)) for field in sorted(self._raw)}
        for one in (reader.before(key, recordings) for recordings in config.earlier):
            for field in sorted(self._raw & _EARLIER):
                found[field] += tuple(reader.files(one, field))
        if "target" in config.needs and self.labels.supervises(key):
            found["target"] = tuple(reader.files(key, "target"))
        return {field: tuple(dict.fromkeys(paths)) for field, paths in found.items()}

    def read_from(self, key: str) -> list[Path]:
        """All files that a frame is read from, prepared ones too: what whatever is made from the frame is made from."""
        found = dict.fromkeys(path for paths in self.files(key).values() for path in paths)
        prepared = sorted(self.config.needs & set(self.config.prepared))
        return [*found, *(prepared_format(need).path(self.config.prepared[need], key) for need in prepared)]

    def labelled_from(self, key: str) -> list[Path]:
        """The files that a frame's labels are read from, those that say which voxels supervise among them."""
        return [*self.reader.files(key, "target"), *self.labels.files(key)]

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int | str) -> Sample:
        """The sample at a position, or of a key, as networks see it outside training.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        key = self._key(index)
        return self._sample(key, [*key.encode()], training=False)

    def augmented(self, index: int | str, seed: int) -> Sample:
        """The sample after the random changes of training; the same for the same frame and seed.

        Every camera draws its own change of its picture; mirroring along x and y moves points, voxels, pose and cameras
        together. Depth images are those of the changed pictures. Without `augment` this is ``self[index]``.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        if self.config.augment is None:
            return self[index]
        key = self._key(index)
        return self._sample(key, [seed, *key.encode()], training=True)

    def truth(self, index: int | str) -> Occupancy:
        """Labels and masks of a frame; nothing but 255 where it must not supervise, and its file is not opened.

        Raises:
            InputError: the label file is missing or damaged.
        """
        key = self._key(index)
        if not self.labels.supervises(key):
            return Occupancy.unknown(self.task, self.reader.mask_names, key)
        truth, chosen = self.reader.truth(key), self.labels.voxels(key, self.task.grid)
        return truth if chosen is None else truth.where(chosen)

    def _key(self, index: int | str) -> str:
        return index if isinstance(index, str) else self.keys[index]

    def _chosen(self) -> tuple[str, ...]:
        config, keys = self.config, tuple(self.reader.keys)
        if config.every > 1 and config.split == "train" and not config.keys:
            kept = frozenset(self.reader.split_keys[:: config.every])
            keys = tuple(key for key in keys if key in kept)
        if config.only_labelled:
            keys = tuple(key for key in keys if self.labels.supervises(key))
        if not keys:
            raise InputError(
                file=config.root,
                field="frames",
                expected=f"frames of split {config.split}",
                found="none",
                remedy="Check the split, the drives and the selection.",
            )
        return keys

    def _check_needs(self) -> None:
        provided, prepared = self.reader.provides, self.config.prepared
        served = provided | {need for need, fields in _DRAWN.items() if fields - {"T_cam_points"} <= provided}
        for need in prepared:
            prepared_format(need)
        for need in sorted(self.config.needs - served - set(prepared)):
            if need not in served | set(FORMATS):
                raise nearest(need, sorted(served | set(FORMATS)), f"need of {self.benchmark.name}")
            raise InputError(
                file=type(self.config).__name__,
                field=need,
                expected="a folder of prepared files, as they are needed",
                found="none",
                remedy=f"Name their folder with --set data.prepared.{need}=FOLDER, or make them with "
                f"`voxway prepare {need}`.",
            )

    def _check_mirrors(self) -> None:
        augment, grid = self.config.augment, self.task.grid
        if augment is None or not ("target" in self.config.needs or self._extras("voxels")):
            return
        for axis, likely, low, high, cell in zip(
            "xy", (augment.flip_x, augment.flip_y), grid.lower, grid.upper, grid.cell
        ):
            moved = (low + high) / cell
            if likely and (low >= 0 or high <= 0 or abs(moved - round(moved)) > 1e-6):
                raise InputError(
                    file=type(self.config).__name__,
                    field=f"augment.flip_{axis}",
                    expected=f"0, as a grid over {low:g}..{high:g} m does not hold its mirror image",
                    found=likely,
                    remedy=f"Mirror along no such axis: --set data.augment.flip_{axis}=0.",
                )

    def _raw_fields(self) -> frozenset[str]:
        """What the reader is asked for."""
        config = self.config
        fields = config.needs & self.reader.provides - {"target"}
        for need, drawn in _DRAWN.items():
            if need in config.needs and need not in config.prepared:
                fields |= drawn & self.reader.provides
        if config.needs & _PICTURES or self._extras("pixels"):
            fields |= {"cameras"}
        return fields

    def _sample(self, key: str, seed: list[int], training: bool) -> Sample:
        # The reader draws from a generator of its own, so that steps draw alike whatever it reads.
        config, random = self.config, np.random.default_rng(seed)
        sample = self._stored(self.reader.moment(key, self._raw, np.random.default_rng(seed)))
        cameras = sample.cameras
        wanted = config.image_px if cameras is None else size_px(config.image_px, config.focal_px, cameras)
        changes = ImageChanges(wanted, config.augment if training else None, random)
        sample = self._drawn(resized(sample, changes, self._extras("pixels")))
        seen = config.needs & self.reader.provides & _EARLIER
        before = [self.reader.before(key, recordings) for recordings in config.earlier]
        moments = [self.reader.moment(one, seen, np.random.default_rng([*one.encode()])) for one in before]
        sample = replace(sample, earlier=tuple(self._only_needs(resized(one, changes)) for one in moments))
        sample = self._with_truth(self._only_needs(sample))
        if training and config.augment is not None:
            # From a generator of its own: what happens to pixels and points must not change what is mirrored.
            sample = _worse(sample, config.augment, random.spawn(1)[0])
            sample = mirrored(sample, *draw_flips(config.augment, random), self._extras("voxels"))
        return sample if config.camera_places is None else with_places(sample, config.camera_places)

    def _extras(self, lies_on: Literal["voxels", "pixels"]) -> frozenset[str]:
        """Names of prepared extras that lie on voxels or on pixels, and move with them."""
        needs = self.config.needs & set(self.config.prepared)
        return frozenset(need for need in needs if prepared_format(need).lies_on == lies_on)

    def _stored(self, sample: Sample) -> Sample:
        """With the contents of prepared files."""
        found: dict[str, torch.Tensor] = {}
        for need in sorted(self.config.needs & set(self.config.prepared)):
            kept = prepared_format(need)
            path = kept.path(self.config.prepared[need], sample.key)
            found[need] = kept.read(path, self.task, sample.cameras)
        own = {need: value for need, value in found.items() if need in Sample.__dataclass_fields__}
        others = {need: value for need, value in found.items() if need not in own}
        return replace(sample, **own, extras={**sample.extras, **others})

    def _drawn(self, sample: Sample) -> Sample:
        """With pictures drawn from points, where none are stored."""
        config = self.config
        if "semantics_2d" in config.needs and sample.semantics_2d is None:
            sample = draw_semantics(sample)
        if "depth" in config.needs and sample.depth is None:
            sample = draw_depth_images(sample, config.depth_rule, config.depth_range_m)
        return sample

    def _only_needs(self, sample: Sample) -> Sample:
        needs = self.config.needs
        return replace(
            sample,
            images=None if sample.images is None else sample.images.contiguous(),
            points=sample.points if "points" in needs else None,
            point_labels=sample.point_labels if "point_labels" in needs else None,
            extras={name: tensor for name, tensor in sample.extras.items() if name in needs},
        )

    def _with_truth(self, sample: Sample) -> Sample:
        if "target" not in self.config.needs:
            return replace(sample, labelled=self.labels.supervises(sample.key))
        truth = self.truth(sample.key)
        return replace(sample, target=truth.classes, masks=truth.masks, labelled=truth.labelled)


def _worse(sample: Sample, augment: Augment, random: np.random.Generator) -> Sample:
    """With pictures that light, lens and chip have changed, and fewer points; the moments before it too."""

    def one(moment: Sample) -> Sample:
        if augment.photometric is not None and moment.images is not None:
            moment = replace(moment, images=relit(moment.images, augment.photometric, random))
        return thinned(moment, augment.points, random)

    return replace(one(sample), earlier=tuple(one(before) for before in sample.earlier))
