"""Model: a network with all that using it needs to know: its task, its preprocessing, what it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from voxway.api.data import with_origin
from voxway.api.doubt import UsualSureness
from voxway.api.inputs import Picture, cloud, plain_sample, proposals_of, rectified_pair
from voxway.api.occupancy import Occupancy
from voxway.api.rig import Rig
from voxway.api.rig_data import rig_data
from voxway.core.errors import InputError
from voxway.core.files import Json
from voxway.core.sample import Sample, collate
from voxway.core.task import Task
from voxway.data.config import DataConfig, Split
from voxway.data.samples import Samples
from voxway.data.steps.draw import draw_depth_images
from voxway.data.steps.resize import ImageChanges, resized, size_px
from voxway.methods.contract import DoesWithout, Method, ReadsPoints
from voxway.prepare.ready import ready


@dataclass(frozen=True, kw_only=True)
class Model:
    """A trained or converted network; `voxway.load` makes it."""

    network: nn.Module
    """A `voxway.methods.contract.Method`, in evaluation mode."""
    data: DataConfig
    """What it was trained on, with its preprocessing, to be read from another folder; for a converted network, what its
    benchmark's data usually is."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """What prepared files were made from, by need."""
    name: str = ""
    """Folder or file that it came from."""
    ema: bool = False
    """Whether its weights are averaged."""
    checkpoint: str = ""
    """SHA-256 of its weights."""
    labels: Mapping[str, Json] | None = None
    """Of few labels that it learnt from: rule, share and digest (`voxway.core.label_list`). None: all, or not known."""
    cameras: int | None = None
    """How many cameras it was trained with; None: not known."""
    usual: Mapping[str, UsualSureness] = field(default_factory=dict)
    """How sure it is of streets like those that it learnt from, by what it is shown; empty: not known."""

    def __str__(self) -> str:
        size = "as recorded" if self.image_px is None else f"{self.image_px[0]} x {self.image_px[1]} px"
        if self.image_px is None and self.data.focal_px is not None:
            size += f", scaled to a focal length of {self.data.focal_px:.0f} px where theirs is far from it"
        return (
            f"{type(self.network).__name__} for {self.task.name}: {self.task.grid}; reads "
            f"{', '.join(sorted(self.needs))}; images {size}"
        )

    @property
    def method(self) -> Method:
        """The network, by its contract."""
        assert isinstance(self.network, Method)
        return self.network

    @property
    def task(self) -> Task:
        """Grid and classes that it predicts."""
        return self.method.task

    @property
    def needs(self) -> frozenset[str]:
        """Fields of a sample that it reads."""
        return self.method.inputs

    @property
    def dispensable(self) -> frozenset[str]:
        """Those of them that it can do without, as long as one is left."""
        return self.network.dispensable if isinstance(self.network, DoesWithout) else frozenset()

    @property
    def image_px(self) -> tuple[int, int] | None:
        """(height, width) of the images that it sees; None: as recorded."""
        return self.data.image_px

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.network.parameters()).device

    def samples(
        self,
        root: Path | str,
        split: Split = "val",
        *,
        keys: Sequence[str] = (),
        drives: Sequence[str] = (),
        cache: Path | str | None = None,
        show: bool = False,
    ) -> Samples:
        """Samples of a folder in the layout of the dataset that it was trained on, with what it reads.

        Args:
            root: the dataset's folder.
            split: which of its splits.
            keys: frames instead of the split.
            drives: sequences or scenes instead of the split's own.
            cache: where prepared files are kept that have to be made; None: beside the data.
            show: say how far that is.

        Raises:
            InputError: nothing to read there, or files are missing or damaged.
        """
        data = replace(
            self.data.all_labelled(),
            root=Path(root),
            split=split,
            keys=tuple(keys),
            drives=tuple(drives),
            partial=True,
            needs=self.needs,
            augment=None,
        )
        return ready(data, self.sources, None if cache is None else Path(cache), show=show).build()

    def rig_samples(
        self,
        rig: Path | str,
        *,
        cameras: Sequence[str] = (),
        keys: Sequence[str] = (),
        proposals: str | None = None,
        cache: Path | str | None = None,
        show: bool = False,
    ) -> Samples:
        """Samples of a rig of one's own, with what it reads.

        Args:
            rig: the rig's file (docs/rig.md).
            cameras: names of those to look through, where the rig has more than it was trained with.
            keys: frames instead of all.
            proposals: lidar, stereo, or a folder of query files; None: as in training.
            cache: where prepared files are kept that have to be made; None: beside the rig's file.
            show: say how far that is.

        Raises:
            InputError: the rig's file is not usable, or the rig has not what the network reads.
        """
        sources = dict(self.sources) if proposals is None else {**self.sources, "proposals": proposals}
        config = rig_data(rig, replace(self.data, needs=self.needs), self.cameras, sources, cameras, self.dispensable)
        config, sources = with_origin(config, self.sources, "proposals", proposals)
        config = replace(config, keys=tuple(keys))
        return ready(config, sources, None if cache is None else Path(cache), show=show).build()

    def predict(
        self,
        images: Sample | Picture | Sequence[Picture],
        intrinsics: ArrayLike | None = None,
        poses: ArrayLike | None = None,
        *,
        points: ArrayLike | None = None,
        right: Picture | None = None,
        baseline_m: float | None = None,
        pose: ArrayLike | None = None,
        key: str = "frame",
    ) -> Occupancy:
        """What fills the space around the vehicle at one moment.

        Args:
            images: a sample; or a picture for each camera, as recorded (files, Pillow images, uint8 arrays h w 3).
            intrinsics: K (3, 3) of each camera, pixels.
            poses: `T_ego_cam` (4, 4) of each camera: its pose in the ego frame (x ahead, y left, z up), metres.
            points: LiDAR points (p, c) in the ego frame, if the network reads them, or to make proposals from.
            right: right picture of a rectified pair whose left one is the only image, for networks that look at pairs,
                or to make proposals from.
            baseline_m: distance of the pair's cameras.
            pose: `T_world_ego`, kept with the result.
            key: what the moment is called.

        Returns:
            the occupancy, on the CPU, with scores, and with the images and cameras to look at it.

        Raises:
            InputError: something that the network reads is missing or does not fit, or its scores are no numbers.
        """
        sample = images if isinstance(images, Sample) else self._plain(images, intrinsics, poses, points, pose, key)
        sample = self._completed(sample, right, baseline_m)
        self._check(sample)
        with torch.no_grad():
            prediction = self.network(collate([sample]).to(self.device)).finite([sample.key])
        logits = prediction.logits[0].float().cpu()
        return Occupancy(
            task=self.task,
            classes=prediction.classes[0].cpu(),
            logits=logits,
            pose=sample.pose,
            key=sample.key,
            images=sample.images,
            cameras=sample.cameras,
        )

    def _plain(
        self,
        images: Picture | Sequence[Picture],
        intrinsics: ArrayLike | None,
        poses: ArrayLike | None,
        points: ArrayLike | None,
        pose: ArrayLike | None,
        key: str,
    ) -> Sample:
        if intrinsics is None or poses is None:
            found = " and ".join(n for n, given in (("intrinsics", intrinsics), ("poses", poses)) if given is None)
            raise InputError(
                file="predict",
                field="intrinsics, poses",
                expected="both, for every camera",
                found=f"no {found}",
                remedy="Give K (3 x 3, pixels) and the camera's pose in the ego frame (4 x 4, metres).",
            )
        return plain_sample(self.task.grid, images, Rig.of(intrinsics, poses), points=points, pose=pose, key=key)

    def _completed(self, sample: Sample, right: Picture | None, baseline_m: float | None) -> Sample:
        """At the network's size, with what can be made from what is there."""
        if "proposals" in self.needs and sample.proposals is None:
            sample = replace(sample, proposals=proposals_of(sample, right, baseline_m)[0])
        if "T_rect_ego" in self.needs:
            sample = rectified_pair(sample, right, baseline_m)
        cameras = sample.cameras
        wanted = None if cameras is None else size_px(self.image_px, self.data.focal_px, cameras)
        if cameras is not None and wanted is not None and (cameras.size_px != torch.tensor(wanted)).any():
            sample = resized(sample, ImageChanges(wanted, None, np.random.default_rng(0)))
        if "depth" in self.needs and sample.depth is None and sample.points is not None and cameras is not None:
            sample = draw_depth_images(sample, self.data.depth_rule, self.data.depth_range_m)
        return sample

    def _check(self, sample: Sample) -> None:
        held = {need for need in self.needs if getattr(sample, need, None) is not None or need in sample.extras}
        spared = self.dispensable if held & self.dispensable else frozenset()
        # Points first: depth images are drawn from them.
        for need in sorted(self.needs - spared, key=lambda name: (name != "points", name)):
            if need not in held:
                raise InputError(
                    file=f"sample {sample.key}",
                    field=need,
                    expected=f"present: {type(self.network).__name__} reads {', '.join(sorted(self.needs))}",
                    found="absent",
                    remedy=f"Pass {need}, or a sample of `Model.samples`, or choose a network that does without.",
                )
        seen = None if sample.cameras is None else sample.cameras.count
        if "images" in self.needs and self.cameras is not None and seen != self.cameras:
            raise InputError(
                file=f"sample {sample.key}",
                field="cameras",
                expected=f"{self.cameras}, as in training",
                found=seen,
                remedy="Give a picture of every camera; a network that was trained with all of them guesses without.",
            )
        columns = self.network.point_columns if isinstance(self.network, ReadsPoints) else 3
        scan = sample.points if "points" in self.needs else None
        # Rigs without a LiDAR come with a scan of no points, which is none where something else will do.
        dispensed = "points" in spared and bool(held & spared - {"points"})
        if scan is not None and (len(scan) or not dispensed):
            cloud(scan, columns)
