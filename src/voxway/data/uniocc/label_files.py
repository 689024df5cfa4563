"""Voxel labels as UniOcc's files: `DRIVE/NUMBER.npz`, with the cameras and annotated things of the recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from voxway.core.task import IGNORE
from voxway.data.label_format import FormLabels, LabelOptions
from voxway.data.uniocc.benchmark import UNIOCC
from voxway.data.uniocc.layout import FrameCamera, FrameThing, frame_path, read_uniocc, write_uniocc

_NO_CLASS = UNIOCC.task.class_id("general_object")


@dataclass(frozen=True)
class UniOccFiles:
    """See the head of the file. What is unknown is free, what has no class a general object."""

    benchmark = UNIOCC
    x_right = False

    def path(self, folder: Path, key: str, names: Mapping[str, str]) -> Path:
        """See `LabelFormat.path`; frames are numbers without leading zeros, as far as they are numbers."""
        drive, _, frame = key.rpartition("/")
        number = str(int(frame)) if frame.isdecimal() else frame
        return frame_path(Path(folder), f"{drive or 'scene_000'}/{number}")

    def write(self, folder: Path, labels: FormLabels, options: LabelOptions) -> None:
        """See `LabelFormat.write`."""
        classes = np.where(labels.classes == IGNORE, np.uint8(_NO_CLASS), labels.classes)
        flow = None if labels.flow is None else labels.flow.astype(np.float32)
        path = self.path(folder, labels.key, labels.recorded.names)
        cameras = [
            FrameCamera(
                name=picture.name, filename=picture.file, K=np.array(picture.K), T_ego_cam=np.array(picture.T_frame_cam)
            )
            for picture in labels.recorded.pictures
        ]
        things = [
            FrameThing(
                token=thing.name,
                category=_NO_CLASS if labels.ids[thing.class_name] == IGNORE else labels.ids[thing.class_name],
                size_m=thing.size_m,
                T_ego_agent=np.array(thing.T_frame_box),
            )
            for thing in labels.recorded.things
            if thing.class_name in labels.ids
        ]
        write_uniocc(path, classes, labels.camera, labels.T_world_frame, cameras, flow, things)

    def read(self, path: Path) -> UInt8[np.ndarray, "x y z"]:
        """See `LabelFormat.read`."""
        return read_uniocc(path)[0]

    def lost(self, options: LabelOptions) -> str:
        """See `LabelFormat.lost`."""
        return "Voxels of which nothing is known read as free; only the camera mask limits what is scored."


FILES = UniOccFiles()
