"""Check a copy of SemanticKITTI before a long run does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from voxway.core.errors import InputError
from voxway.data.checks.report import Report
from voxway.data.prepared.registry import prepared_format
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.check_contents import check_contents
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.keys import annotated_frames
from voxway.data.semantickitti.layout import (
    Calibration,
    SequenceFiles,
    read_calibration,
    read_poses,
    read_times,
)

# fmt: off
SCANS = {
    "00": 4541, "01": 1101, "02": 4661, "03": 801, "04": 271, "05": 2761, "06": 1101, "07": 1101, "08": 4071,
    "09": 1591, "10": 1201,
}
"""Scans per labelled sequence of KITTI odometry; every fifth, from 0, is annotated with voxels."""
# fmt: on
_STRIDE = 5
_FOCAL_PX = (650.0, 780.0)
_BASELINE_M = (0.50, 0.58)
_STEP_M = 5.0
"""Farthest that a car gets between two scans 0.1 s apart."""
_TURN_RAD = 0.35
_IGNORED_SHARE = (0.02, 0.75)
"""Share of voxels without truth in real frames: 0.08 to 0.5; beyond these bounds the masks are wrong."""
_FROM_SEMANTIC_KITTI = "Fetch it again from semantic-kitti.org."
_FROM_KITTI = "Fetch it again from KITTI odometry."
_KINDS: tuple[Literal["label", "invalid", "bin", "occluded"], ...] = ("label", "invalid", "bin", "occluded")


def check_semantickitti(
    config: SemanticKITTIConfig, contents: int = 10, progress: Callable[[int, int, str], None] | None = None
) -> Report:
    """List everything that is missing from or wrong with what a reader of this configuration would read.

    Args:
        config: the reader's configuration. Where it says `partial`, missing frames are notes.
        contents: frames per sequence whose files are opened, evenly spread; 0 for none.
        progress: called with (done, total, what) after every sequence.
    """
    split = SEMANTIC_KITTI.splits[config.split]
    sequences = config.drives or split.sequences
    expected = [_expected_frames(sequence) for sequence in sequences]
    report = Report(
        benchmark=SEMANTIC_KITTI,
        split=config.split,
        expected_frames=None if None in expected else sum(len(frames or ()) for frames in expected),
    )
    for done, sequence in enumerate(sequences, 1):
        _check_sequence(config, SequenceFiles(config.root, sequence, config.voxel_folder), contents, report)
        if progress:
            progress(done, len(sequences), f"sequence {sequence}")
    if not report.frames:
        folder = Path(config.root) / "sequences"
        report.add("error", folder, "no annotated frame at all", "Check the root folder: it must hold sequences/00.")
    _check_histogram(config, report)
    return report


def _expected_frames(sequence: str) -> list[int] | None:
    return list(range(0, SCANS[sequence], _STRIDE)) if sequence in SCANS else None


def _check_sequence(config: SemanticKITTIConfig, files: SequenceFiles, contents: int, report: Report) -> None:
    if not files.folder.is_dir():
        severity = "note" if config.partial else "error"
        report.add(severity, files.folder, "the sequence is missing", "Add it, or leave it out by naming sequences.")
        return
    calibration = None
    try:
        calibration = read_calibration(files.calibration)
    except InputError as error:
        report.add_error(error)
    if calibration is not None:
        _check_calibration(files, calibration, report)
        _check_drive(config, files, calibration, report)
    frames = _check_listing(config, files, report)
    report.frames += len(frames)
    _check_sizes(config, files, frames, report)
    if contents and frames:
        chosen = np.unique(np.linspace(0, len(frames) - 1, contents).round().astype(int))
        for frame in (frames[i] for i in chosen):
            check_contents(config, files, frame, calibration, report)


def _check_calibration(files: SequenceFiles, calibration: Calibration, report: Report) -> None:
    for name, P in (("P2", calibration.P2), ("P3", calibration.P3)):
        if not _FOCAL_PX[0] < P[0, 0] < _FOCAL_PX[1]:
            what = f"{name} has a focal length of {P[0, 0]:.0f} px; KITTI's lie between {_FOCAL_PX[0]:.0f} and "
            report.add(
                "warning", files.calibration, f"{what}{_FOCAL_PX[1]:.0f}", "Check that pictures were not resized."
            )
    if not _BASELINE_M[0] < calibration.baseline < _BASELINE_M[1]:
        what = f"cameras 2 and 3 stand {calibration.baseline:.3f} m apart; KITTI's stand about 0.54 m apart"
        report.add("warning", files.calibration, what, _FROM_KITTI)


def _check_drive(config: SemanticKITTIConfig, files: SequenceFiles, calibration: Calibration, report: Report) -> None:
    if files.times.exists():
        try:
            if (np.diff(read_times(files.times)) <= 0).any():
                report.add("warning", files.times, "times do not increase", _FROM_KITTI)
        except InputError as error:
            report.add_error(error)
    if not files.poses.exists() and "pose" not in config.needs:
        return
    try:
        poses = read_poses(files.poses, calibration.T_cam_velo)
    except InputError as error:
        report.add_error(error)
        return
    scans = SCANS.get(files.sequence)
    if scans is not None and len(poses) != scans and not config.partial:
        report.add("error", files.poses, f"{len(poses)} poses for {scans} scans", _FROM_SEMANTIC_KITTI)
    motion = np.linalg.inv(poses[:-1]) @ poses[1:]
    distance = np.linalg.norm(motion[:, :3, 3], axis=1)
    turn = np.arccos(np.clip((np.trace(motion[:, :3, :3], axis1=1, axis2=2) - 1) / 2, -1, 1))
    jumps = np.flatnonzero((distance > _STEP_M) | (turn > _TURN_RAD))
    if len(jumps):
        first = int(jumps[0])
        what = f"{len(jumps)} jumps, the first by {distance[first]:.1f} m and {turn[first]:.2f} rad after scan {first}"
        report.add("warning", files.poses, what, "Check that poses belong to this sequence and none are left out.")


def _check_listing(config: SemanticKITTIConfig, files: SequenceFiles, report: Report) -> list[int]:
    frames = annotated_frames(config, files.sequence)
    folder = config.targets or config.preprocessed or files.folder / files.voxel_folder
    expected = _expected_frames(files.sequence)
    if not frames:
        severity = "note" if config.partial else "error"
        report.add(severity, folder, f"no annotated frames of sequence {files.sequence}", _FROM_SEMANTIC_KITTI)
    if expected is None or not frames:
        return frames
    missing = sorted(set(expected) - set(frames))
    if missing:
        what = f"{len(missing)} of {len(expected)} annotated frames are missing: {_first(missing)}"
        report.add("note" if config.partial else "error", folder, what, _FROM_SEMANTIC_KITTI)
    extra = sorted(set(frames) - set(expected))
    if extra:
        what = f"{len(extra)} frames that are not in the release: {_first(extra)}"
        report.add("warning", folder, what, "Remove them, or train on named sequences so that counts are not compared.")
    return frames


def _check_sizes(config: SemanticKITTIConfig, files: SequenceFiles, frames: list[int], report: Report) -> None:
    """Presence and size of every file that a run will read, without opening it."""
    if not frames:
        return
    from_voxels = config.targets is None and config.preprocessed is None
    count = SEMANTIC_KITTI.grid.count
    sizes = {"label": 2 * count, "bin": count // 8, "invalid": count // 8, "occluded": count // 8}
    needed = {"label", "invalid"} if from_voxels and "target" in config.needs else set()
    groups: list[tuple[str, list[Path], int | None, bool]] = [
        (f".{kind} files", [files.voxels(f, kind) for f in frames], sizes[kind], kind in needed) for kind in _KINDS
    ]
    if config.needs & {"images", "semantics_2d", "depth"}:
        for camera in config.cameras:
            groups.append((f"pictures of camera {camera}", [files.image(camera, f) for f in frames], None, True))
    bits = {"proposals": count // 64, "pseudo": count // 8}
    for need in sorted(config.needs & set(config.prepared)):
        kept = prepared_format(need)
        paths = [kept.path(config.prepared[need], f"{files.sequence}/{f:06d}") for f in frames]
        groups.append((f"prepared files ({need})", paths, bits.get(need), True))
    drawn = config.needs & {"depth", "semantics_2d"} - set(config.prepared)
    if drawn or "points" in config.needs:
        groups.append(("scans", [files.scan(f) for f in frames], None, True))
    for name, paths, size, required in groups:
        present = [path for path in paths if path.exists()]
        missing = [int(path.stem) for path in paths if not path.exists()]
        if required and missing:
            what = f"{len(missing)} of {len(paths)} {name} are missing: {_first(missing)}"
            report.add("error", paths[0].parent, what, "Complete the download, or leave the sequence out.")
        wrong = [path for path in present if path.stat().st_size != size] if size else []
        for path in wrong[:5]:
            what = f"{path.stat().st_size} bytes instead of {size}"
            more = f" ({len(wrong)} such {name})" if len(wrong) > 1 else ""
            report.add("error", path, what + more, "The copy is cut short or of another grid; fetch it again.")


def _check_histogram(config: SemanticKITTIConfig, report: Report) -> None:
    if not report.read_frames:
        return
    folder = Path(config.root) / "sequences"
    low, high = _IGNORED_SHARE
    if not low <= report.ignored_share <= high:
        what = f"{100 * report.ignored_share:.1f} % of the voxels have no truth; real frames have 8 to 50 %"
        report.add("warning", folder, what, "Check the `.invalid` files, and that labels were not remapped.")
    if report.read_frames >= 10:
        for name in ("road", "vegetation"):
            if not report.voxels[SEMANTIC_KITTI.task.class_id(name)]:
                what = f"no voxel of class {name} in {report.read_frames} frames"
                report.add("warning", folder, what, "Check that labels hold raw ids and not training ids.")


def _first(numbers: list[int]) -> str:
    shown = ", ".join(f"{number:06d}" for number in numbers[:5])
    return f"{shown}, ..." if len(numbers) > 5 else shown
