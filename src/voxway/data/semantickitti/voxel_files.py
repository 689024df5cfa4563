"""SemanticKITTI's own files from labelled scans: voxel truth, and training targets at several scales."""

from __future__ import annotations

from pathlib import Path

from voxway.data.files.flags import write_flags
from voxway.data.job import Job, JobOptions
from voxway.data.prepared.made import Origin
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.keys import parse_key
from voxway.data.semantickitti.labels import preprocessed_path, write_target
from voxway.data.semantickitti.layout import (
    SequenceFiles,
    read_point_labels,
    read_scan,
    write_voxel_labels,
)
from voxway.data.semantickitti.sequence import poses_of
from voxway.truth.downscale import downscale
from voxway.truth.semantickitti import LabelledScan, build_truth

SCALES = (1, 2, 4, 8)
_STRIDE = 5


def prepare_truth(data: SemanticKITTIConfig, folder: Path, options: JobOptions) -> Job:
    """``sequences/SS/voxels/FFFFFF.{label,bin,invalid,occluded}`` of every fifth frame.

    Args:
        data: which frames; they need scans, point labels, calib.txt and poses.txt.
        folder: holds ``sequences/`` afterwards.
        options: `scans` after the key scan are accumulated, where there are as many.
    """

    def make(key: str, path: Path) -> None:
        sequence, frame = parse_key(key)
        source, target = SequenceFiles(data.folder, sequence), SequenceFiles(folder, sequence)
        poses = poses_of(source)
        last = frame + options.scans
        present = [n for n in range(frame, last + 1) if n < len(poses) and source.scan(n).exists()]
        clouds = []
        for number in present or [frame]:
            points = read_scan(source.scan(number))
            labels = read_point_labels(source.point_labels(number), len(points))
            clouds.append(LabelledScan(points, labels, poses[number]))
        truth = build_truth(clouds, SEMANTIC_KITTI.grid)
        write_flags(target.voxels(frame, "bin"), truth.occupied)
        write_flags(target.voxels(frame, "invalid"), truth.invalid)
        write_flags(target.voxels(frame, "occluded"), truth.occluded)
        write_voxel_labels(path, truth.labels)

    def target(key: str) -> Path:
        sequence, frame = parse_key(key)
        return SequenceFiles(folder, sequence).voxels(frame, "label")

    def sources(key: str) -> list[Path]:
        sequence, frame = parse_key(key)
        files = SequenceFiles(data.folder, sequence)
        numbers = [n for n in range(frame, frame + options.scans + 1) if n == frame or files.scan(n).exists()]
        read = [path for n in numbers for path in (files.scan(n), files.point_labels(n))]
        return [*read, files.poses, *files.calibration_files]

    origin = Origin(
        folder=folder,
        name="truth",
        maker="voxel truth",
        settings={"scans": options.scans},
        root=data.folder,
        sources=sources,
    )
    return Job(what="voxel truth", keys=_scanned_keys(data), target=target, make=make, origin=origin)


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

    origin = Origin(folder=folder, name="targets", maker="targets", root=data.folder, sources=samples.read_from)
    return Job(what="targets", keys=samples.keys, target=target, make=make, origin=origin)


def _scanned_keys(data: SemanticKITTIConfig) -> list[str]:
    """Every fifth scan of the sequences that `data` names, or its keys."""
    if data.keys:
        return list(data.keys)
    sequences = data.drives or SEMANTIC_KITTI.splits[data.split].sequences
    found = {sequence: SequenceFiles(data.folder, sequence).scans() for sequence in sequences}
    return [f"{sequence}/{frame:06d}" for sequence, frames in found.items() for frame in frames if frame % _STRIDE == 0]
