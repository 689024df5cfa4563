"""SemanticKITTI's own files from labelled scans: voxel truth, and training targets at several scales."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from voxway.core.errors import InputError
from voxway.core.files import present, write_json
from voxway.data.files.flags import write_flags
from voxway.data.job import Job, JobOptions
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.keys import parse_key
from voxway.data.semantickitti.labels import preprocessed_path, write_target
from voxway.data.semantickitti.layout import (
    SequenceFiles,
    read_calibration,
    read_point_labels,
    read_poses,
    read_scan,
    write_voxel_labels,
)
from voxway.truth.downscale import downscale
from voxway.truth.semantickitti import LabelledScan, build_truth

SCALES = (1, 2, 4, 8)
_STRIDE = 5


def prepare_truth(data: SemanticKITTIConfig, folder: Path, options: JobOptions) -> Job:
    """``sequences/SS/voxels/FFFFFF.{label,bin,invalid,occluded}`` of every fifth frame.

    A frame whose truth comes from fewer scans than asked for, as the drive ends or scans are missing, has
    ``FFFFFF.scans.json`` besides: how many were asked for and used, and which were missing.

    Args:
        data: which frames; they need scans, point labels, calib.txt and poses.txt.
        folder: holds ``sequences/`` afterwards.
        options: `scans` after the key scan are accumulated, where there are as many.
    """
    fewer = _Fewer()

    def make(key: str, path: Path) -> None:
        sequence, frame = parse_key(key)
        source, target = SequenceFiles(data.root, sequence), SequenceFiles(folder, sequence)
        poses = _poses(source)
        wanted = range(frame, min(frame + options.scans + 1, len(poses)))
        missing = [number for number in wanted if number != frame and not present(source.scan(number))]
        clouds = []
        for number in [number for number in (frame, *wanted[1:]) if number not in missing]:
            points = read_scan(source.scan(number))
            labels = read_point_labels(source.point_labels(number), len(points))
            clouds.append(LabelledScan(points, labels, poses[number]))
        fewer.note(key, len(clouds), 1 + options.scans, missing, target.voxels(frame, "label"))
        truth = build_truth(clouds, SEMANTIC_KITTI.grid)
        write_flags(target.voxels(frame, "bin"), truth.occupied)
        write_flags(target.voxels(frame, "invalid"), truth.invalid)
        write_flags(target.voxels(frame, "occluded"), truth.occluded)
        write_voxel_labels(path, truth.labels)

    def target(key: str) -> Path:
        sequence, frame = parse_key(key)
        return SequenceFiles(folder, sequence).voxels(frame, "label")

    return Job(what="voxel truth", keys=_scanned_keys(data), target=target, make=make, remark=fewer.said)


class _Fewer:
    """Frames whose truth was built from fewer scans than asked for."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.gaps: list[str] = []

    def note(self, key: str, used: int, asked: int, missing: Sequence[int], label: Path) -> None:
        """Record beside a frame's truth how many scans it was built from, if those are fewer."""
        record = label.with_suffix(".scans.json")
        if used == asked:
            record.unlink(missing_ok=True)
            return
        write_json(record, {"asked": asked, "used": used, "missing": list(missing)})
        (self.gaps if missing else self.ended).append(f"{key} from {used} of {asked}")

    def said(self) -> str:
        """How many frames have fewer scans than asked for, and why."""
        lines = []
        if self.ended:
            lines.append(f"{len(self.ended)} of fewer scans, as the drive ends: {self.ended[0]} to {self.ended[-1]}")
        if self.gaps:
            some = ", ".join(self.gaps[:5]) + (", ..." if len(self.gaps) > 5 else "")
            lines.append(f"{len(self.gaps)} of fewer scans than asked for, as scans are missing: {some}")
        return "\n".join(f"{line} (see voxels/*.scans.json)" for line in lines)


def _poses(files: SequenceFiles) -> Float[np.ndarray, "n 4 4"]:
    """Poses of all scans of a drive.

    Raises:
        InputError: there are scans without one.
    """
    poses, scans = read_poses(files.poses, read_calibration(files.calibration).T_cam_velo), files.scans()
    if scans[-1] >= len(poses):
        raise InputError(
            file=files.poses,
            field="poses",
            expected=f"at least {scans[-1] + 1}, as the last scan is {files.scan(scans[-1]).name}",
            found=len(poses),
            remedy="Complete the file: line n is the pose of scan n, from 0.",
        )
    return poses


def prepare_targets(data: SemanticKITTIConfig, folder: Path, options: JobOptions) -> Job:
    """``SS/FFFFFF_1_k.npy`` (uint8 training ids) at scales k = 1, 2, 4, 8 of all frames that `data` reads.

    Raises:
        InputError: no annotated frames.
    """
    samples = data.raw("target").build()

    def make(key: str, path: Path) -> None:
        sequence, frame = parse_key(key)
        classes = samples.truth(key).classes.numpy()
        for factor in reversed(SCALES):  # full size last: its presence says that the frame is done
            scaled = classes if factor == 1 else downscale(classes, factor, SEMANTIC_KITTI.free)
            write_target(preprocessed_path(folder, sequence, frame, factor), scaled)

    def target(key: str) -> Path:
        return preprocessed_path(folder, *parse_key(key))

    return Job(what="targets", keys=samples.keys, target=target, make=make)


def _scanned_keys(data: SemanticKITTIConfig) -> list[str]:
    """Every fifth scan of the sequences that `data` names, or its keys."""
    if data.keys:
        return list(data.keys)
    sequences = data.drives or SEMANTIC_KITTI.splits[data.split].sequences
    found = {sequence: SequenceFiles(data.root, sequence).scans() for sequence in sequences}
    return [f"{sequence}/{frame:06d}" for sequence, frames in found.items() for frame in frames if frame % _STRIDE == 0]
