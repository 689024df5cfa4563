"""Voxel truth from labelled scans, and training targets at several scales from voxel truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.keys import parse_key
from voxway.data.semantickitti.labels import preprocessed_path, write_target
from voxway.data.semantickitti.layout import (
    SequenceFiles,
    read_calibration,
    read_point_labels,
    read_poses,
    read_scan,
    write_flags,
    write_voxel_labels,
)
from voxway.data.semantickitti.reader import SemanticKITTIConfig
from voxway.prepare.runner import run
from voxway.truth.downscale import downscale
from voxway.truth.semantickitti import LabelledScan, build_truth

SCALES = (1, 2, 4, 8)


def prepare_truth(
    data: SemanticKITTIConfig, folder: Path, *, scans: int = 70, shard: tuple[int, int] = (0, 1), show: bool = True
) -> int:
    """Write ``sequences/SS/voxels/FFFFFF.{label,bin,invalid,occluded}`` of every fifth frame.

    Args:
        data: which frames; they need scans, point labels, calib.txt and poses.txt.
        folder: holds ``sequences/`` afterwards.
        scans: scans after the key scan that are accumulated, where there are as many.
        shard: (i, n) does every n-th frame.
        show: draw a progress bar.

    Raises:
        InputError: a file is missing or damaged.
    """

    def make(key: str, path: Path) -> None:
        sequence, frame = parse_key(key)
        source, target = SequenceFiles(data.root, sequence), SequenceFiles(folder, sequence)
        poses = read_poses(source.poses, read_calibration(source.calibration).T_cam_velo)
        present = [n for n in range(frame, frame + scans + 1) if n < len(poses) and source.scan(n).exists()]
        clouds = []
        for number in present or [frame]:
            points = read_scan(source.scan(number))
            clouds.append(
                LabelledScan(points, read_point_labels(source.point_labels(number), len(points)), poses[number])
            )
        truth = build_truth(clouds, SEMANTIC_KITTI.grid)
        write_flags(target.voxels(frame, "bin"), truth.occupied)
        write_flags(target.voxels(frame, "invalid"), truth.invalid)
        write_flags(target.voxels(frame, "occluded"), truth.occluded)
        write_voxel_labels(path, truth.labels)  # last: its presence says that the frame is done

    def target(key: str) -> Path:
        sequence, frame = parse_key(key)
        return SequenceFiles(folder, sequence).voxels(frame, "label")

    return run(_scanned_keys(data), target, make, what="voxel truth", shard=shard, show=show)


def prepare_targets(
    data: SemanticKITTIConfig, folder: Path, *, shard: tuple[int, int] = (0, 1), show: bool = True
) -> int:
    """Write ``SS/FFFFFF_1_k.npy`` (uint8 training ids) at scales k = 1, 2, 4, 8 of all frames that `data` reads.

    Raises:
        InputError: a voxel file is missing or damaged.
    """
    reader = replace(data, needs=frozenset({"target"})).build()

    def make(key: str, _: Path) -> None:
        sequence, frame = parse_key(key)
        target = reader[key].target
        assert target is not None
        for factor in reversed(SCALES):  # full size last: its presence says that the frame is done
            scaled = target.numpy() if factor == 1 else downscale(target.numpy(), factor, SEMANTIC_KITTI.free)
            write_target(preprocessed_path(folder, sequence, frame, factor), scaled)

    def target(key: str) -> Path:
        return preprocessed_path(folder, *parse_key(key))

    return run(reader.keys, target, make, what="targets", shard=shard, show=show)


def _scanned_keys(data: SemanticKITTIConfig) -> list[str]:
    """Every fifth scan of the sequences that `data` names, or its keys."""
    if data.keys:
        return list(data.keys)
    sequences = data.sequences or SEMANTIC_KITTI.splits[data.split].sequences
    found = {sequence: SequenceFiles(data.root, sequence).scans() for sequence in sequences}
    return [f"{sequence}/{frame:06d}" for sequence, frames in found.items() for frame in frames if frame % 5 == 0]
